/**
 * Topics that are deleted and created again while a group has commits for them: a commit holds for the topic that it was
 * made for, whatever workers have in their caches. `before` and `after` are the topic's ids.
 */
import { describe, expect, test } from "vitest";
import { GroupHarness } from "../../support/group.ts";
import type { CommitRequest, OffsetToCommit } from "../../../src/objects/contracts/offsets.ts";

const ALL = null;
const BEFORE = "id-before";
const AFTER = "id-after";

const at = (offset: number, changes: Partial<OffsetToCommit> = {}): OffsetToCommit => ({
  ...{ topic: "t", partition: 0, offset, leaderEpoch: -1, metadata: "" },
  ...changes,
});

const commitOf = (...offsets: OffsetToCommit[]): CommitRequest => ({
  ...{ memberId: "", groupInstanceId: null, generationId: -1 },
  offsets,
});

/** The group's offset of the first partition of `t`, asked for alone and in the list of all. */
async function committed(h: GroupHarness): Promise<number> {
  const asked = await h.group.fetchOffsets([{ topic: "t", partition: 0 }]);
  const all = await h.group.fetchOffsets(ALL);
  if (!asked.ok || !all.ok) throw new Error("not fetched");
  const { offset } = asked.offsets[0]!;
  expect(all.offsets.map((one) => one.offset)).toEqual(offset < 0 ? [] : [offset]);
  return offset;
}

function harness(): GroupHarness {
  const h = new GroupHarness();
  h.topic("t", 1, BEFORE);
  return h;
}

describe("commits die with their topic", () => {
  test("a group that had committed 10 reads the new topic from its first record", async () => {
    const h = harness();
    await h.group.commitOffsets(commitOf(at(10, { topicId: BEFORE })));
    expect(await committed(h)).toBe(10);
    h.topic("t", 1, AFTER);
    expect(await committed(h)).toBe(-1);
    h.restart();
    expect(await committed(h)).toBe(-1);
  });

  test("so does a group whose topic was deleted and not created again", async () => {
    const h = harness();
    await h.group.commitOffsets(commitOf(at(10, { topicId: BEFORE })));
    h.topics!.clear();
    expect(await committed(h)).toBe(-1);
    const { committedPartitions } = await h.group.describeGroup();
    expect(committedPartitions).toBe(0);
  });

  test("no offsets are answered while the controller cannot be reached", async () => {
    const h = harness();
    await h.group.commitOffsets(commitOf(at(10, { topicId: BEFORE })));
    h.topics = null;
    expect(await h.group.fetchOffsets(ALL)).toMatchObject({ error: "COORDINATOR_NOT_AVAILABLE" });
    h.topics = new Map();
    h.topic("t", 1, BEFORE);
    expect(await committed(h)).toBe(10);
  });

  test("a commit that arrives during the check of the others is not discarded with them", async () => {
    const h = harness();
    await h.group.commitOffsets(commitOf(at(10, { topicId: BEFORE })));
    h.topic("t", 1, AFTER);
    const [, fetched] = await Promise.all([
      h.group.commitOffsets(commitOf(at(3, { topicId: AFTER }))),
      h.group.fetchOffsets([{ topic: "t", partition: 0 }]),
    ]);
    expect(fetched.ok).toBe(true);
    expect(await committed(h)).toBe(3);
  });
});

describe("a commit is of the topic that has the name, or of the one that it names", () => {
  test("a worker that knows the earlier topic commits of the one that is there", async () => {
    const h = harness();
    h.topic("t", 1, AFTER);
    const answer = await h.group.commitOffsets(commitOf(at(20, { topicId: BEFORE })));
    expect(answer).toMatchObject({ errors: [null] });
    expect(await committed(h)).toBe(20);
  });

  test("the commits of two workers, one of which knows the earlier topic, are of the same topic", async () => {
    const h = harness();
    h.topic("t", 1, AFTER);
    await h.group.commitOffsets(commitOf(at(5, { topicId: AFTER })));
    await h.group.commitOffsets(commitOf(at(6, { topicId: BEFORE })));
    expect(await committed(h)).toBe(6);
    await h.group.commitOffsets(commitOf(at(7, { topicId: AFTER })));
    expect(await committed(h)).toBe(7);
  });

  test("a client that names the earlier topic's id gets UNKNOWN_TOPIC_ID, and nothing changes", async () => {
    const h = harness();
    h.topic("t", 1, AFTER);
    await h.group.commitOffsets(commitOf(at(5, { topicId: AFTER })));
    const old = at(9, { topicId: BEFORE, isTopicIdGiven: true });
    expect(await h.group.commitOffsets(commitOf(old))).toMatchObject({
      errors: ["UNKNOWN_TOPIC_ID"],
    });
    expect(await committed(h)).toBe(5);
  });

  test("nothing is committed for a deleted topic; the other topics of the request are committed", async () => {
    const h = harness();
    const gone = at(1, { topic: "gone", topicId: "id-gone" });
    const answer = await h.group.commitOffsets(commitOf(gone, at(5, { topicId: BEFORE })));
    expect(answer).toMatchObject({ errors: ["UNKNOWN_TOPIC_OR_PARTITION", null] });
    expect(await committed(h)).toBe(5);
  });

  test("a group whose topics have not changed asks the controller once, also after hibernation", async () => {
    const h = harness();
    const commit = (offset: number) =>
      h.group.commitOffsets(commitOf(at(offset, { topicId: BEFORE })));
    for (let offset = 1; offset < 10; offset++) await commit(offset);
    expect(h.questions).toBe(1);
    h.restart();
    for (let offset = 10; offset < 20; offset++) await commit(offset);
    expect(h.questions).toBe(1);
    expect(await committed(h)).toBe(19);
  });

  test("offsets set by an operator apply to the current topic", async () => {
    const h = harness();
    h.topic("t", 1, AFTER);
    expect(await h.group.setOffsets([at(4, { topicId: BEFORE })])).toMatchObject({
      errors: [null],
    });
    expect(await committed(h)).toBe(4);
  });
});

