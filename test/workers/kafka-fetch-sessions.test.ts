/** Proves incremental fetch sessions (KIP-227): what is remembered, what is answered, and how a session ends. */
import { describe, expect, test } from "vitest";
import {
  encodeRequest,
  encodeResponse,
  type RequestToWrite,
  type ResponseAsRead,
} from "../../src/kafka/messages/index.ts";
import {
  batchOf,
  connect,
  fetchById,
  fetchRequest,
  idOf,
  produceRequest,
  recreateElsewhere,
  type FetchOptions,
  type KafkaClient,
} from "./kafka-support.ts";
import { newTopic } from "./records-support.ts";

const PRODUCE = 0;
const FETCH = 1;

const FETCH_SESSION_ID_NOT_FOUND = 70;
const INVALID_FETCH_SESSION_EPOCH = 71;
const INCONSISTENT_TOPIC_ID = 103;
const FETCH_SESSION_TOPIC_ID_ERROR = 106;

/** A reader as clients are: it begins with everything, and goes on with what has changed. */
class SessionReader {
  sessionId = 0;
  epoch = 0;
  readonly client: KafkaClient;
  private readonly version: number;

  constructor(client: KafkaClient, version = 12) {
    this.client = client;
    this.version = version;
  }

  async fetch(request: RequestToWrite<1>): Promise<ResponseAsRead<1>> {
    const { sessionId, epoch: sessionEpoch } = this;
    const answer = await this.client.ask(FETCH, this.version, {
      ...request,
      sessionId,
      sessionEpoch,
    });
    if (answer.errorCode === 0) {
      this.sessionId = answer.sessionId;
      this.epoch += 1;
    }
    return answer;
  }

  /** Asks for nothing but what the session remembers. */
  goOn(options: FetchOptions = {}): Promise<ResponseAsRead<1>> {
    return this.fetch({ ...fetchRequest("", {}, options), topics: [] });
  }
}

/** Partitions of an answer, with whether each has records. */
function told(answer: ResponseAsRead<1>): [number, boolean][] {
  return answer.responses.flatMap(({ partitions }) =>
    partitions.map(
      ({ partitionIndex, records }) =>
        [partitionIndex, (records?.byteLength ?? 0) > 0] as [number, boolean],
    ),
  );
}

async function produce(topic: string, partition: number, text = "value-1"): Promise<void> {
  const request = produceRequest(topic, { [partition]: batchOf([text]) });
  const answer = await connect().ask(PRODUCE, 9, request);
  expect(answer.responses[0]!.partitionResponses[0]!.errorCode).toBe(0);
}

