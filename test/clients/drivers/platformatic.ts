/** The driver of @platformatic/kafka. */
import {
  Admin,
  AuthenticationError,
  ConfigResourceTypes,
  Consumer,
  findErrorBy,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps,
  Producer,
  type CompressionAlgorithmValue,
  type MessageToProduce,
} from "@platformatic/kafka";
import { FEATURES, type Operations, type RecordToWrite } from "../support/protocol.ts";
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
import { Member, read } from "./platformatic-member.ts";

/** So that it goes on for a minute: its defaults end after some seconds. */
const PATIENCE = { retries: 120, retryDelay: 500 };

const { bootstrap, sasl } = server();
const options = {
  clientId: "driver",
  bootstrapBrokers: [bootstrap],
  ...(sasl !== null && { sasl: { mechanism: "PLAIN" as const, ...sasl } }),
};

async function asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin(options);
  try {
    return await work(admin);
  } catch (error) {
    throw refused(error as Error);
  } finally {
    await admin.close();
  }
}

async function asConsumer<T>(
  groupId: string,
  work: (consumer: Consumer) => Promise<T>,
): Promise<T> {
  const consumer = new Consumer({ ...options, groupId });
  try {
    return await work(consumer);
  } catch (error) {
    throw refused(error as Error);
  } finally {
    await consumer.close(true);
  }
}

/** Kafka's name of a refusal stands somewhere among the causes. */
function refused(error: Error): Error {
  if (findErrorBy(error, "code", AuthenticationError.code) !== null) {
    return new Refused("SASL_AUTHENTICATION_FAILED", error.message);
  }
  for (const cause of causesOf(error)) {
    const { apiId } = cause as Error & { apiId?: string };
    if (apiId !== undefined) return new Refused(apiId, cause.message);
  }
  return error;
}

function causesOf(error: Error): Error[] {
  const { cause, errors = [] } = error as Error & { errors?: Error[] };
  const below = [...errors, ...(cause instanceof Error ? [cause] : [])];
  return [error, ...below.flatMap(causesOf)];
}

function messageOf(
  { key, value, headers, timestamp }: RecordToWrite,
  topic: string,
  partition: number,
): MessageToProduce {
  // Keys of a map are told apart as objects, so that a name may come again.
  const pairs = headers.map(([name, bytes]) => [Buffer.from(name), bytesOf(bytes)!] as const);
  return {
    topic,
    partition,
    ...(key !== null && { key: bytesOf(key)! }),
    ...(value !== null && { value: bytesOf(value)! }),
    headers: new Map(pairs),
    ...(timestamp !== null && { timestamp: BigInt(timestamp) }),
  };
}

async function produce(takes: Operations["produce"]["takes"]) {
  const { topic, partition, records, compression, acks, idempotent } = takes;
  const producer = new Producer({ ...options, idempotent });
  try {
    const { offsets = [] } = await producer.send({
      messages: records.map((record) => messageOf(record, topic, partition)),
      acks,
      compression: compression as CompressionAlgorithmValue,
    });
    const base = offsets[0]?.offset;
    return {
      offsets: records.map((_, i) => (base === undefined || acks === 0 ? null : Number(base) + i)),
    };
  } catch (error) {
    throw refused(error as Error);
  } finally {
    await producer.close();
  }
}

async function stream(takes: Operations["stream"]["takes"]) {
  const producer = new Producer({ ...options, ...PATIENCE, idempotent: true });
  const { topic } = takes;
  const answer = await paced(takes, (values) =>
    producer.send({
      messages: values.map(({ partition, value }) => ({
        topic,
        partition,
        value: Buffer.from(value),
      })),
    }),
  );
  await producer.close();
  return answer;
}

/** `timestamp` -1 is the log's end, -2 its beginning. */
function offsetAt(topic: string, partition: number, timestamp: bigint): Promise<number> {
  return asAdmin(async (admin) => {
    const partitions = [{ partitionIndex: partition, timestamp }];
    const [found] = await admin.listOffsets({ topics: [{ name: topic, partitions }] });
    return Number(found!.partitions[0]!.offset);
  });
}

