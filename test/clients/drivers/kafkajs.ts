/** The driver of kafkajs. */
import kafkajs, { type Admin } from "kafkajs";
import { FEATURES, type Codec, type Operations, type RecordToWrite } from "../support/protocol.ts";
import {
  bytesOf,
  memberHandlers,
  paced,
  Refused,
  serve,
  server,
  versionOf,
  type Handlers,
} from "./driver.ts";
import { plugInCodecs } from "./kafkajs-codecs.ts";
import { Member, read } from "./kafkajs-member.ts";

const { CompressionTypes, ConfigResourceTypes, Kafka, KafkaJSError, logLevel } = kafkajs;

/** So that it goes on for a minute: its defaults end after some seconds. */
const PATIENCE = { retries: 60, initialRetryTime: 100, maxRetryTime: 1_000 };

const COMPRESSIONS: Readonly<Record<Codec, number>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

plugInCodecs();

const { bootstrap, sasl } = server();
const kafka = new Kafka({
  brokers: [bootstrap],
  logLevel: logLevel.NOTHING,
  ...(sasl !== null && { sasl: { mechanism: "plain", ...sasl } }),
});

async function asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } catch (error) {
    throw refused(error);
  } finally {
    await admin.disconnect();
  }
}

/** Kafka's name of a refusal stands in the error of kafkajs, or in the one that it wraps. */
function refused(error: unknown): Error {
  if (error instanceof Refused) return error;
  for (let cause = error; cause instanceof Error; cause = cause.cause ?? errorsOf(cause)) {
    const { type, message } = cause as Error & { type?: string };
    if (type !== undefined) return new Refused(type, message);
  }
  return error instanceof KafkaJSError ? error : new Error(String(error));
}

function errorsOf(error: Error): unknown {
  const { errors = [] } = error as Error & { errors?: unknown[] };
  return errors[0];
}

function messageOf({ key, value, headers, timestamp }: RecordToWrite, partition: number) {
  const byName: Record<string, Buffer[]> = {};
  for (const [name, bytes] of headers) (byName[name] ??= []).push(bytesOf(bytes)!);
  return {
    key: bytesOf(key),
    value: bytesOf(value),
    partition,
    headers: byName,
    ...(timestamp !== null && { timestamp: String(timestamp) }),
  };
}

async function produce(takes: Operations["produce"]["takes"]) {
  const { topic, partition, records, compression, acks, idempotent } = takes;
  const producer = kafka.producer({ idempotent, maxInFlightRequests: 5 });
  try {
    await producer.connect();
    const [first] = await producer.send({
      topic,
      messages: records.map((record) => messageOf(record, partition)),
      acks,
      compression: COMPRESSIONS[compression],
    });
    const base = first?.baseOffset;
    const offsets = records.map((_, i) => (base === undefined ? null : Number(base) + i));
    return { offsets: acks === 0 ? records.map(() => null) : offsets };
  } catch (error) {
    throw refused(error);
  } finally {
    await producer.disconnect();
  }
}

/** Of several sends under way at once kafkajs keeps the sequence numbers right, but after a failure not their order. */
async function stream(takes: Operations["stream"]["takes"]) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 5, retry: PATIENCE });
  await producer.connect();
  const { topic } = takes;
  const answer = await paced(takes, (messages) =>
    producer.send({ topic, messages: [...messages] }),
  );
  await producer.disconnect();
  return answer;
}

const handlers: Handlers = {
  hello: () => ({
    version: versionOf("kafkajs"),
    features: FEATURES,
  }),

  metadata: () =>
    asAdmin(async (admin) => {
      const { brokers } = await admin.describeCluster();
      const { topics } = await admin.fetchTopicMetadata();
      return {
        brokers: brokers.map(({ nodeId, host, port }) => ({ id: nodeId, host, port })),
        topics: Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions.length])),
      };
    }),

  produce,
  stream,
  fetch: async (takes) => ({ records: await read(kafka, takes) }),

  offsetForTime: ({ topic, partition, timestamp }) =>
    asAdmin(async (admin) => {
      const found = await admin.fetchTopicOffsetsByTimestamp(topic, timestamp);
      const offset = found.find((one) => one.partition === partition)?.offset;
      return { offset: offset === undefined || offset === "-1" ? null : Number(offset) };
    }),

  watermarks: ({ topic, partition }) =>
    asAdmin(async (admin) => {
      const ends = await admin.fetchTopicOffsets(topic);
      const { low, high } = ends.find((one) => one.partition === partition)!;
      return { low: Number(low), high: Number(high) };
    }),

  createTopic: ({ topic, partitions, replicationFactor, configs }) =>
    asAdmin(async (admin) => {
      const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
      const isNew = await admin.createTopics({
        topics: [{ topic, numPartitions: partitions, replicationFactor, configEntries }],
      });
      // Said by no more than this.
      if (!isNew) throw new Refused("TOPIC_ALREADY_EXISTS", `${topic} is there already.`);
      return {};
    }),

  createPartitions: ({ topic, total }) =>
    asAdmin(async (admin) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count: total }] });
      return {};
    }),

  /** The old way to alter, which replaces everything: what is set is read first. */
  alterTopic: ({ topic, configs }) =>
    asAdmin(async (admin) => {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
      });
      const set = resources[0]!.configEntries.filter(({ isDefault }) => !isDefault);
      const all = {
        ...Object.fromEntries(set.map((e) => [e.configName, e.configValue])),
        ...configs,
      };
      const configEntries = Object.entries(all).map(([name, value]) => ({ name, value }));
      await admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
      });
      return {};
    }),

  describeTopic: ({ topic }) =>
    asAdmin(async (admin) => {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
      });
      const entries = resources[0]!.configEntries;
      return { configs: Object.fromEntries(entries.map((e) => [e.configName, e.configValue])) };
    }),

  deleteTopic: ({ topic }) =>
    asAdmin(async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
      return {};
    }),

  deleteRecords: ({ topic, partition, before }) =>
    asAdmin(async (admin) => {
      // kafkajs looks for the leader before it has asked for the topic, and finds none.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({
        topic,
        partitions: [{ partition, offset: String(before) }],
      });
      return {};
    }),

  listGroups: () =>
    asAdmin(async (admin) => ({
      groups: (await admin.listGroups()).groups.map(({ groupId }) => groupId),
    })),

  describeGroup: ({ group }) =>
    asAdmin(async (admin) => {
      const { state, members, protocol } = (await admin.describeGroups([group])).groups[0]!;
      return { state, members: members.length, protocol };
    }),

  groupOffsets: ({ group, topic }) =>
    asAdmin(async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      const committed = found!.partitions.filter(({ offset }) => offset !== "-1");
      return {
        offsets: Object.fromEntries(committed.map((p) => [p.partition, Number(p.offset)])),
      };
    }),

  deleteGroup: ({ group }) =>
    asAdmin(async (admin) => {
      await admin.deleteGroups([group]);
      return {};
    }),

  ...memberHandlers((takes) => new Member(kafka, takes)),
};

await serve(handlers);
