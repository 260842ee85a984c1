/** Proves what the wire protocol says of the cluster, and what operators can do to it. */
import { describe, expect, test } from "vitest";
import { batchOf, connect, produceRequest } from "./kafka-support.ts";
import { newTopic } from "./records-support.ts";

const NO_ID = "0".repeat(32);

let names = 0;
const newName = (): string => `kafka-admin-${(names += 1)}`;

const asked = (name: string, numPartitions = 2, replicationFactor = 1) => ({
  name,
  numPartitions,
  replicationFactor,
  assignments: [],
  configs: [],
});

describe("metadata", () => {
  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])("version %i", async (version) => {
    const topic = await newTopic(2, {}, 3);
    const answer = await connect().ask(3, version, { topics: [{ name: topic }] });
    const ports = answer.brokers.map(({ nodeId, host, port }) => [nodeId, host, port]);
    expect(ports).toEqual([
      [1, "localhost", 9092],
      [2, "localhost", 9093],
      [3, "localhost", 9094],
    ]);
    expect(answer.topics.length).toBe(1);
    const [found] = answer.topics;
    expect(found).toMatchObject({ name: topic, errorCode: 0 });
    expect(found!.partitions.map(({ partitionIndex }) => partitionIndex)).toEqual([0, 1]);
    for (const { leaderId, replicaNodes, isrNodes } of found!.partitions) {
      expect(replicaNodes.toSorted()).toEqual([1, 2, 3]);
      expect(isrNodes.toSorted()).toEqual([1, 2, 3]);
      expect(leaderId).toBe(replicaNodes[0]);
    }
    if (version >= 1) expect(answer.controllerId).toBe(1);
    if (version >= 2) expect(answer.clusterId).toBe("odradek");
  });

  test("all topics, no topics", async () => {
    const topic = await newTopic();
    const client = connect();
    const named = async (version: number, topics: readonly { name: string }[] | null) =>
      (await client.ask(3, version, { topics })).topics.map(({ name }) => name);
    expect(await named(0, [])).toContain(topic);
    expect(await named(1, null)).toContain(topic);
    expect(await named(1, [])).toEqual([]);
  });

  test("a topic that does not exist is created only where the service is set to, and the client allows it", async () => {
    const [name, other] = [newName(), newName()];
    const creating = connect({}, { AUTO_CREATE_TOPICS_ENABLE: "true" });
    const code = async (
      client: ReturnType<typeof connect>,
      allowAutoTopicCreation: boolean,
      topic: string,
    ): Promise<number> => {
      const request = { topics: [{ name: topic }], allowAutoTopicCreation };
      return (await client.ask(3, 4, request)).topics[0]!.errorCode;
    };
    expect(await code(connect(), true, name)).toBe(3);
    expect(await code(creating, false, name)).toBe(3);
    expect(await code(creating, true, name)).toBe(0);
    expect(await code(connect(), false, name)).toBe(0);
    expect(await code(creating, true, "not/legal")).toBe(17);
    expect(await code(connect(), true, other)).toBe(3);
  });

  test.each([0, 1])("DescribeCluster %i", async (version) => {
    const request = { includeClusterAuthorizedOperations: false };
    const answer = await connect().ask(60, version, request);
    expect(answer).toMatchObject({ errorCode: 0, clusterId: "odradek", controllerId: 1 });
    expect(answer.brokers.map(({ port }) => port)).toEqual([9092, 9093, 9094]);
  });

  test("coordinators are brokers, the same for a name whoever asks", async () => {
    const client = connect();
    const one = await client.ask(10, 0, { key: "a-group" });
    for (let version = 1; version <= 3; version++) {
      const again = await client.ask(10, version, { key: "a-group" });
      expect([again.errorCode, again.nodeId, again.port]).toEqual([0, one.nodeId, one.port]);
    }
    const request = { coordinatorKeys: ["a-group", "b-group"], keyType: 0 };
    const { coordinators } = await client.ask(10, 4, request);
    expect(coordinators.map(({ key }) => key)).toEqual(["a-group", "b-group"]);
    expect(coordinators[0]!.nodeId).toBe(one.nodeId);
    expect((await client.ask(10, 1, { key: "t", keyType: 1 })).errorCode).toBe(0);
    expect((await client.ask(10, 1, { key: "t", keyType: 9 })).errorCode).toBe(42);
  });
});

