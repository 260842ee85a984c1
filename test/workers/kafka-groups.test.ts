/** Members of the classic protocol share a group over the wire, and operators describe and delete it. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import {
  encodeAssignment,
  encodeSubscription,
} from "../../src/kafka/messages/consumer-protocol.ts";
import type { ControllerApi } from "../../src/objects/contracts/controller.ts";
import type { Env } from "../../src/objects/runtime/env.ts";
import { batchOf, connect, produceRequest, type KafkaClient } from "./kafka-support.ts";
import { newTopic } from "./records-support.ts";

const UNKNOWN_MEMBER = 25;
const MEMBER_ID_REQUIRED = 79;

let groups = 0;
const newGroup = (): string => `kafka-group-${(groups += 1)}`;

function subscription(topic: string): Uint8Array {
  return encodeSubscription({
    topics: [topic],
    userData: null,
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
  });
}

function joinRequest(groupId: string, topic: string, memberId = "") {
  const protocols = [{ name: "range", metadata: subscription(topic) }];
  return {
    groupId,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    memberId,
    protocolType: "consumer",
    protocols,
  };
}

/** Joins alone and gets every partition. */
async function joinAlone(client: KafkaClient, groupId: string, topic: string, version = 6) {
  let joined = await client.ask(11, version, joinRequest(groupId, topic));
  if (joined.errorCode === MEMBER_ID_REQUIRED) {
    joined = await client.ask(11, version, joinRequest(groupId, topic, joined.memberId));
  }
  expect(joined.errorCode).toBe(0);
  const { memberId, generationId } = joined;
  const assignment = encodeAssignment({
    partitions: [{ topic, partitions: [0] }],
    userData: null,
  });
  const synced = await client.ask(14, Math.min(version, 4), {
    groupId,
    generationId,
    memberId,
    assignments: [{ memberId, assignment }],
  });
  expect(synced.errorCode).toBe(0);
  expect(synced.assignment).toEqual(assignment);
  return { memberId, generationId };
}

async function commit(
  client: KafkaClient,
  groupId: string,
  topic: string,
  member: { readonly memberId: string; readonly generationId: number },
  version = 8,
): Promise<number> {
  const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: "note" }];
  const topics = [{ name: topic, partitions }];
  const answer = await client.ask(8, version, { groupId, ...member, topics });
  return answer.topics[0]!.partitions[0]!.errorCode;
}

