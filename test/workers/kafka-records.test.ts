/** Proves what producers and consumers of the wire protocol get: offsets, batches as they were, waits, and errors. */
import { describe, expect, test } from "vitest";
import {
  batchOf,
  connect,
  fetchById,
  fetchRequest,
  partitionsOf,
  produceRequest,
  type KafkaClient,
} from "./kafka-support.ts";
import { call, CLUSTER, newTopic, readAll, whileLeaderIsFenced } from "./records-support.ts";

const PRODUCE = 0;
const FETCH = 1;
const LIST_OFFSETS = 2;
const DELETE_RECORDS = 21;
const OFFSET_FOR_LEADER_EPOCH = 23;

const UNSUPPORTED_VERSION = 35;
const INVALID_REQUEST = 42;
const POLICY_VIOLATION = 44;
const UNSUPPORTED_COMPRESSION_TYPE = 76;

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

async function produce(
  client: KafkaClient,
  topic: string,
  batches: Readonly<Record<number, Uint8Array | null>>,
  options: { readonly acks?: number; readonly version?: number } = {},
) {
  const { version = 9 } = options;
  const answer = await client.ask(PRODUCE, version, produceRequest(topic, batches, options));
  return answer.responses[0]!.partitionResponses;
}

/** The values in a fetched partition's batches: texts that hold no other letters. */
function valuesIn(records: Uint8Array | null): string[] {
  return new TextDecoder("latin1").decode(records ?? new Uint8Array(0)).match(/value-\d+/g) ?? [];
}

