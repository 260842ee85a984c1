/**
 * Proves that a topic that is named by its id (KIP-516) is that very topic, whatever has its name by now: also where
 * this isolate remembers one that another has deleted.
 */
import { describe, expect, test } from "vitest";
import {
  batchOf,
  connect,
  deleteElsewhere,
  fetchById,
  fetchRequest,
  idOf,
  partitionsOf,
  produceById,
  produceRequest,
  recreateElsewhere,
  type KafkaClient,
} from "./kafka-support.ts";
import { newTopic, readAll } from "./records-support.ts";

const PRODUCE = 0;
const FETCH = 1;
const METADATA = 3;
const DELETE_TOPICS = 20;

const UNKNOWN_TOPIC_OR_PARTITION = 3;
const NOT_LEADER_OR_FOLLOWER = 6;
const INVALID_REQUEST = 42;
const UNKNOWN_TOPIC_ID = 100;
const INCONSISTENT_TOPIC_ID = 103;

const NO_ID = "0".repeat(32);
const NOBODYS_ID = "f".repeat(32);

async function produceTo(
  client: KafkaClient,
  topicId: string,
  index = 0,
): Promise<{ errorCode: number; baseOffset: number }> {
  const request = produceById(topicId, { [index]: batchOf(["value-1"]) });
  const answer = await client.ask(PRODUCE, 13, request);
  expect(answer.responses[0]!.topicId).toBe(topicId);
  return answer.responses[0]!.partitionResponses[0]!;
}

async function fetchFrom(client: KafkaClient, topicId: string): Promise<number> {
  const answer = await client.ask(FETCH, 18, fetchById(topicId, { 0: 0 }));
  expect(answer.responses[0]!.topicId).toBe(topicId);
  return partitionsOf(answer)[0]!.errorCode;
}

describe("metadata", () => {
  test.each([10, 11, 12, 13])("version %i tells ids", async (version) => {
    const topic = await newTopic(2);
    const client = connect();
    const { topics } = await client.ask(METADATA, version, { topics: [{ name: topic }] });
    expect(topics).toMatchObject([{ errorCode: 0, name: topic }]);
    expect(topics[0]!.topicId).toBe(await idOf(client, topic));
    expect(topics[0]!.topicId).not.toBe(NO_ID);
  });

  test("topics are found by their ids from version 12 on", async () => {
    const topic = await newTopic(3);
    const client = connect();
    const topicId = await idOf(client, topic);
    const request = {
      topics: [
        { topicId, name: null },
        { topicId: NOBODYS_ID, name: null },
      ],
    };
    for (const version of [12, 13]) {
      const { topics } = await client.ask(METADATA, version, request);
      expect(topics).toMatchObject([
        { errorCode: 0, name: topic, topicId },
        { errorCode: UNKNOWN_TOPIC_ID, name: null, topicId: NOBODYS_ID, partitions: [] },
      ]);
      expect(topics[0]!.partitions.length).toBe(3);
    }
    for (const version of [10, 11]) {
      const { topics } = await client.ask(METADATA, version, request);
      expect(topics.map(({ errorCode }) => errorCode)).toEqual([INVALID_REQUEST, INVALID_REQUEST]);
    }
  });

  test("a topic that is not there has no id", async () => {
    const { topics } = await connect().ask(METADATA, 13, { topics: [{ name: "nowhere" }] });
    expect(topics).toMatchObject([{ errorCode: 3, name: "nowhere", topicId: NO_ID }]);
  });

  test("authorized operations are told when they are asked for, all that there are", async () => {
    const topic = await newTopic();
    const client = connect();
    const ask = async (version: number, isAsked: boolean): Promise<readonly number[]> => {
      const answer = await client.ask(METADATA, version, {
        topics: [{ name: topic }],
        includeTopicAuthorizedOperations: isAsked,
        includeClusterAuthorizedOperations: isAsked,
      });
      return [answer.topics[0]!.topicAuthorizedOperations, answer.clusterAuthorizedOperations];
    };
    const unknown = -2_147_483_648;
    expect(await ask(10, false)).toEqual([unknown, unknown]);
    // READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS; of the cluster as Kafka has them.
    expect(await ask(10, true)).toEqual([0b1101_1111_1000, 0b1_1111_1010_0000]);
    // Version 11 tells the cluster's with DescribeCluster.
    expect(await ask(13, true)).toEqual([0b1101_1111_1000, unknown]);
  });
});