describe("members", () => {
  test.each([0, 1, 2, 3, 4, 5, 6])("JoinGroup %i to LeaveGroup", async (version) => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    const member = await joinAlone(client, groupId, topic, version);
    for (let v = 0; v <= 4; v++) {
      expect((await client.ask(12, v, { groupId, ...member })).errorCode).toBe(0);
    }
    for (let v = 2; v <= 8; v++) expect(await commit(client, groupId, topic, member, v)).toBe(0);
    const { memberId } = member;
    const left =
      version % 2 === 0
        ? await client.ask(13, 2, { groupId, memberId })
        : await client.ask(13, 4, { groupId, members: [{ memberId }] });
    expect(left.errorCode).toBe(0);
    expect((await client.ask(12, 3, { groupId, ...member })).errorCode).toBe(UNKNOWN_MEMBER);
  });

  test("a member without an id is given one first, from version 4 on", async () => {
    const topic = await newTopic();
    const joined = await connect().ask(11, 4, joinRequest(newGroup(), topic));
    expect(joined.errorCode).toBe(MEMBER_ID_REQUIRED);
    expect(joined.memberId).not.toBe("");
  });

  test("two members rebalance: the first hears of it, joins again, and both are given their part", async () => {
    const topic = await newTopic(2);
    const groupId = newGroup();
    const [first, second] = [connect(), connect()];
    const alone = await joinAlone(first, groupId, topic);
    const pending = await second.ask(11, 6, joinRequest(groupId, topic));
    await second.send(11, 6, joinRequest(groupId, topic, pending.memberId));
    let told = 0;
    while (told === 0) told = (await first.ask(12, 4, { groupId, ...alone })).errorCode;
    expect(told).toBe(27);
    const again = await first.ask(11, 6, joinRequest(groupId, topic, alone.memberId));
    const other = (await second.receive(11, 6))!;
    expect([again.errorCode, other.errorCode]).toEqual([0, 0]);
    expect(other.generationId).toBe(again.generationId);
    expect(again.leader).toBe(alone.memberId);
    expect(again.members.length).toBe(2);
    expect(other.members).toEqual([]);
    const part = (partition: number): Uint8Array =>
      encodeAssignment({ partitions: [{ topic, partitions: [partition] }], userData: null });
    const { generationId } = again;
    const ids = { groupId, generationId };
    await second.send(14, 4, { ...ids, memberId: other.memberId, assignments: [] });
    const synced = await first.ask(14, 4, {
      ...ids,
      memberId: again.memberId,
      assignments: [
        { memberId: again.memberId, assignment: part(0) },
        { memberId: other.memberId, assignment: part(1) },
      ],
    });
    expect(synced.assignment).toEqual(part(0));
    expect((await second.receive(14, 4))!.assignment).toEqual(part(1));
  });

  test("a member that shares no protocol with the group is refused", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    await joinAlone(connect(), groupId, topic);
    const protocols = [{ name: "RoundRobinAssigner", metadata: subscription(topic) }];
    const joined = await connect().ask(11, 3, { ...joinRequest(groupId, topic), protocols });
    expect(joined.errorCode).toBe(23);
  });

  test("a group's id that is not legal is refused everywhere", async () => {
    const topic = await newTopic();
    const client = connect();
    const member = { memberId: "m", generationId: 1 };
    expect((await client.ask(11, 6, joinRequest("", topic))).errorCode).toBe(24);
    expect((await client.ask(12, 4, { groupId: "", ...member })).errorCode).toBe(24);
    expect((await client.ask(13, 4, { groupId: "", members: [] })).errorCode).toBe(24);
    const sync = { groupId: "", ...member, assignments: [] };
    expect((await client.ask(14, 4, sync)).errorCode).toBe(24);
  });
});

