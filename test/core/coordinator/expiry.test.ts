/** When committed offsets expire (KIP-211), and that offsets of topics that are read do not. */
import { describe, expect, test } from "vitest";
import { encodeSubscription } from "../../../src/kafka/messages/consumer-protocol.ts";
import { GroupHarness, SPEC } from "../../support/group.ts";

const MINUTE_MS = 60_000;
/** The interval at which a group with members is checked, and a session more. */
const LOOKED_MS = 2 * MINUTE_MS;

const NOBODY = { memberId: "", groupInstanceId: null, generationId: -1 };
const at = (topic: string, partition = 0) => ({ topic, partition });
const offsetOf = (topic: string, offset = 5) => ({
  ...{ ...at(topic), offset, leaderEpoch: -1, metadata: "" },
});

function harness(): GroupHarness {
  const h = new GroupHarness({ "offsets.retention.minutes": "1" });
  for (const topic of ["read", "other"]) h.topic(topic, 1);
  return h;
}

async function offsets(h: GroupHarness): Promise<string[]> {
  const fetched = await h.group.fetchOffsets(null);
  if (!fetched.ok) throw new Error(fetched.error);
  return fetched.offsets.map(({ topic }) => topic).toSorted();
}

const commitByNobody = (h: GroupHarness, ...topics: readonly string[]) =>
  h.group.commitOffsets({ ...NOBODY, offsets: topics.map((topic) => offsetOf(topic)) });

/** Time goes by while the instance polls. */
async function live(h: GroupHarness, name: string, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 5_000) {
    await h.pass(5_000);
    await h.poll(name);
  }
}

function member(h: GroupHarness, metadata: Uint8Array, protocolType = "consumer") {
  return h.join("", { protocolType, protocols: [{ name: "range", metadata }], ...LONG });
}
const PATIENT = { sessionTimeoutMs: 86_400_000, maxPollIntervalMs: 86_400_000 };
const LONG = { sessionTimeoutMs: 1_800_000 };
const subscription = (topic: string): Uint8Array =>
  encodeSubscription({
    ...{ topics: [topic], userData: null, ownedPartitions: [], generationId: -1, rackId: null },
  });

async function stable(h: GroupHarness, metadata: Uint8Array, protocolType = "consumer") {
  const joined = await member(h, metadata, protocolType);
  if (!joined.ok) throw new Error(joined.error);
  const { memberId, generationId } = joined;
  const named = { memberId, generationId, groupInstanceId: null };
  const assignments = [{ memberId, assignment: new Uint8Array(0) }];
  await h.group.syncGroup({ ...named, assignments, protocolType: null, protocolName: null });
  return named;
}

describe("of a living group", () => {
  test("those of topics that members read stay, the others go (KIP-211)", async () => {
    const h = harness();
    await commitByNobody(h, "read", "other");
    await h.instance("a", ["read"]);
    await live(h, "a", MINUTE_MS - 10_000);
    expect(await offsets(h)).toEqual(["other", "read"]);
    await live(h, "a", LOOKED_MS);
    expect(await offsets(h)).toEqual(["read"]);
    await live(h, "a", 10 * MINUTE_MS);
    expect(await offsets(h)).toEqual(["read"]);
  });

  test("those of a topic that is not subscribed to any more go that long after their commit", async () => {
    const h = harness();
    await h.instance("a", ["read", "other"]);
    await h.polled("a");
    const both = [offsetOf("read"), offsetOf("other")];
    await h.group.commitInstance({ instanceId: "a", offsets: both });
    await live(h, "a", 10 * MINUTE_MS);
    expect(await offsets(h)).toEqual(["other", "read"]);
    await h.group.subscribe("a", { by: "topics", topics: ["read"] });
    await live(h, "a", LOOKED_MS);
    expect(await offsets(h)).toEqual(["read"]);
  });

  test("a pattern that nobody has looked up since the object woke up keeps all of them", async () => {
    const h = harness();
    await commitByNobody(h, "read", "other");
    await h.group.createInstance({ ...SPEC, name: "a" });
    await h.group.subscribe("a", { by: "pattern", pattern: "r.*" });
    await h.polled("a");
    h.topics = null;
    h.restart();
    await live(h, "a", 3 * MINUTE_MS);
    expect((await h.group.describeGroup()).committedPartitions).toBe(2);
    h.topics = new Map();
    for (const topic of ["read", "other"]) h.topic(topic, 1);
    await live(h, "a", LOOKED_MS);
    expect(await offsets(h)).toEqual(["read"]);
  });

  test("a member of Kafka's protocol keeps what it subscribes to", async () => {
    const h = harness();
    await commitByNobody(h, "read", "other");
    const named = await stable(h, subscription("read"));
    for (let minute = 0; minute < 40; minute++) {
      await h.pass(MINUTE_MS);
      expect(await h.group.heartbeat(named)).toEqual({ ok: true });
    }
    expect(await offsets(h)).toEqual(["read"]);
  });

  test.each([
    ["says nothing that can be read", "consumer"],
    ["is no consumer", "connect"],
  ])("a member that %s keeps all of them", async (_, protocolType) => {
    const h = harness();
    await commitByNobody(h, "read", "other");
    const bytes = new Uint8Array([1, 2, 3]);
    const named = await stable(h, bytes, protocolType);
    for (let minute = 0; minute < 40; minute++) {
      await h.pass(MINUTE_MS);
      expect(await h.group.heartbeat(named)).toEqual({ ok: true });
    }
    expect(await offsets(h)).toEqual(["other", "read"]);
    // Nor may an operator delete them, since it is not known what is read.
    const deleted = await h.group.deleteOffsets([at("other")]);
    expect(deleted).toMatchObject(
      protocolType === "consumer"
        ? { errors: ["GROUP_SUBSCRIBED_TO_TOPIC"] }
        : { error: "NON_EMPTY_GROUP" },
    );
  });
});