describe("topics", () => {
  test.each([2, 3, 4, 5, 6, 7])("CreateTopics %i", async (version) => {
    const name = newName();
    const client = connect();
    const { topics } = await client.ask(19, version, { topics: [asked(name)] });
    expect(topics[0]).toMatchObject({ name, errorCode: 0 });
    if (version >= 5) expect(topics[0]).toMatchObject({ numPartitions: 2, replicationFactor: 1 });
    if (version >= 7) expect(topics[0]!.topicId).not.toBe(NO_ID);
    const again = await client.ask(19, version, { topics: [asked(name)] });
    expect(again.topics[0]!.errorCode).toBe(36);
  });

  test("each has its own outcome; validate_only creates nothing", async () => {
    const name = newName();
    const client = connect();
    const configured = (value: string) => ({
      ...asked(newName()),
      configs: [{ name: "retention.ms", value }],
    });
    const placed = {
      ...asked(newName(), -1, -1),
      assignments: [{ partitionIndex: 0, brokerIds: [1] }],
    };
    const { topics } = await client.ask(19, 5, {
      topics: [
        asked("not/legal"),
        asked(newName(), 0),
        asked(newName(), 1, 99),
        configured("1000"),
        configured("soon"),
        placed,
        asked(newName(), -1, -1),
        asked(name),
        asked(name),
      ],
    });
    const codes = topics.map(({ errorCode }) => errorCode);
    expect(codes).toEqual([17, 37, 38, 0, 40, 0, 0, 42]);
    const dry = await client.ask(19, 7, { topics: [asked(name)], validateOnly: true });
    expect(dry.topics[0]).toMatchObject({ errorCode: 0, topicId: NO_ID });
    const metadata = await client.ask(3, 4, { topics: [{ name }], allowAutoTopicCreation: false });
    expect(metadata.topics[0]!.errorCode).toBe(3);
  });

  test("placed by hand, or refused for what is wrong with it", async () => {
    const client = connect();
    const place = async (
      assignments: readonly { partitionIndex: number; brokerIds: readonly number[] }[],
      numPartitions = -1,
    ): Promise<number> => {
      const answer = await client.ask(19, 7, {
        topics: [{ ...asked(newName(), numPartitions, -1), assignments }],
      });
      return answer.topics[0]!.errorCode;
    };
    const on = (partitionIndex: number, ...brokerIds: number[]) => ({ partitionIndex, brokerIds });
    const name = newName();
    const topics = [{ ...asked(name, -1, -1), assignments: [on(1, 2, 3), on(0, 3, 1)] }];
    expect((await client.ask(19, 7, { topics })).topics[0]!.errorCode).toBe(0);
    const [described] = (await client.ask(3, 7, { topics: [{ name }] })).topics;
    const replicas = described!.partitions
      .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
      .map(({ leaderId, replicaNodes }) => [leaderId, replicaNodes]);
    expect(replicas).toEqual([
      [3, [3, 1]],
      [2, [2, 3]],
    ]);
    expect(await place([on(0, 1)], 1)).toBe(42);
    expect(await place([on(1, 1)])).toBe(39);
    expect(await place([on(0, 1), on(0, 2)])).toBe(39);
    expect(await place([on(0, 1), on(1, 1, 2)])).toBe(39);
    expect(await place([on(0, 1, 1)])).toBe(39);
    expect(await place([on(0, 77)])).toBe(39);
    expect(await place([on(0)])).toBe(39);
    const grow = async (...assignments: { brokerIds: number[] }[]): Promise<number> => {
      const more = [{ name, count: 3, assignments }];
      const answer = await client.ask(37, 3, { topics: more, timeoutMs: 9, validateOnly: false });
      return answer.results[0]!.errorCode;
    };
    expect(await grow({ brokerIds: [1, 2] }, { brokerIds: [1, 2] })).toBe(39);
    expect(await grow({ brokerIds: [1] })).toBe(39);
    expect(await grow({ brokerIds: [1, 2] })).toBe(0);
  });

  test.each([0, 1, 2, 3])(
    "CreatePartitions %i that names a topic twice is refused",
    async (version) => {
      const name = await newTopic(1);
      const more = { name, count: 2, assignments: null };
      const request = { topics: [more, more], timeoutMs: 9, validateOnly: false };
      const { results } = await connect().ask(37, version, request);
      expect(results.map(({ errorCode }) => errorCode)).toEqual([42]);
    },
  );

  test.each([1, 2, 3, 4, 5])("DescribeLogDirs %i tells the bytes of replicas", async (version) => {
    const topic = await newTopic(1, {}, 1);
    const client = connect();
    await client.ask(0, 9, produceRequest(topic, { 0: batchOf(["a"]) }));
    const sizes = async (partitions: readonly number[]): Promise<unknown> => {
      const { results } = await client.ask(35, version, { topics: [{ topic, partitions }] });
      return results.flatMap(({ topics }) => topics.flatMap((one) => one.partitions));
    };
    const partition = { partitionIndex: 0, partitionSize: expect.any(Number), offsetLag: 0 };
    expect(await sizes([0])).toMatchObject([partition]);
    expect(await sizes([7])).toEqual([]);
    const all = await client.ask(35, version, { topics: null });
    const found = all.results[0]!.topics.find(({ name }) => name === topic);
    expect(found!.partitions[0]!.partitionSize).toBeGreaterThan(60);
  });

  test("deleted by name and by id", async () => {
    const [first, second] = [newName(), newName()];
    const client = connect();
    const created = await client.ask(19, 7, { topics: [asked(first), asked(second)] });
    const topicId = created.topics[1]!.topicId;
    const byName = await client.ask(20, 1, { topicNames: [first, "nowhere"], timeoutMs: 1_000 });
    expect(byName.responses.map(({ errorCode }) => errorCode)).toEqual([0, 3]);
    const topics = [
      { name: null, topicId },
      { name: null, topicId: "f".repeat(32) },
      { name: second, topicId },
    ];
    const byId = await client.ask(20, 6, { topics, timeoutMs: 1_000 });
    expect(byId.responses.map(({ errorCode, name }) => [errorCode, name])).toEqual([
      [0, second],
      [100, null],
      [42, second],
    ]);
  });

  test("more partitions, never fewer", async () => {
    const topic = await newTopic(2);
    const client = connect();
    const grow = async (count: number, validateOnly = false): Promise<number> => {
      const topics = [{ name: topic, count, assignments: null }];
      const answer = await client.ask(37, 1, { topics, timeoutMs: 1_000, validateOnly });
      return answer.results[0]!.errorCode;
    };
    expect([await grow(4, true), await grow(4), await grow(3), await grow(4)]).toEqual([
      0, 0, 37, 37,
    ]);
  });

  test("records are deleted up to an offset or the high watermark", async () => {
    const topic = await newTopic();
    const client = connect();
    await client.ask(0, 9, produceRequest(topic, { 0: batchOf(["a", "b", "c"]) }));
    const cut = async (offset: number): Promise<[number, number]> => {
      const topics = [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }];
      const answer = await client.ask(21, 2, { topics, timeoutMs: 1_000 });
      const { errorCode, lowWatermark } = answer.topics[0]!.partitions[0]!;
      return [errorCode, lowWatermark];
    };
    expect(await cut(2)).toEqual([0, 2]);
    expect(await cut(99)).toEqual([1, -1]);
    expect(await cut(-1)).toEqual([0, 3]);
    expect(await cut(-2)).toEqual([1, -1]);
  });
});