describe("produce", () => {
  test.each([3, 4, 5, 6, 7, 8, 9])("version %i: offsets, and HTTP reads it", async (version) => {
    const topic = await newTopic(2);
    const client = connect();
    const batches = { 0: batchOf(["value-1", "value-2"]), 1: batchOf(["value-3"]) };
    const answered = await produce(client, topic, batches, { version });
    expect(answered.map(({ errorCode, baseOffset }) => [errorCode, baseOffset])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect((await readAll(topic, 0)).map(({ value }) => value)).toEqual(["value-1", "value-2"]);
    expect((await produce(client, topic, batches, { version }))[0]!.baseOffset).toBe(2);
  });

  test.each([0, 1, 2])("version %i is refused: its message sets are", async (version) => {
    const topic = await newTopic();
    const answered = await produce(connect(), topic, { 0: batchOf(["value-1"]) }, { version });
    expect(answered[0]!.errorCode).toBe(43);
    expect(await readAll(topic)).toEqual([]);
  });

  test("one partition's error does not touch the others", async () => {
    const topic = await newTopic(4);
    const broken = batchOf(["value-1"]);
    broken[30]! ^= 1;
    const old = batchOf(["value-1"]);
    old[16] = 1;
    const batches = { 0: batchOf(["value-1"]), 1: broken, 2: old, 3: null, 9: batchOf(["x"]) };
    const answered = await produce(connect(), topic, batches);
    expect(answered.map(({ errorCode }) => errorCode)).toEqual([0, 2, 43, 87, 3]);
    expect(await readAll(topic, 1)).toEqual([]);
  });

  test("unknown topics, acks that mean nothing, transactions", async () => {
    const topic = await newTopic();
    const client = connect();
    const batches = { 0: batchOf(["value-1"]) };
    expect((await produce(client, "nowhere", batches))[0]!.errorCode).toBe(3);
    expect((await produce(client, "not/legal", batches))[0]!.errorCode).toBe(17);
    expect((await produce(client, topic, batches, { acks: 2 }))[0]!.errorCode).toBe(21);
    const request = produceRequest(topic, batches, { transactionalId: "t" });
    const answer = await client.ask(PRODUCE, 9, request);
    expect(answer.responses[0]!.partitionResponses[0]!.errorCode).toBe(35);
    expect(await readAll(topic)).toEqual([]);
  });

  test("acks=0 is not answered, and what comes behind is in order", async () => {
    const topic = await newTopic();
    const client = connect();
    await client.send(PRODUCE, 7, produceRequest(topic, { 0: batchOf(["value-1"]) }, { acks: 0 }));
    const answered = await produce(client, topic, { 0: batchOf(["value-2"]) }, { version: 7 });
    expect(answered[0]!.baseOffset).toBe(1);
  });

  test("an error with acks=0 ends the connection, as in Kafka", async () => {
    const client = connect();
    const request = produceRequest("nowhere", { 0: batchOf(["value-1"]) }, { acks: 0 });
    await client.send(PRODUCE, 7, request);
    expect(await client.receive(PRODUCE, 7)).toBeNull();
    await client.ended;
  });

  test("an idempotent producer's repeat is answered with the first offsets; a gap is refused", async () => {
    const topic = await newTopic();
    const client = connect();
    const first = batchOf(["value-1", "value-2"], { id: 7, sequence: 0 });
    const append = async (batch: Uint8Array): Promise<[number, number]> => {
      const [answered] = await produce(client, topic, { 0: batch });
      return [answered!.errorCode, answered!.baseOffset];
    };
    expect(await append(first)).toEqual([0, 0]);
    expect(await append(first.slice())).toEqual([0, 0]);
    expect(await append(batchOf(["value-3"], { id: 7, sequence: 5 }))).toEqual([45, -1]);
    expect(await append(batchOf(["value-3"], { id: 7, sequence: 2 }))).toEqual([0, 2]);
  });

  test("requests that were sent without waiting are appended in their order", async () => {
    const topic = await newTopic();
    const client = connect();
    const count = 40;
    for (let i = 0; i < count; i++) {
      // Of different sizes: they travel to the object in different ways.
      const text = `value-${i} ${"x".repeat(i % 3 === 0 ? 20_000 : 10)}`;
      const batch = batchOf([text], { id: 8, sequence: i });
      await client.send(PRODUCE, 9, produceRequest(topic, { 0: batch }));
    }
    for (let i = 0; i < count; i++) {
      const answer = await client.receive(PRODUCE, 9);
      const { errorCode, baseOffset } = answer!.responses[0]!.partitionResponses[0]!;
      expect([errorCode, baseOffset]).toEqual([0, i]);
    }
  });

  test("the append time is told where the topic stamps records", async () => {
    const topic = await newTopic(1, { "message.timestamp.type": "LogAppendTime" });
    const [answered] = await produce(connect(), topic, { 0: batchOf(["value-1"]) });
    expect(answered!.logAppendTimeMs).toBeGreaterThan(1_700_000_000_000);
  });

  test("too few in sync: an error that producers repeat, and nothing is written", async () => {
    const topic = await newTopic(1, { "min.insync.replicas": "3" }, 3);
    const client = connect();
    await whileLeaderIsFenced(topic, async () => {
      const [answered] = await produce(client, topic, { 0: batchOf(["value-1"]) });
      expect(answered!.errorCode).toBe(19);
    });
  });
});

describe("fetch", () => {
  test.each([4, 5, 6, 7, 8, 9, 10, 11, 12])("version %i gives the batches", async (version) => {
    const topic = await newTopic();
    const client = connect();
    await produce(client, topic, { 0: batchOf(["value-1", "value-2"]) });
    const answer = await client.ask(FETCH, version, fetchRequest(topic, { 0: 0 }));
    const [partition] = partitionsOf(answer);
    expect(partition).toMatchObject({ errorCode: 0, highWatermark: 2, lastStableOffset: 2 });
    expect(valuesIn(partition!.records)).toEqual(["value-1", "value-2"]);
    expect(answer.sessionId).toBe(0);
  });

  test("bytes are those that were produced, but for offset and epoch", async () => {
    const topic = await newTopic();
    const client = connect();
    const batch = batchOf(["value-1"]);
    await produce(client, topic, { 0: batch });
    const [partition] = partitionsOf(await client.ask(FETCH, 11, fetchRequest(topic, { 0: 0 })));
    expect(partition!.records!.subarray(16)).toEqual(batch.subarray(16));
  });

  test("a wait ends when something comes to any of the partitions", async () => {
    const topic = await newTopic(5);
    const consumer = connect();
    const offsets = { 0: 0, 1: 0, 2: 0, 3: 0, 4: 0 };
    await consumer.send(FETCH, 11, fetchRequest(topic, offsets, { maxWaitMs: 30_000 }));
    await produce(connect(), topic, { 3: batchOf(["value-1"]) });
    const partitions = partitionsOf((await consumer.receive(FETCH, 11))!);
    expect(partitions.map(({ records }) => valuesIn(records).length)).toEqual([0, 0, 0, 1, 0]);
    // The others are waited for still; what comes next is found by the next request.
    const next = { ...offsets, 3: 1 };
    await consumer.send(FETCH, 11, fetchRequest(topic, next, { maxWaitMs: 30_000 }));
    await produce(connect(), topic, { 1: batchOf(["value-2"]) });
    const later = partitionsOf((await consumer.receive(FETCH, 11))!);
    expect(later.map(({ records }) => valuesIn(records).length)).toEqual([0, 1, 0, 0, 0]);
  });

  test("what came between two requests is given by the second", async () => {
    const topic = await newTopic(2);
    const consumer = connect();
    const offsets = { 0: 0, 1: 0 };
    const empty = await consumer.ask(FETCH, 11, fetchRequest(topic, offsets, { maxWaitMs: 50 }));
    expect(partitionsOf(empty).map(({ highWatermark }) => highWatermark)).toEqual([0, 0]);
    const producer = connect();
    await produce(producer, topic, { 0: batchOf(["value-1"]), 1: batchOf(["value-2"]) });
    let values: string[] = [];
    while (values.length < 2) {
      const answer = await consumer.ask(
        FETCH,
        11,
        fetchRequest(topic, offsets, { maxWaitMs: 500 }),
      );
      values = partitionsOf(answer).flatMap(({ records }) => valuesIn(records));
    }
    expect(values).toEqual(["value-1", "value-2"]);
  });

  test("min_bytes is of all partitions together", async () => {
    const topic = await newTopic(2);
    const size = batchOf(["value-1"]).byteLength;
    const consumer = connect();
    const options = { maxWaitMs: 30_000, minBytes: 2 * size };
    await consumer.send(FETCH, 11, fetchRequest(topic, { 0: 0, 1: 0 }, options));
    const producer = connect();
    await produce(producer, topic, { 0: batchOf(["value-1"]) });
    await produce(producer, topic, { 1: batchOf(["value-2"]) });
    const partitions = partitionsOf((await consumer.receive(FETCH, 11))!);
    expect(partitions.flatMap(({ records }) => valuesIn(records))).toEqual(["value-1", "value-2"]);
  });

  test("the first batch comes whole however little was asked for, and no other beside it", async () => {
    const topic = await newTopic(3);
    const client = connect();
    const batch = (): Uint8Array => batchOf(["value-1"]);
    await produce(client, topic, { 0: batch(), 1: batch(), 2: batch() });
    const request = fetchRequest(topic, { 0: 0, 1: 0, 2: 0 }, { maxBytes: 1 });
    const partitions = partitionsOf(await client.ask(FETCH, 11, request));
    expect(partitions.map(({ records }) => records!.byteLength > 0)).toEqual([true, false, false]);
  });

  test("a partition's bound holds, but for its first batch", async () => {
    const topic = await newTopic();
    const client = connect();
    for (let i = 0; i < 5; i++) await produce(client, topic, { 0: batchOf([`value-${i}`]) });
    const partitionMaxBytes = 2 * batchOf(["value-0"]).byteLength;
    const request = fetchRequest(topic, { 0: 1 }, { partitionMaxBytes });
    const [partition] = partitionsOf(await client.ask(FETCH, 11, request));
    expect(valuesIn(partition!.records)).toEqual(["value-1", "value-2"]);
  });

  test("errors are of the partitions, and end a wait at once", async () => {
    const topic = await newTopic();
    const client = connect();
    await produce(client, topic, { 0: batchOf(["value-1"]) });
    const ask = async (offsets: Record<number, number>, epoch = -1): Promise<number[]> => {
      const request = fetchRequest(topic, offsets, { maxWaitMs: 60_000, epoch });
      const answer = await client.ask(FETCH, 12, request);
      return partitionsOf(answer).map(({ errorCode }) => errorCode);
    };
    expect(await ask({ 0: 99 })).toEqual([1]);
    expect(await ask({ 0: -5 })).toEqual([1]);
    expect(await ask({ 0: 0, 7: 0 })).toEqual([0, 3]);
    expect(await ask({ 0: 0 }, 1_000)).toEqual([75]);
    const missing = await client.ask(FETCH, 12, fetchRequest("nowhere", { 0: 0 }));
    expect(partitionsOf(missing)[0]!.errorCode).toBe(3);
  });

  test("an epoch that is over is fenced", async () => {
    const topic = await newTopic(1, {}, 3);
    const client = connect();
    await whileLeaderIsFenced(topic, async () => {
      await produce(client, topic, { 0: batchOf(["value-1"]) });
    });
    const answer = await client.ask(FETCH, 12, fetchRequest(topic, { 0: 0 }, { epoch: 0 }));
    expect(partitionsOf(answer)[0]!.errorCode).toBe(74);
  });

  test("a leader that was replaced is not noticed", async () => {
    const topic = await newTopic(1, {}, 3);
    const client = connect();
    await produce(client, topic, { 0: batchOf(["value-1"]) });
    await whileLeaderIsFenced(topic, async () => {
      const [answered] = await produce(client, topic, { 0: batchOf(["value-2"]) });
      expect(answered).toMatchObject({ errorCode: 0, baseOffset: 1 });
    });
    const [partition] = partitionsOf(await client.ask(FETCH, 11, fetchRequest(topic, { 0: 0 })));
    expect(valuesIn(partition!.records)).toEqual(["value-1", "value-2"]);
  });

  test("a topic in zstd is read from version 10 on, and zstd is taken from Produce 7 on (KIP-110)", async () => {
    const [topic, compressed] = [
      await newTopic(),
      await newTopic(1, { "compression.type": "zstd" }),
    ];
    const client = connect();
    const batch = (): Uint8Array => batchOf(["value-1"], null, "zstd");
    const [old] = await produce(client, topic, { 0: batch() }, { version: 6 });
    expect(old).toMatchObject({ errorCode: UNSUPPORTED_COMPRESSION_TYPE, baseOffset: -1 });
    for (const name of [topic, compressed]) {
      const [answered] = await produce(client, name, { 0: batch() }, { version: 7 });
      expect(answered).toMatchObject({ errorCode: 0, baseOffset: 0 });
    }
    const read = async (name: string, version: number): Promise<[number, boolean]> => {
      const answer = await client.ask(FETCH, version, fetchRequest(name, { 0: 0 }));
      const [partition] = partitionsOf(answer);
      return [partition!.errorCode, partition!.records!.byteLength > 0];
    };
    for (const version of [4, 9]) {
      expect(await read(compressed, version)).toEqual([UNSUPPORTED_COMPRESSION_TYPE, false]);
      // kafka-python 2.0 asks in version 4 and reads zstd: as in Kafka, only the topic's setting counts.
      expect(await read(topic, version)).toEqual([0, true]);
    }
    for (const version of [10, 12]) expect(await read(compressed, version)).toEqual([0, true]);
  });

  test("an offset beyond every log is out of range, and does not end the connection", async () => {
    const topic = await newTopic();
    const client = connect();
    for (const offset of [INT64_MAX, 2n ** 53n, INT64_MIN, Number.MAX_SAFE_INTEGER]) {
      const answer = await client.ask(FETCH, 12, fetchRequest(topic, { 0: offset }));
      expect(partitionsOf(answer)[0]!.errorCode).toBe(1);
      const partitions = [{ partitionIndex: 0, offset }];
      const topics = [{ name: topic, partitions }];
      const deleted = await client.ask(DELETE_RECORDS, 2, { topics, timeoutMs: 1_000 });
      expect(deleted.topics[0]!.partitions[0]!.errorCode).toBe(1);
    }
  });

  test("records are deleted from every in-sync replica before it is answered, and never against cleanup.policy", async () => {
    const topic = await newTopic(1, {}, 3);
    const client = connect();
    await produce(client, topic, { 0: batchOf(["value-1", "value-2"]) });
    const remove = async (name: string, timeoutMs: number) => {
      const topics = [{ name, partitions: [{ partitionIndex: 0, offset: 1 }] }];
      const answer = await client.ask(DELETE_RECORDS, 2, { topics, timeoutMs });
      return answer.topics[0]!.partitions[0]!;
    };
    expect(await remove(topic, 10_000)).toMatchObject({ errorCode: 0, lowWatermark: 1 });
    const path = `${CLUSTER}/topics/${topic}/partitions/0/replicas`;
    const replicas = await (await call(path)).json<{ data: Record<string, unknown>[] }>();
    expect(replicas.data.map(({ log_start_offset }) => log_start_offset)).toEqual([1, 1, 1]);
    const compacted = await newTopic(1, { "cleanup.policy": "compact" });
    expect(await remove(compacted, 10_000)).toMatchObject({
      errorCode: POLICY_VIOLATION,
      lowWatermark: -1,
    });
    const kept = await call(`${CLUSTER}/topics/${compacted}/partitions/0/records?before=0`, {
      method: "DELETE",
    });
    expect(kept.status).toBe(400);
  });

  test("who asks for an epoch that is over is told who leads, from version 16 on (KIP-951)", async () => {
    const topic = await newTopic(1, {}, 3);
    const client = connect();
    await whileLeaderIsFenced(topic, async () => {
      await produce(client, topic, { 0: batchOf(["value-1"]) });
    });
    const metadata = await client.ask(3, 12, { topics: [{ name: topic }] });
    const { topicId, partitions } = metadata.topics[0]!;
    const { leaderId, leaderEpoch } = partitions[0]!;
    const request = fetchById(topicId, { 0: 0 }, { epoch: 0 });
    const answer = await client.ask(FETCH, 16, request);
    expect(partitionsOf(answer)).toMatchObject([
      { errorCode: 74, currentLeader: { leaderId, leaderEpoch } },
    ]);
    const node = metadata.brokers.find(({ nodeId }) => nodeId === leaderId);
    expect(answer.nodeEndpoints).toEqual([node]);
    const older = await client.ask(FETCH, 15, request);
    expect(partitionsOf(older)).toMatchObject([{ errorCode: 74, currentLeader: null }]);
  });

  test("a session that is asked for is not there", async () => {
    const request = { ...fetchRequest("any", { 0: 0 }), sessionId: 5, sessionEpoch: 1 };
    expect((await connect().ask(FETCH, 11, request)).errorCode).toBe(70);
  });
});

describe("offsets", () => {
  async function list(
    client: KafkaClient,
    topic: string,
    timestamp: number | bigint,
    isolationLevel = 0,
    version = 7,
  ) {
    const partitions = [{ partitionIndex: 0, timestamp }];
    const request = { replicaId: -1, isolationLevel, topics: [{ name: topic, partitions }] };
    const answer = await client.ask(LIST_OFFSETS, version, request);
    const { errorCode, offset } = answer.topics[0]!.partitions[0]!;
    return [errorCode, offset];
  }

  test("a partition that is named twice is answered once, INVALID_REQUEST; the others as ever", async () => {
    const topic = await newTopic(3);
    const client = connect();
    await produce(client, topic, { 1: batchOf(["value-1"]) });
    const named = (...indices: number[]) => ({
      name: topic,
      partitions: indices.map((partitionIndex) => ({ partitionIndex, timestamp: -1 })),
    });
    // In one element, and in two of the same topic.
    for (const topics of [[named(0, 1, 0, 0)], [named(0), named(1, 0)]]) {
      const answer = await client.ask(LIST_OFFSETS, 9, {
        replicaId: -1,
        isolationLevel: 0,
        topics,
      });
      const partitions = answer.topics.flatMap((one) => one.partitions);
      const told = partitions.map(({ partitionIndex, errorCode, offset }) => [
        partitionIndex,
        errorCode,
        offset,
      ]);
      expect(told.toSorted(([a], [b]) => a! - b!)).toEqual([
        [0, INVALID_REQUEST, -1],
        [1, 0, 1],
      ]);
    }
  });

  test("the ends, a time, the newest time, and what means nothing", async () => {
    const topic = await newTopic();
    const client = connect();
    await produce(client, topic, { 0: batchOf(["value-1", "value-2"]) });
    expect(await list(client, topic, -1)).toEqual([0, 2]);
    expect(await list(client, topic, -1, 1)).toEqual([0, 2]);
    expect(await list(client, topic, -2)).toEqual([0, 0]);
    expect(await list(client, topic, 1_600_000_000_000)).toEqual([0, 0]);
    expect(await list(client, topic, 1_900_000_000_000)).toEqual([0, -1]);
    expect((await list(client, topic, -3))[0]).toBe(0);
    expect((await list(client, topic, -9))[0]).toBe(35);
    expect((await list(client, "nowhere", -1))[0]).toBe(3);
  });

  test("every time that the protocol allows is answered, to the largest and the smallest", async () => {
    const topic = await newTopic();
    const client = connect();
    await produce(client, topic, { 0: batchOf(["value-1"]) });
    expect(await list(client, topic, INT64_MAX)).toEqual([0, -1]);
    expect(await list(client, topic, 2n ** 53n)).toEqual([0, -1]);
    expect(await list(client, topic, Number.MAX_SAFE_INTEGER)).toEqual([0, -1]);
    expect((await list(client, topic, INT64_MIN))[0]).toBe(UNSUPPORTED_VERSION);
    expect((await list(connect(), "nowhere", INT64_MAX))[0]).toBe(3);
  });

  test("questions about tiers, of which there are none, from the versions on that have them", async () => {
    const topic = await newTopic();
    const client = connect();
    await produce(client, topic, { 0: batchOf(["value-1", "value-2"]) });
    const listed = async (timestamp: number) => [
      await list(client, topic, timestamp, 0, 7),
      await list(client, topic, timestamp, 0, 8),
      await list(client, topic, timestamp, 0, 9),
      await list(client, topic, timestamp, 0, 10),
      await list(client, topic, timestamp, 0, 11),
    ];
    const unknown = [UNSUPPORTED_VERSION, -1];
    expect(await listed(-4)).toEqual([unknown, [0, 0], [0, 0], [0, 0], [0, 0]]);
    expect(await listed(-5)).toEqual([unknown, unknown, [0, -1], [0, -1], [0, -1]]);
    expect(await listed(-6)).toEqual([unknown, unknown, unknown, unknown, [0, -1]]);
    expect(await list(client, topic, -3, 0, 6)).toEqual(unknown);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])("version %i", async (version) => {
    const topic = await newTopic();
    const client = connect();
    await produce(client, topic, { 0: batchOf(["value-1"]) });
    expect(await list(client, topic, -1, 0, version)).toEqual([0, 1]);
  });
});

describe("leader epochs", () => {
  test.each([2, 3, 4])(
    "version %i tells where the records of each end (KIP-320)",
    async (version) => {
      const topic = await newTopic(1, {}, 3);
      const client = connect();
      await produce(client, topic, { 0: batchOf(["value-1", "value-2"]) });
      await whileLeaderIsFenced(topic, async () => {
        await produce(client, topic, { 0: batchOf(["value-3"]) });
      });
      const { topics } = await client.ask(3, 12, { topics: [{ name: topic }] });
      const present = topics[0]!.partitions[0]!.leaderEpoch;
      const endOf = async (leaderEpoch: number, currentLeaderEpoch = -1, partition = 0) => {
        const asked = { topic, partitions: [{ partition, leaderEpoch, currentLeaderEpoch }] };
        const answer = await client.ask(OFFSET_FOR_LEADER_EPOCH, version, { topics: [asked] });
        const { errorCode, leaderEpoch: epoch, endOffset } = answer.topics[0]!.partitions[0]!;
        return [errorCode, epoch, endOffset];
      };
      expect(await endOf(0)).toEqual([0, 0, 2]);
      expect(await endOf(present)).toEqual([0, present, 3]);
      expect(await endOf(present + 1)).toEqual([0, -1, -1]);
      expect(await endOf(0, present)).toEqual([0, 0, 2]);
      expect((await endOf(0, 0))[0]).toBe(74);
      expect((await endOf(0, present + 9))[0]).toBe(75);
      expect((await endOf(0, -1, 5))[0]).toBe(3);
    },
  );
});