describe("of a group that nobody is in", () => {
  test("of which nobody ever was a member: since each commit", async () => {
    const h = harness();
    await commitByNobody(h, "read");
    await h.pass(MINUTE_MS / 2);
    await commitByNobody(h, "other");
    await h.pass(MINUTE_MS / 2);
    expect(await offsets(h)).toEqual(["other"]);
    await h.pass(MINUTE_MS / 2);
    expect(await offsets(h)).toEqual([]);
  });

  test("since it was left, and where somebody has committed since, after that", async () => {
    const h = harness();
    await commitByNobody(h, "read");
    await h.instance("a", ["read"]);
    await live(h, "a", 5 * MINUTE_MS);
    await h.group.closeInstance("a");
    await h.pass(MINUTE_MS - 1_000);
    await commitByNobody(h, "other");
    expect(await offsets(h)).toEqual(["other", "read"]);
    await h.pass(1_000);
    expect(await offsets(h)).toEqual(["other"]);
    await h.pass(MINUTE_MS);
    expect(await offsets(h)).toEqual([]);
  });

  test.each([
    ["subscribes to names and has not joined yet", { by: "topics", topics: ["read"] } as const],
    ["subscribes to a pattern and has not joined yet", { by: "pattern", pattern: "re.*" } as const],
    ["has not said yet what it reads", null],
  ])("what an instance reads that %s is kept (seed 4386)", async (_, subscribed) => {
    const h = harness();
    await commitByNobody(h, "read");
    await h.group.createInstance({ ...SPEC, ...PATIENT, name: "a" });
    if (subscribed) await h.group.subscribe("a", subscribed);
    await h.pass(2 * MINUTE_MS);
    await h.group.createInstance({ ...SPEC, ...PATIENT, name: "b" });
    await h.pass(LOOKED_MS);
    expect(await offsets(h)).toEqual(["read"]);
  });

  test("what an instance reads by hand is kept since it was closed", async () => {
    const h = harness();
    await commitByNobody(h, "read", "other");
    await h.group.createInstance({ ...SPEC, name: "a" });
    await h.group.assign("a", [{ ...at("read"), topicId: "id-read" }]);
    await live(h, "a", 5 * MINUTE_MS);
    expect(await offsets(h)).toEqual(["read"]);
    await h.group.closeInstance("a");
    await h.pass(MINUTE_MS - 1);
    expect(await offsets(h)).toEqual(["read"]);
    await h.pass(1);
    expect(await offsets(h)).toEqual([]);
  });

  test("a commit that says how long it is to be kept (OffsetCommit 2 to 4) is, also after a restart", async () => {
    const h = harness();
    const kept = (topic: string, retentionMs: number) =>
      h.group.commitOffsets({ ...NOBODY, offsets: [offsetOf(topic)], retentionMs });
    await kept("read", 10 * MINUTE_MS);
    await kept("other", 1_000);
    h.restart();
    await h.pass(1_000);
    expect(await offsets(h)).toEqual(["read"]);
    await h.pass(10 * MINUTE_MS - 1_001);
    expect(await offsets(h)).toEqual(["read"]);
    await h.pass(1);
    expect(await offsets(h)).toEqual([]);
  });
});