describe("settings", () => {
  const TOPIC = 2;
  const BROKER = 4;

  async function valueOf(topic: string, name: string): Promise<string | null> {
    const resource = {
      resourceType: TOPIC,
      resourceName: topic,
      configurationKeys: [name],
    };
    const answer = await connect().ask(32, 2, { resources: [resource] });
    return answer.results[0]!.configs[0]?.value ?? null;
  }

  test("are described with where they come from", async () => {
    const topic = await newTopic(1, { "retention.ms": "5000" });
    const resources = [
      { resourceType: TOPIC, resourceName: topic, configurationKeys: null },
      { resourceType: BROKER, resourceName: "1", configurationKeys: null },
      { resourceType: TOPIC, resourceName: "nowhere", configurationKeys: null },
      { resourceType: BROKER, resourceName: "77", configurationKeys: null },
      { resourceType: 9, resourceName: "x", configurationKeys: null },
    ];
    for (const version of [1, 2, 3, 4]) {
      const answer = await connect().ask(32, version, {
        resources,
        includeSynonyms: true,
        includeDocumentation: true,
      });
      expect(answer.results.map(({ errorCode }) => errorCode)).toEqual([0, 0, 3, 42, 42]);
      const own = answer.results[0]!.configs.find(({ name }) => name === "retention.ms")!;
      expect(own).toMatchObject({ value: "5000", configSource: 1, readOnly: false });
      expect(own.synonyms.map(({ source }) => source)).toEqual([1, 5]);
      const all = answer.results[1]!.configs;
      expect(all.filter(({ readOnly }) => !readOnly).map(({ name }) => name)).toEqual([
        "leader.replication.throttled.rate",
        "follower.replication.throttled.rate",
        "replica.alter.log.dirs.io.max.bytes.per.second",
        "log.cleaner.backoff.ms",
      ]);
      const values = new Map(all.map(({ name, value }) => [name, value]));
      expect(values.get("auto.create.topics.enable")).toBe("false");
      expect(values.get("log.retention.ms")).toBe("604800000");
      expect(values.get("log.flush.interval.ms")).toBe("9223372036854775807");
      expect(values.has("retention.ms")).toBe(false);
      if (version < 3) continue;
      const types = new Map(answer.results[0]!.configs.map((one) => [one.name, one.configType]));
      const named = ["preallocate", "compression.type", "segment.bytes", "flush.ms"];
      expect(named.map((name) => types.get(name))).toEqual([1, 2, 3, 5]);
      expect(types.get("min.cleanable.dirty.ratio")).toBe(6);
      expect(types.get("cleanup.policy")).toBe(7);
      expect(own.documentation).toContain("milliseconds");
    }
  });

  test("are set and reset one by one", async () => {
    const topic = await newTopic();
    const client = connect();
    const alter = async (
      configs: readonly { name: string; configOperation: number; value: string | null }[],
      validateOnly = false,
      resourceType = TOPIC,
    ): Promise<number> => {
      const resources = [{ resourceType, resourceName: topic, configs }];
      const answer = await client.ask(44, 1, { resources, validateOnly });
      return answer.responses[0]!.errorCode;
    };
    const set = { name: "retention.ms", configOperation: 0, value: "7000" };
    expect(await alter([set], true)).toBe(0);
    expect(await valueOf(topic, "retention.ms")).not.toBe("7000");
    expect(await alter([set])).toBe(0);
    expect(await valueOf(topic, "retention.ms")).toBe("7000");
    expect(await alter([{ ...set, configOperation: 1, value: null }])).toBe(0);
    expect(await valueOf(topic, "retention.ms")).not.toBe("7000");
    expect(await alter([{ ...set, configOperation: 2 }])).toBe(40);
    expect(await alter([{ ...set, configOperation: 9 }])).toBe(42);
    const policy = { name: "cleanup.policy", configOperation: 2, value: "compact" };
    expect(await alter([policy])).toBe(0);
    expect(await valueOf(topic, "cleanup.policy")).toBe("delete,compact");
    expect(await alter([{ ...policy, configOperation: 3, value: "delete" }])).toBe(0);
    expect(await valueOf(topic, "cleanup.policy")).toBe("compact");
    expect(await alter([{ ...set, name: "no.such" }])).toBe(40);
    expect(await alter([set], false, BROKER)).toBe(42);
  });

  test("of a broker are those that Kafka's tools set; what it has already is taken", async () => {
    const client = connect();
    const resource = { resourceType: BROKER, resourceName: "2" };
    const rate = "leader.replication.throttled.rate";
    const alter = async (name: string, value: string | null, configOperation = 0) => {
      const configs = [{ name, configOperation, value }];
      const resources = [{ ...resource, configs }];
      const answer = await client.ask(44, 1, { resources, validateOnly: false });
      return answer.responses[0]!.errorCode;
    };
    const described = async (resourceName: string) => {
      const resources = [{ ...resource, resourceName, configurationKeys: [rate] }];
      const [setting] = (await client.ask(32, 4, { resources })).results[0]!.configs;
      return [setting!.value, setting!.configSource];
    };
    const told = async (resourceType: number, resourceName: string, name: string) => {
      const configs = [{ name, configOperation: 0, value: "1" }];
      const altered = [{ resourceType, resourceName, configs }];
      const answer = await client.ask(44, 1, { resources: altered, validateOnly: true });
      const { errorCode, errorMessage } = answer.responses[0]!;
      expect(errorCode).toBe(40);
      return errorMessage;
    };
    expect(await told(BROKER, "2", `${rate}s`)).toBe(
      `Unknown broker config name: ${rate}s; did you mean ${rate}?`,
    );
    expect(await told(BROKER, "2", "log.retention.mss")).toBe(
      "Unknown broker config name: log.retention.mss; did you mean log.retention.ms?",
    );
    expect(await told(BROKER, "2", "log.retention.ms")).toContain("the service's environment");
    expect(await told(TOPIC, await newTopic(), "retention.mss")).toBe(
      "Unknown topic config name: retention.mss; did you mean retention.ms?",
    );
    expect(await told(BROKER, "", "log.retention.ms")).toContain("broker by broker");
    expect(await alter("log.cleaner.backoff.ms", "1000")).toBe(0);
    expect(await alter("log.cleaner.backoff.ms", null, 1)).toBe(0);
    const byDefault = ["9223372036854775807", 5];
    expect(await alter(rate, "1000")).toBe(0);
    expect(await described("2")).toEqual(["1000", 2]);
    expect(await described("1")).toEqual(byDefault);
    expect(await alter(rate, "-1")).toBe(40);
    expect(await alter(rate, null, 1)).toBe(0);
    expect(await described("2")).toEqual(byDefault);
    expect(await alter("log.retention.ms", "604800000")).toBe(0);
    expect(await alter("log.retention.ms", "5")).toBe(40);
    const replaced = [{ ...resource, configs: [{ name: rate, value: "7" }] }];
    await client.ask(33, 2, { resources: replaced, validateOnly: false });
    expect(await described("2")).toEqual(["7", 2]);
    await client.ask(33, 2, { resources: [{ ...resource, configs: [] }], validateOnly: false });
    expect(await described("2")).toEqual(byDefault);
  });

  test("a compacted topic refuses records without a key", async () => {
    const topic = await newTopic(1, { "cleanup.policy": "compact" });
    const request = produceRequest(topic, { 0: batchOf(["keyless"]) });
    const answer = await connect().ask(0, 9, request);
    expect(answer!.responses[0]!.partitionResponses[0]!.errorCode).toBe(87);
  });

  test("are replaced as a whole by the old API", async () => {
    const topic = await newTopic(1, { "retention.ms": "5000", "segment.bytes": "2048" });
    const client = connect();
    const configs = [{ name: "retention.ms", value: "6000" }];
    for (const version of [0, 1, 2]) {
      const resources = [{ resourceType: TOPIC, resourceName: topic, configs }];
      const answer = await client.ask(33, version, { resources, validateOnly: false });
      expect(answer.responses[0]!.errorCode).toBe(0);
    }
    expect(await valueOf(topic, "retention.ms")).toBe("6000");
    expect(await valueOf(topic, "segment.bytes")).not.toBe("2048");
  });
});