const handlers: Handlers = {
  hello: () => ({
    version: versionOf("@platformatic/kafka"),
    features: FEATURES,
  }),

  metadata: () =>
    asAdmin(async (admin) => {
      const topics = await admin.listTopics();
      const found = await admin.metadata({ topics });
      return {
        brokers: [...found.brokers].map(([id, { host, port }]) => ({ id, host, port })),
        topics: Object.fromEntries(
          [...found.topics].map(([name, { partitionsCount }]) => [name, partitionsCount]),
        ),
      };
    }),

  produce,
  stream,
  fetch: async (takes) => ({ records: await read(options, takes) }),

  offsetForTime: async ({ topic, partition, timestamp }) => {
    const offset = await offsetAt(topic, partition, BigInt(timestamp));
    return { offset: offset < 0 ? null : offset };
  },

  watermarks: async ({ topic, partition }) => ({
    low: await offsetAt(topic, partition, ListOffsetTimestamps.EARLIEST),
    high: await offsetAt(topic, partition, ListOffsetTimestamps.LATEST),
  }),

  createTopic: ({ topic, partitions, replicationFactor, configs }) =>
    asAdmin(async (admin) => {
      await admin.createTopics({
        topics: [topic],
        partitions,
        replicas: replicationFactor,
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      });
      return {};
    }),

  createPartitions: ({ topic, total }) =>
    asAdmin(async (admin) => {
      await admin.createPartitions({ topics: [{ name: topic, count: total, assignments: [] }] });
      return {};
    }),

  alterTopic: ({ topic, configs }) =>
    asAdmin(async (admin) => {
      await admin.incrementalAlterConfigs({
        resources: [
          {
            resourceType: ConfigResourceTypes.TOPIC,
            resourceName: topic,
            configs: Object.entries(configs).map(([name, value]) => ({
              name,
              value,
              configOperation: IncrementalAlterConfigOperationTypes.SET,
            })),
          },
        ],
      });
      return {};
    }),

  describeTopic: ({ topic }) =>
    asAdmin(async (admin) => {
      const [found] = await admin.describeConfigs({
        resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }],
      });
      return {
        configs: Object.fromEntries(found!.configs.map(({ name, value }) => [name, value ?? null])),
      };
    }),

  deleteTopic: ({ topic }) =>
    asAdmin(async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
      return {};
    }),

  deleteRecords: ({ topic, partition, before }) =>
    asAdmin(async (admin) => {
      const partitions = [{ partition, offset: BigInt(before) }];
      await admin.deleteRecords({ topics: [{ name: topic, partitions }] });
      return {};
    }),

  listGroups: () => asAdmin(async (admin) => ({ groups: [...(await admin.listGroups()).keys()] })),

  describeGroup: ({ group }) =>
    asAdmin(async (admin) => {
      const found = (await admin.describeGroups({ groups: [group] })).get(group)!;
      const { state, members, protocol } = found;
      return { state, members: members.size, protocol };
    }),

  groupOffsets: ({ group, topic, partitions }) =>
    asConsumer(group, async (consumer) => {
      const ids = Array.from({ length: partitions }, (_, partition) => partition);
      const found = await consumer.listCommittedOffsets({ topics: [{ topic, partitions: ids }] });
      const committed = ids.flatMap((partition) => {
        const offset = Number(found.get(topic)?.[partition] ?? -1);
        return offset < 0 ? [] : [[String(partition), offset] as const];
      });
      return { offsets: Object.fromEntries(committed) };
    }),

  deleteGroup: ({ group }) =>
    asAdmin(async (admin) => {
      await admin.deleteGroups({ groups: [group] });
      return {};
    }),

  ...memberHandlers((takes) => new Member(options, takes)),
};

await serve(handlers);