describe("offsets", () => {
  test("what was committed is fetched, in every version", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    expect(await commit(client, groupId, topic, { memberId: "", generationId: -1 })).toBe(0);
    const topics = [{ name: topic, partitionIndexes: [0] }];
    for (let version = 1; version <= 8; version++) {
      const answer = await client.ask(9, version, {
        groupId,
        topics,
        groups: [{ groupId, topics }],
      });
      const group = version === 8 ? answer.groups[0]! : answer;
      expect(group.errorCode).toBe(0);
      const found = group.topics[0]!.partitions[0]!;
      expect(found).toMatchObject({ committedOffset: 5, metadata: "note", errorCode: 0 });
    }
    const all = await client.ask(9, 7, { groupId, topics: null });
    expect(all.topics.map(({ name }) => name)).toEqual([topic]);
  });

  test("nothing committed is -1; unknown topics and partitions cannot be committed", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    const topics = [{ name: topic, partitionIndexes: [0] }];
    const none = await client.ask(9, 5, { groupId, topics });
    expect(none.topics[0]!.partitions[0]).toMatchObject({ committedOffset: -1, errorCode: 0 });
    const nobody = { memberId: "", generationId: -1 };
    expect(await commit(client, groupId, "nowhere", nobody)).toBe(3);
    const partitions = [
      { partitionIndex: 0, committedOffset: 1, committedMetadata: null },
      { partitionIndex: 9, committedOffset: 1, committedMetadata: null },
      { partitionIndex: 0, committedOffset: 2, committedMetadata: "x".repeat(5_000) },
    ];
    const request = { groupId, ...nobody, topics: [{ name: topic, partitions }] };
    const answer = await client.ask(8, 8, request);
    expect(answer.topics[0]!.partitions.map(({ errorCode }) => errorCode)).toEqual([0, 3, 12]);
  });

  test("a commit of an old generation is refused", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    const member = await joinAlone(client, groupId, topic);
    const old = { ...member, generationId: member.generationId - 1 };
    expect(await commit(client, groupId, topic, old)).toBe(22);
  });

  test.each([2, 3, 4])("are kept as long as OffsetCommit %i says", async (version) => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    const commitFor = async (retentionTimeMs: number): Promise<void> => {
      const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: null }];
      const nobody = { groupId, memberId: "", generationId: -1, retentionTimeMs };
      const asked = { ...nobody, topics: [{ name: topic, partitions }] };
      const answer = await client.ask(8, version, asked);
      expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(0);
    };
    const committed = async (): Promise<number> => {
      const topics = [{ name: topic, partitionIndexes: [0] }];
      const answer = await client.ask(9, 5, { groupId, topics });
      return Number(answer.topics[0]!.partitions[0]!.committedOffset);
    };
    for (const retentionTimeMs of [-1, 3_600_000, Number.MAX_SAFE_INTEGER]) {
      await commitFor(retentionTimeMs);
      expect(await committed()).toBe(5);
    }
    await commitFor(1);
    // The object's timer runs between two requests.
    while ((await committed()) !== -1) await scheduler.wait(10);
  });

  test("a topic that was created anew has no offsets of the earlier one", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    await commit(client, groupId, topic, { memberId: "", generationId: -1 });
    await client.ask(20, 5, { topicNames: [topic], timeoutMs: 1_000 });
    const named = { name: topic, numPartitions: 1, replicationFactor: 1, assignments: [] };
    await client.ask(19, 5, { topics: [{ ...named, configs: [] }] });
    await client.ask(0, 9, produceRequest(topic, { 0: batchOf(["value-1"]) }));
    const topics = [{ name: topic, partitionIndexes: [0] }];
    const answer = await client.ask(9, 5, { groupId, topics });
    expect(answer.topics[0]!.partitions[0]!.committedOffset).toBe(-1);
  });
});

describe("what other isolates do to topics", () => {
  const controller = (): ControllerApi =>
    (env as unknown as Env).CONTROLLER.getByName("controller") as unknown as ControllerApi;

  /** Bypasses this isolate, whose cache stays as it is. */
  async function createAnew(topic: string): Promise<void> {
    await controller().deleteTopic(topic);
    expect(await controller().createTopic({ topic, partitions: 1 })).toMatchObject({ ok: true });
  }

  const nobody = { memberId: "", generationId: -1 };

  test("a group that had committed does not go on there in the topic that was created anew", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    expect(await commit(client, groupId, topic, nobody)).toBe(0);
    await createAnew(topic);
    const topics = [{ name: topic, partitionIndexes: [0] }];
    for (let version = 1; version <= 8; version++) {
      const answer = await client.ask(9, version, {
        groupId,
        topics,
        groups: [{ groupId, topics }],
      });
      const group = version === 8 ? answer.groups[0]! : answer;
      expect(group.topics[0]!.partitions[0]).toMatchObject({ committedOffset: -1, errorCode: 0 });
    }
    const all = await client.ask(9, 7, { groupId, topics: null });
    expect(all.topics).toEqual([]);
  });

  test("a commit through an isolate that knows the earlier topic is of the one that is there", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    expect(await commit(client, newGroup(), topic, nobody)).toBe(0);
    await createAnew(topic);
    expect(await commit(client, groupId, topic, nobody)).toBe(0);
    const topics = [{ name: topic, partitionIndexes: [0] }];
    const answer = await client.ask(9, 5, { groupId, topics });
    expect(answer.topics[0]!.partitions[0]!.committedOffset).toBe(5);
  });

  test("nothing is committed of a topic that is gone", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    expect(await commit(client, newGroup(), topic, nobody)).toBe(0);
    await controller().deleteTopic(topic);
    expect(await commit(client, groupId, topic, nobody)).toBe(3);
  });
});