describe("instances", () => {
  /** Reads up to `next` and acknowledges that with its next poll. */
  async function read(h: GroupHarness, name: string, next: number): Promise<void> {
    const plan = await h.poll(name);
    if (!plan.ok) throw new Error(plan.error);
    const { pollId, generationId } = plan;
    const positions = [{ topic: "t", partition: 0, nextOffset: next }];
    const noted = await h.group.deliver({ instanceId: name, pollId, generationId, positions });
    expect(noted.ok).toBe(true);
  }

  async function positionOf(h: GroupHarness, name: string) {
    const plan = await h.poll(name);
    if (!plan.ok) throw new Error(plan.error);
    const [part] = plan.partitions;
    return { topicId: part?.topicId, position: part?.position, reset: part?.reset };
  }

  test.each([true, false])(
    "positions in the earlier topic are not committed for the new one (subscribed: %s)",
    async (isSubscribed) => {
      const h = harness();
      const spec = { autoCommit: true, autoCommitIntervalMs: 1, offsetReset: "latest" as const };
      await h.instance("a", isSubscribed ? ["t"] : [], spec);
      if (!isSubscribed) {
        await h.group.unsubscribe("a");
        await h.group.assign("a", [{ topic: "t", partition: 0, topicId: BEFORE }]);
      }
      await h.polled("a");
      await read(h, "a", 10);
      h.topic("t", 1, AFTER);
      await h.pass(6_000);
      for (let poll = 0; poll < 4; poll++) {
        await h.poll("a");
        await h.settle();
      }
      expect(await positionOf(h, "a")).toEqual({
        ...{ topicId: AFTER, position: null, reset: "earliest" },
      });
      expect(await committed(h)).toBe(-1);
    },
  );

  test("its own commit of positions in the earlier topic is refused, and overwrites nothing", async () => {
    const h = harness();
    await h.instance("a", ["t"]);
    await h.polled("a");
    await read(h, "a", 10);
    h.topic("t", 1, AFTER);
    // The object learns of the new topic after the answer of a poll; nothing of it has been read yet.
    await h.pass(6_000);
    await h.poll("a", "");
    await h.settle();
    const answer = await h.group.commitInstance({ instanceId: "a", offsets: [at(10)] });
    expect(answer).toMatchObject({ errors: ["UNKNOWN_TOPIC_OR_PARTITION"] });
    expect(await committed(h)).toBe(-1);
  });

  test("the committed offsets that it asks for are checked in the same way", async () => {
    const h = harness();
    await h.instance("a", ["t"]);
    await h.polled("a");
    const partitions = [{ topic: "t", partition: 0 }];
    await h.group.commitInstance({ instanceId: "a", offsets: [at(10)] });
    expect(await h.group.committed("a", partitions)).toMatchObject({ offsets: [{ offset: 10 }] });
    h.topic("t", 1, AFTER);
    expect(await h.group.committed("a", partitions)).toMatchObject({ offsets: [{ offset: -1 }] });
  });
});

describe("negative offsets are kept, and say that there is none", () => {
  test.each([-1, -2, -3])(
    "%i is committed, given back, and read as no position",
    async (offset) => {
      const h = harness();
      await h.group.commitOffsets(commitOf(at(offset, { topicId: BEFORE, metadata: "why" })));
      const found = await h.group.fetchOffsets([{ topic: "t", partition: 0 }]);
      expect(found).toMatchObject({ offsets: [{ offset, metadata: "why" }] });
      await h.instance("a", ["t"], { offsetReset: "latest" });
      await h.polled("a");
      const plan = await h.poll("a");
      expect(plan).toMatchObject({ partitions: [{ position: null, reset: "latest" }] });
      // The group's initial position holds, as where nothing was ever committed.
      const offsets = [{ topic: "t", partition: 0, topicId: BEFORE, offset: 7 }];
      await h.group.resolve({ instanceId: "a", generationId: 1, offsets });
      h.restart();
      expect(await h.poll("a")).toMatchObject({ partitions: [{ position: 7 }] });
    },
  );

  test("a later commit replaces the position at which the group started", async () => {
    const h = harness();
    await h.instance("a", ["t"]);
    await h.polled("a");
    const offsets = [{ topic: "t", partition: 0, topicId: BEFORE, offset: 7 }];
    await h.group.resolve({ instanceId: "a", generationId: 1, offsets });
    await h.group.closeInstance("a");
    await h.settle();
    await h.group.commitOffsets(commitOf(at(-1, { topicId: BEFORE })));
    await h.instance("b", ["t"]);
    await h.polled("b");
    expect(await h.poll("b")).toMatchObject({ partitions: [{ position: null }] });
  });
});

describe("who may commit without a generation", () => {
  test("any client, while the group has no members", async () => {
    const h = harness();
    const named = { ...commitOf(at(1, { topicId: BEFORE })), memberId: "consumer-1" };
    expect(await h.group.commitOffsets(named)).toMatchObject({ errors: [null] });
    await h.instance("a", ["t"]);
    await h.settle();
    expect(await h.group.commitOffsets(named)).toMatchObject({ error: "UNKNOWN_MEMBER_ID" });
    expect(await h.group.commitOffsets({ ...named, memberId: "" })).toMatchObject({
      error: "UNKNOWN_MEMBER_ID",
    });
  });
});