describe("leaders and replicas", () => {
  test("the preferred leader is there already; what does not exist is told so", async () => {
    const topic = await newTopic(1, {}, 3);
    const client = connect();
    for (const version of [0, 1, 2]) {
      const topicPartitions = [{ topic, partitions: [0, 9] }];
      const answer = await client.ask(43, version, { topicPartitions });
      const results = answer.replicaElectionResults[0]!.partitionResult;
      expect(results.map(({ errorCode }) => errorCode)).toEqual([84, 3]);
    }
    const all = await client.ask(43, 2, { topicPartitions: null });
    expect(all.errorCode).toBe(0);
    expect((await client.ask(43, 2, { electionType: 7, topicPartitions: null })).errorCode).toBe(
      42,
    );
  });

  test("a partition is moved, and what cannot be moved is told so", async () => {
    const topic = await newTopic(1, {}, 1);
    const client = connect();
    const [before] = (await client.ask(3, 7, { topics: [{ name: topic }] })).topics;
    const from = before!.partitions[0]!.leaderId;
    const to = from === 1 ? 2 : 1;
    const move = async (replicas: readonly number[] | null): Promise<number> => {
      const topics = [{ name: topic, partitions: [{ partitionIndex: 0, replicas }] }];
      const answer = await client.ask(45, 0, { topics });
      return answer.responses[0]!.partitions[0]!.errorCode;
    };
    expect(await move([99])).toBe(39);
    expect(await move(null)).toBe(85);
    const wider = [{ name: topic, partitions: [{ partitionIndex: 0, replicas: [1, 2] }] }];
    const kept = await client.ask(45, 1, { topics: wider, allowReplicationFactorChange: false });
    expect(kept.responses[0]!.partitions[0]!.errorCode).toBe(38);
    expect(await move([to])).toBe(0);
    let leader = from;
    while (leader !== to) {
      const [now] = (await client.ask(3, 7, { topics: [{ name: topic }] })).topics;
      leader = now!.partitions[0]!.leaderId;
    }
    const named = [{ name: topic, partitionIndexes: [0] }];
    const moving = await client.ask(46, 0, { topics: named });
    expect(moving).toMatchObject({ errorCode: 0, topics: [] });
  });
});

describe("producers", () => {
  test.each([0, 1, 2, 3, 4, 5, 6])("InitProducerId %i: ids are never the same", async (version) => {
    const client = connect();
    const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
    const [one, two] = [
      await client.ask(22, version, request),
      await client.ask(22, version, request),
    ];
    expect([one.errorCode, two.errorCode]).toEqual([0, 0]);
    expect(two.producerId).toBeGreaterThan(one.producerId);
  });

  test("a transactional id is refused for what it is: there are no transactions", async () => {
    const client = connect();
    const request = { transactionalId: "t", transactionTimeoutMs: 60_000 };
    for (const version of [0, 4, 6]) {
      expect((await client.ask(22, version, request)).errorCode).toBe(35);
    }
    const served = (await client.ask(18, 0, {})).apiKeys.map(({ apiKey }) => apiKey);
    expect(served.filter((key) => [24, 25, 26, 28].includes(key))).toEqual([]);
  });
});