describe("the consumer protocol", () => {
  test("is advertised and refused, so that clients set to it tell their application", async () => {
    const client = connect();
    const { apiKeys } = await client.ask(18, 3, {
      clientSoftwareName: "a",
      clientSoftwareVersion: "1",
    });
    expect(apiKeys.find(({ apiKey }) => apiKey === 68)).toMatchObject({ maxVersion: 1 });
    for (const version of [0, 1]) {
      const beat = { groupId: newGroup(), memberId: "m", memberEpoch: 0 };
      expect(await client.ask(68, version, beat)).toMatchObject({
        errorCode: 35,
        assignment: null,
      });
    }
  });
});

describe("topics by their ids", () => {
  const nobody = { memberId: "", generationId: -1 };
  const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: "note" }];
  const idOf = async (client: KafkaClient, name: string): Promise<string> =>
    (await client.ask(3, 12, { topics: [{ name }] })).topics[0]!.topicId;

  test("are committed, fetched one by one and all together", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    const topicId = await idOf(client, topic);
    const answer = await client.ask(8, 10, {
      groupId,
      ...nobody,
      topics: [{ topicId, partitions }],
    });
    expect(answer.topics).toMatchObject([{ topicId, partitions: [{ errorCode: 0 }] }]);
    for (const topics of [[{ topicId, partitionIndexes: [0] }], null]) {
      const asked = { groupId, memberId: null, memberEpoch: -1, topics };
      const fetched = await client.ask(9, 10, { groups: [asked] });
      const [found] = fetched.groups[0]!.topics;
      expect(found).toMatchObject({ topicId, partitions: [{ committedOffset: 5, errorCode: 0 }] });
    }
    const named = [{ name: topic, partitionIndexes: [0] }];
    const { groups: byName } = await client.ask(9, 9, { groups: [{ groupId, topics: named }] });
    expect(byName[0]!.topics[0]!.partitions[0]!.committedOffset).toBe(5);
  });

  test("that are not there are UNKNOWN_TOPIC_ID, beside others that are", async () => {
    const [topic, other] = [await newTopic(), await newTopic()];
    const groupId = newGroup();
    const client = connect();
    const [gone, there] = [await idOf(client, topic), await idOf(client, other)];
    await client.ask(20, 5, { topicNames: [topic], timeoutMs: 1_000 });
    const topics = [gone, there].map((topicId) => ({ topicId, partitions }));
    const answer = await client.ask(8, 10, { groupId, ...nobody, topics });
    expect(answer.topics.map((one) => one.partitions[0]!.errorCode)).toEqual([100, 0]);
    const asked = [gone, there].map((topicId) => ({ topicId, partitionIndexes: [0] }));
    const fetched = await client.ask(9, 10, { groups: [{ groupId, topics: asked }] });
    const found = fetched.groups[0]!.topics.map((one) => one.partitions[0]!);
    expect(found).toMatchObject([
      { committedOffset: -1, errorCode: 100 },
      { committedOffset: 5, errorCode: 0 },
    ]);
  });
});