describe("a session", () => {
  test.each([7, 11, 12])("version %i: all at first, then only what is news", async (version) => {
    const topic = await newTopic(3);
    const reader = new SessionReader(connect(), version);
    const all = await reader.fetch(fetchRequest(topic, { 0: 0, 1: 0, 2: 0 }));
    expect(all.sessionId).toBeGreaterThan(0);
    expect(told(all)).toEqual([
      [0, false],
      [1, false],
      [2, false],
    ]);
    const nothing = await reader.goOn();
    expect(nothing).toMatchObject({ errorCode: 0, sessionId: all.sessionId, responses: [] });
    await produce(topic, 1);
    const one = await reader.goOn({ maxWaitMs: 30_000 });
    expect(told(one)).toEqual([[1, true]]);
    // The client has not said that it has gone on: it is given the same again, as in Kafka.
    expect(told(await reader.goOn())).toEqual([[1, true]]);
    // Now it has.
    expect(told(await reader.fetch(fetchRequest(topic, { 1: 1 })))).toEqual([]);
  });

  test("by ids, with partitions that come and go", async () => {
    const [topic, other] = [await newTopic(2), await newTopic(1)];
    const reader = new SessionReader(connect(), 18);
    const [id, otherId] = [await idOf(reader.client, topic), await idOf(reader.client, other)];
    await reader.fetch(fetchById(id, { 0: 0, 1: 0 }));
    expect((await reader.fetch(fetchById(otherId, { 0: 0 }))).responses).toMatchObject([
      { topicId: otherId, partitions: [{ partitionIndex: 0, highWatermark: 0 }] },
    ]);
    await produce(topic, 0);
    await produce(topic, 1);
    await produce(other, 0);
    const forgetting = {
      ...fetchRequest("", {}),
      topics: [],
      forgottenTopicsData: [{ topicId: id, partitions: [0] }],
    };
    const answer = await reader.fetch(forgetting);
    expect(answer.responses.map(({ topicId }) => topicId)).toEqual([id, otherId]);
    expect(told(answer)).toEqual([
      [1, true],
      [0, true],
    ]);
  });

  test("an error is repeated in every answer, and the partition is included again once it has passed", async () => {
    const topic = await newTopic(1);
    const reader = new SessionReader(connect());
    expect(told(await reader.fetch(fetchRequest(topic, { 0: 0, 1: 0 })))).toEqual([
      [0, false],
      [1, false],
    ]);
    const again = await reader.goOn();
    expect(again.responses[0]!.partitions).toMatchObject([{ partitionIndex: 1, errorCode: 3 }]);
    await reader.fetch(fetchRequest(topic, { 0: 99 }));
    expect((await reader.goOn()).responses[0]!.partitions).toMatchObject([
      { partitionIndex: 0, errorCode: 1 },
      { partitionIndex: 1, errorCode: 3 },
    ]);
    const passed = await reader.fetch(fetchRequest(topic, { 0: 0 }));
    expect(passed.responses[0]!.partitions).toMatchObject([
      { partitionIndex: 0, errorCode: 0, highWatermark: 0 },
      { partitionIndex: 1, errorCode: 3 },
    ]);
  });

  test("the reader of a topic that was deleted and created again is told at once, and starts over", async () => {
    const topic = await newTopic(1);
    const reader = new SessionReader(connect(), 18);
    const id = await idOf(reader.client, topic);
    await produce(topic, 0);
    expect(told(await reader.fetch(fetchById(id, { 0: 0 })))).toEqual([[0, true]]);
    const newId = await recreateElsewhere(topic, 1);
    await produce(topic, 0, "value-2");
    const answer = await reader.fetch(fetchById(id, { 0: 1 }));
    expect(answer.responses[0]!.partitions).toMatchObject([{ errorCode: INCONSISTENT_TOPIC_ID }]);
    const replaced = {
      ...fetchById(newId, { 0: 0 }),
      forgottenTopicsData: [{ topicId: id, partitions: [0] }],
    };
    expect(await reader.fetch(replaced)).toMatchObject({
      responses: [{ topicId: newId, partitions: [{ errorCode: 0, highWatermark: 1 }] }],
    });
  });

  test("partitions that were given something stand behind the others", async () => {
    const topic = await newTopic(3);
    const client = connect();
    for (const partition of [0, 1, 2]) await produce(topic, partition);
    const reader = new SessionReader(client);
    const options = { maxBytes: 1 };
    expect(told(await reader.fetch(fetchRequest(topic, { 0: 0, 1: 0, 2: 0 }, options)))).toEqual([
      [0, true],
      [1, false],
      [2, false],
    ]);
    const withRecords = async (): Promise<number[]> =>
      told(await reader.goOn(options))
        .filter(([, has]) => has)
        .map(([partition]) => partition);
    expect([await withRecords(), await withRecords(), await withRecords()]).toEqual([
      [1],
      [2],
      [0],
    ]);
  });
});