describe("produce and fetch", () => {
  test.each([10, 11, 12])("Produce %i goes by name", async (version) => {
    const topic = await newTopic();
    const request = produceRequest(topic, { 0: batchOf(["value-1"]) });
    const answer = await connect().ask(PRODUCE, version, request);
    expect(answer.responses).toMatchObject([
      { name: topic, partitionResponses: [{ errorCode: 0, baseOffset: 0 }] },
    ]);
  });

  test.each([13, 14, 15, 16, 17, 18])(
    "what is produced by id, Fetch %i reads by id",
    async (version) => {
      const topic = await newTopic(2);
      const client = connect();
      const topicId = await idOf(client, topic);
      expect(await produceTo(client, topicId, 1)).toMatchObject({ errorCode: 0, baseOffset: 0 });
      expect((await readAll(topic, 1)).map(({ value }) => value)).toEqual(["value-1"]);
      const answer = await client.ask(FETCH, version, fetchById(topicId, { 1: 0 }));
      expect(partitionsOf(answer)).toMatchObject([{ partitionIndex: 1, highWatermark: 1 }]);
    },
  );

  test("an id that nothing has, and a partition that the topic has not", async () => {
    const client = connect();
    const topicId = await idOf(client, await newTopic());
    expect((await produceTo(client, NOBODYS_ID)).errorCode).toBe(UNKNOWN_TOPIC_ID);
    expect(await fetchFrom(client, NOBODYS_ID)).toBe(UNKNOWN_TOPIC_ID);
    expect((await produceTo(client, NO_ID)).errorCode).toBe(UNKNOWN_TOPIC_ID);
    expect(await fetchFrom(client, NO_ID)).toBe(UNKNOWN_TOPIC_ID);
    expect((await produceTo(client, topicId, 7)).errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
  });

  test("ids that nothing has are asked for once, however often they are named", async () => {
    const client = connect();
    const id = "e".repeat(32);
    await fetchFrom(client, id);
    const before = await controllerCalls();
    for (let i = 0; i < 5; i++) expect(await fetchFrom(client, id)).toBe(UNKNOWN_TOPIC_ID);
    expect((await controllerCalls()) - before).toBe(0);
  });

  test.each([1, 5])(
    "a topic that another isolate deleted and made anew, with %i partitions: the old id is unknown, at once",
    async (partitions) => {
      const topic = await newTopic();
      const client = connect();
      const topicId = await idOf(client, topic);
      expect((await produceTo(client, topicId)).errorCode).toBe(0);
      expect(await fetchFrom(client, topicId)).toBe(0);
      const newId = await recreateElsewhere(topic, partitions);
      expect((await produceTo(client, topicId)).errorCode).toBe(UNKNOWN_TOPIC_ID);
      expect([UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID]).toContain(await fetchFrom(client, topicId));
      expect(await readAll(topic)).toEqual([]);
      // And what comes by the new id arrives.
      expect(await produceTo(client, newId)).toMatchObject({ errorCode: 0, baseOffset: 0 });
      expect(await fetchFrom(client, newId)).toBe(0);
    },
  );

  test("librdkafka 0107, by names: of 10 partitions 3 are left, and a producer hears of it at once", async () => {
    const topic = await newTopic(10);
    const client = connect();
    const produceByName = async (partition: number): Promise<number> => {
      const request = produceRequest(topic, { [partition]: batchOf(["value-1"]) });
      const answer = await client.ask(PRODUCE, 9, request);
      return answer.responses[0]!.partitionResponses[0]!.errorCode;
    };
    expect(await produceByName(7)).toBe(0);
    await recreateElsewhere(topic, 3);
    // It chose the partition by what it knew of the other topic: it has to look again before it goes on.
    expect(await produceByName(7)).toBe(NOT_LEADER_OR_FOLLOWER);
    expect(await produceByName(7)).toBe(UNKNOWN_TOPIC_OR_PARTITION);
    expect(await produceByName(2)).toBe(0);
    expect((await readAll(topic, 2)).map(({ offset }) => offset)).toEqual([0]);
  });

  test("a producer that has to look again is told who leads, from version 10 on (KIP-951)", async () => {
    const topic = await newTopic(10);
    const client = connect();
    const request = produceRequest(topic, { 2: batchOf(["value-1"]) });
    await client.ask(PRODUCE, 9, request);
    await recreateElsewhere(topic, 3);
    const answer = await client.ask(PRODUCE, 12, request);
    const metadata = await client.ask(METADATA, 12, { topics: [{ name: topic }] });
    const { leaderId, leaderEpoch } = metadata.topics[0]!.partitions[2]!;
    expect(answer.responses[0]!.partitionResponses).toMatchObject([
      { errorCode: NOT_LEADER_OR_FOLLOWER, currentLeader: { leaderId, leaderEpoch } },
    ]);
    expect(answer.nodeEndpoints).toEqual(
      metadata.brokers.filter(({ nodeId }) => nodeId === leaderId),
    );
  });

  test("a topic that another isolate deleted: unknown by id, and by name", async () => {
    const topic = await newTopic();
    const client = connect();
    const topicId = await idOf(client, topic);
    await produceTo(client, topicId);
    await deleteElsewhere(topic);
    expect((await produceTo(client, topicId)).errorCode).toBe(UNKNOWN_TOPIC_ID);
    expect(await fetchFrom(client, topicId)).toBe(UNKNOWN_TOPIC_ID);
    const byName = await client.ask(FETCH, 12, fetchRequest(topic, { 0: 0 }));
    expect(partitionsOf(byName)[0]!.errorCode).toBe(UNKNOWN_TOPIC_OR_PARTITION);
  });

  test("a wait in a topic that is deleted ends with what has become of it", async () => {
    const topic = await newTopic();
    const client = connect();
    const topicId = await idOf(client, topic);
    await client.send(FETCH, 18, fetchById(topicId, { 0: 0 }, { maxWaitMs: 30_000 }));
    const other = connect();
    expect(await fetchFrom(other, topicId)).toBe(0);
    await deleteElsewhere(topic);
    const answer = await client.receive(FETCH, 18);
    expect(partitionsOf(answer!)[0]!.errorCode).toBe(UNKNOWN_TOPIC_ID);
  });
});

describe("deletes", () => {
  test("by name the topic's id is answered, by id only the very topic goes", async () => {
    const topic = await newTopic();
    const client = connect();
    const topicId = await idOf(client, topic);
    const byName = await client.ask(DELETE_TOPICS, 6, {
      topics: [{ name: topic }],
      timeoutMs: 1_000,
    });
    expect(byName.responses).toEqual([{ name: topic, topicId, errorCode: 0, errorMessage: null }]);
    const gone = await client.ask(DELETE_TOPICS, 6, { topics: [{ topicId }], timeoutMs: 1_000 });
    expect(gone.responses).toMatchObject([{ name: null, topicId, errorCode: UNKNOWN_TOPIC_ID }]);
    const other = await idOf(client, await newTopic());
    const byId = await client.ask(DELETE_TOPICS, 6, {
      topics: [{ topicId: other }],
      timeoutMs: 1_000,
    });
    expect(byId.responses).toMatchObject([{ topicId: other, errorCode: 0 }]);
  });
});

async function controllerCalls(): Promise<number> {
  const { counters } = await import("../../src/gateway/metrics.ts");
  return counters.controllerCalls;
}