describe("a group that is not there", () => {
  const ILLEGAL_GENERATION = 22;
  const GROUP_ID_NOT_FOUND = 69;
  const member = { memberId: "somebody", generationId: 1 };

  test.each([
    [2, ILLEGAL_GENERATION],
    [8, ILLEGAL_GENERATION],
    [9, GROUP_ID_NOT_FOUND],
  ])("takes no commit of a generation: OffsetCommit %i answers %i", async (version, code) => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    for (const memberId of ["", "somebody"]) {
      const of = { memberId, generationId: 0 };
      expect(await commit(client, groupId, topic, of, version)).toBe(code);
    }
    const { groups: described } = await client.ask(15, 5, { groups: [groupId] });
    expect(described[0]).toMatchObject({ groupState: "Dead" });
  });

  test("comes to be by a commit of no generation, and then tells a wrong member apart", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    const nobody = { memberId: "", generationId: -1 };
    expect(await commit(client, groupId, topic, nobody, 9)).toBe(0);
    expect(await commit(client, groupId, topic, member, 9)).toBe(UNKNOWN_MEMBER);
    await client.ask(42, 2, { groupsNames: [groupId] });
    expect(await commit(client, groupId, topic, member, 9)).toBe(GROUP_ID_NOT_FOUND);
  });

  test.each([8, 9])(
    "has nothing committed, which is no error of OffsetFetch %i",
    async (version) => {
      const topic = await newTopic();
      const groupId = newGroup();
      const topics = [{ name: topic, partitionIndexes: [0] }];
      const asked = [
        { groupId, ...(version === 8 ? {} : { memberId: "m", memberEpoch: 3 }), topics },
        { groupId: newGroup(), topics: null },
      ];
      const [some, all] = (await connect().ask(9, version, { groups: asked })).groups;
      expect(some).toMatchObject({ errorCode: 0 });
      expect(some!.topics[0]!.partitions[0]).toMatchObject({ committedOffset: -1, errorCode: 0 });
      expect(all).toMatchObject({ errorCode: 0, topics: [] });
    },
  );
});

describe("offsets without members", () => {
  test.each([-1, -2])("a commit of %i is stored and given back", async (committedOffset) => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: "m" }];
    const request = {
      groupId,
      memberId: "",
      generationId: -1,
      topics: [{ name: topic, partitions }],
    };
    const answer = await client.ask(8, 8, request);
    expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(0);
    const topics = [{ name: topic, partitionIndexes: [0] }];
    const found = await client.ask(9, 5, { groupId, topics });
    expect(found.topics[0]!.partitions[0]).toMatchObject({ committedOffset, metadata: "m" });
  });

  test("a group whose id is empty commits, is fetched, described and deleted", async () => {
    const topic = await newTopic();
    const client = connect();
    const nobody = { memberId: "", generationId: -1 };
    expect(await commit(client, "", topic, nobody)).toBe(0);
    const { topics } = await client.ask(9, 5, { groupId: "", topics: null });
    expect(topics[0]!.partitions[0]!.committedOffset).toBe(5);
    const { groups: described } = await client.ask(15, 5, { groups: [""] });
    expect(described[0]).toMatchObject({ errorCode: 0, groupState: "Empty" });
    const deleted = await client.ask(42, 2, { groupsNames: [""] });
    expect(deleted.results[0]!.errorCode).toBe(0);
  });

  test.each([256, 32_767])("an id of %i bytes is a group like others", async (length) => {
    const topic = await newTopic();
    const client = connect();
    const groupId = `long-${length}-`.padEnd(length, "g");
    const member = await joinAlone(client, groupId, topic);
    expect(await commit(client, groupId, topic, member)).toBe(0);
    const { topics } = await client.ask(9, 5, { groupId, topics: null });
    expect(topics[0]!.partitions[0]!.committedOffset).toBe(5);
    const { groups: listed } = await client.ask(16, 5, {});
    expect(listed.find((group) => group.groupId === groupId)?.groupState).toBe("Stable");
    await client.ask(13, 4, { groupId, members: [{ memberId: member.memberId }] });
    const { groups: described } = await client.ask(15, 5, { groups: [groupId] });
    expect(described[0]).toMatchObject({ groupId, groupState: "Empty" });
    const other = `long-${length}-`.padEnd(length, "h");
    expect((await client.ask(9, 5, { groupId: other, topics: null })).topics).toEqual([]);
    const deleted = await client.ask(42, 2, { groupsNames: [groupId] });
    expect(deleted.results[0]!.errorCode).toBe(0);
    const after = await client.ask(16, 5, {});
    expect(after.groups.some((group) => group.groupId === groupId)).toBe(false);
  });

  test("who names a member but no generation commits while the group is empty", async () => {
    const topic = await newTopic();
    const member = { memberId: "somebody", generationId: -1 };
    expect(await commit(connect(), newGroup(), topic, member)).toBe(0);
  });
});