describe("the end of a session", () => {
  test("another connection knows nothing of it", async () => {
    const topic = await newTopic();
    const reader = new SessionReader(connect());
    await reader.fetch(fetchRequest(topic, { 0: 0 }));
    const moved = new SessionReader(connect());
    moved.sessionId = reader.sessionId;
    moved.epoch = reader.epoch;
    expect(await moved.goOn()).toMatchObject({
      errorCode: FETCH_SESSION_ID_NOT_FOUND,
      sessionId: 0,
      responses: [],
    });
    // As clients do: everything, under the old id, with the first epoch.
    moved.epoch = 0;
    const all = await moved.fetch(fetchRequest(topic, { 0: 0 }));
    expect(told(all)).toEqual([[0, false]]);
    expect(all.sessionId).toBeGreaterThan(0);
  });

  test("an epoch that is not the next one, and another way to name topics", async () => {
    const topic = await newTopic();
    const reader = new SessionReader(connect());
    await reader.fetch(fetchRequest(topic, { 0: 0 }));
    reader.epoch = 5;
    expect((await reader.goOn()).errorCode).toBe(INVALID_FETCH_SESSION_EPOCH);
    const byId = new SessionReader(reader.client, 18);
    byId.sessionId = reader.sessionId;
    byId.epoch = 1;
    expect((await byId.goOn()).errorCode).toBe(FETCH_SESSION_TOPIC_ID_ERROR);
    reader.epoch = 1;
    expect((await reader.goOn()).errorCode).toBe(0);
  });

  test.each([-1, 0])("kafka-go: any id with epoch %i is a full request", async (sessionEpoch) => {
    const topic = await newTopic();
    await produce(topic, 0);
    const client = connect();
    for (const sessionId of [-1, 0, 77]) {
      const request = { ...fetchRequest(topic, { 0: 0 }), sessionId, sessionEpoch };
      const answer = await client.ask(FETCH, 11, request);
      expect(answer.errorCode).toBe(0);
      expect(told(answer)).toEqual([[0, true]]);
      expect(answer.sessionId > 0).toBe(sessionEpoch === 0);
    }
  });

  test("the last epoch ends the session that it names", async () => {
    const topic = await newTopic();
    const reader = new SessionReader(connect());
    await reader.fetch(fetchRequest(topic, { 0: 0 }));
    const { sessionId, client } = reader;
    await client.ask(FETCH, 12, { ...fetchRequest(topic, { 0: 0 }), sessionId, sessionEpoch: -1 });
    expect((await reader.goOn()).errorCode).toBe(FETCH_SESSION_ID_NOT_FOUND);
  });

  test("one that asks for nothing any more is over", async () => {
    const topic = await newTopic();
    const reader = new SessionReader(connect());
    await reader.fetch(fetchRequest(topic, { 0: 0 }));
    const forgotten = { topics: [], forgottenTopicsData: [{ topic, partitions: [0] }] };
    const answer = await reader.fetch({ ...fetchRequest("", {}), ...forgotten });
    expect(answer).toMatchObject({ errorCode: 0, sessionId: 0, responses: [] });
  });
});

test(
  "of 1,000 partitions nothing is sent again with every poll",
  { timeout: 300_000 },
  async () => {
    const topic = await newTopic(1_000);
    const reader = new SessionReader(connect());
    const offsets = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [i, 0]));
    const full = fetchRequest(topic, offsets);
    const all = await reader.fetch(full);
    expect(told(all).length).toBe(1_000);
    const nothing = { ...fetchRequest("", {}), topics: [] };
    const header = { correlationId: 1, clientId: "test" };
    const bytesOf = (request: RequestToWrite<1>, answer: ResponseAsRead<1>): [number, number] => [
      encodeRequest(FETCH, 12, header, request).byteLength,
      encodeResponse(FETCH, 12, 1, answer).byteLength,
    ];
    const [asked, answered] = bytesOf(full, all);
    expect([asked > 30_000, answered > 30_000]).toEqual([true, true]);
    const polled = bytesOf(nothing, await reader.goOn());
    expect([polled[0] < 100, polled[1] < 100]).toEqual([true, true]);
    await produce(topic, 700);
    expect(told(await reader.goOn({ maxWaitMs: 30_000 }))).toEqual([[700, true]]);
  },
);