describe("operators", () => {
  test("list, describe and delete groups", async () => {
    const topic = await newTopic();
    const groupId = newGroup();
    const client = connect();
    const member = await joinAlone(client, groupId, topic);
    for (let version = 0; version <= 5; version++) {
      const { groups: listed } = await client.ask(16, version, {});
      expect(listed.find((group) => group.groupId === groupId)?.protocolType).toBe("consumer");
    }
    const ofType = async (type: string) =>
      (await client.ask(16, 5, { typesFilter: [type] })).groups.find((g) => g.groupId === groupId);
    expect(await ofType("classic")).toMatchObject({ groupType: "Classic", groupState: "Stable" });
    expect(await ofType("consumer")).toBeUndefined();
    const missing = await client.ask(15, 6, { groups: ["none"] });
    expect(missing.groups[0]).toMatchObject({ errorCode: 69, groupState: "Dead" });
    expect(missing.groups[0]!.errorMessage).not.toBeNull();
    const empty = await client.ask(16, 4, { statesFilter: ["Empty"] });
    expect(empty.groups.some((group) => group.groupId === groupId)).toBe(false);
    for (let version = 0; version <= 5; version++) {
      const { groups: described } = await client.ask(15, version, { groups: [groupId, "none"] });
      expect(described[0]).toMatchObject({ groupState: "Stable", protocolData: "range" });
      expect(described[0]!.members[0]).toMatchObject({
        memberId: member.memberId,
        clientId: "test",
        clientHost: "/127.0.0.1",
        memberMetadata: subscription(topic),
      });
      expect(described[1]).toMatchObject({ groupState: "Dead", errorCode: 0 });
    }
    const remove = async (): Promise<number> =>
      (await client.ask(42, 2, { groupsNames: [groupId] })).results[0]!.errorCode;
    expect(await remove()).toBe(68);
    await client.ask(13, 4, { groupId, members: [{ memberId: member.memberId }] });
    await commit(client, groupId, topic, { memberId: "", generationId: -1 });
    expect(await remove()).toBe(0);
    expect(await remove()).toBe(69);
  });

  test("each port lists the groups whose coordinator it is", async () => {
    const topic = await newTopic();
    const client = connect();
    const named = Array.from({ length: 9 }, newGroup);
    for (const groupId of named) {
      await commit(client, groupId, topic, { memberId: "", generationId: -1 });
    }
    const lists = await Promise.all(
      [0, 1, 2].map(async (listener) => {
        const { groups: listed } = await connect({ listener }).ask(16, 4, {});
        return listed.map(({ groupId }) => groupId);
      }),
    );
    for (const groupId of named) {
      const found = await client.ask(10, 4, { coordinatorKeys: [groupId] });
      const at = found.coordinators[0]!.port - 9092;
      expect(lists.map((list) => list.includes(groupId))).toEqual([0, 1, 2].map((i) => i === at));
    }
  });

  test("offsets of a topic that members read are not deleted, others are", async () => {
    const [read, other] = [await newTopic(), await newTopic()];
    const groupId = newGroup();
    const client = connect();
    const member = await joinAlone(client, groupId, read);
    for (const topic of [read, other]) await commit(client, groupId, topic, member);
    const partitions = [{ partitionIndex: 0 }];
    const topics = [read, other].map((name) => ({ name, partitions }));
    const answer = await client.ask(47, 0, { groupId, topics });
    const codes = answer.topics.map((topic) => topic.partitions[0]!.errorCode);
    expect([answer.errorCode, ...codes]).toEqual([0, 86, 0]);
  });
});
