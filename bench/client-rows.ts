/**
 * Rows about widely used Kafka clients. The other side is the same service over raw HTTP, with the same batches and
 * the same number of requests in flight, from a generator that sends prepared bytes: a client that builds and reads
 * every record has more to do, and where that is the bottleneck, the note says so.
 */
import { rawBatch, rawPage } from "./bodies.ts";
import { compare } from "./compare.ts";
import type { ClientJob } from "./load-protocol.ts";
import { median } from "./median.ts";
import { missingPackage } from "./python.ts";
import { append, fetchPath, gets, posts, RAW, recordsPath, settle } from "./raw-http.ts";
import type { Rig, Topic } from "./rig.ts";
import { inMegabytes, type Figures, type Row } from "./row.ts";
import { clientSide, httpSide, type Side } from "./sides.ts";

const BATCH = { batchRecords: 100, recordBytes: 1_000 } as const;
/** A producer has one batch in flight for each partition. */
const PARTITIONS = 16;
const PAGE_BYTES = 1_048_576;
/** Read from beginning to end, repeatedly: more than an object keeps in memory. */
const PAGES = 64;

interface Client {
  readonly name: ClientJob["client"];
  readonly produceTarget: number;
  readonly consumeTarget: number;
  readonly missing?: () => string | null;
}

const CLIENTS: readonly Client[] = [
  {
    name: "librdkafka",
    produceTarget: 0.8,
    consumeTarget: 0.8,
    missing: () => missingPackage("confluent_kafka"),
  },
  // Encoding in JavaScript uses a whole core, which bounds the throughput.
  { name: "kafkajs", produceTarget: 0.4, consumeTarget: 0.8 },
];

export const clientRows: readonly Row[] = CLIENTS.flatMap((client) => {
  const { name, produceTarget, consumeTarget, ...rest } = client;
  const common = { unit: "MB/s", against: "raw HTTP", atLeast: true, ...rest };
  return [
    {
      ...common,
      name: `${name}-produce`,
      title: `${name} produces 100 × 1 KB, acks=all, to ${PARTITIONS} partitions`,
      target: produceTarget,
      measure: (rig: Rig) => measureProduce(rig, name),
    },
    {
      ...common,
      name: `${name}-consume`,
      title: `${name} consumes one partition`,
      target: consumeTarget,
      measure: (rig: Rig) => measureConsume(rig, name),
    },
  ];
});

async function measureProduce(rig: Rig, client: Client["name"]): Promise<Figures> {
  const topic = { name: `bench-${client}-produce`, partitions: PARTITIONS };
  const body = rawBatch(BATCH.batchRecords, BATCH.recordBytes);
  const paths = Array.from({ length: PARTITIONS }, (_, i) => recordsPath(topic.name, i));
  const http = httpSide(rig, rig.service, {
    request: posts(paths, RAW, body),
    connections: PARTITIONS,
  });
  await rig.createTopic(topic);
  const ours = clientSide(rig, clientJob(client, "produce", topic));
  const figures = await compareClient(rig, topic, ours, http);
  await settle(rig.service.url, topic, body);
  await rig.deleteTopic(topic);
  return inMegabytes(figures, body.byteLength);
}

async function measureConsume(rig: Rig, client: Client["name"]): Promise<Figures> {
  const topic = { name: `bench-${client}-consume`, partitions: 1 };
  const page = rawPage(PAGE_BYTES);
  const paths = Array.from({ length: PAGES }, (_, i) =>
    fetchPath(topic.name, i * page.records, PAGE_BYTES),
  );
  const http = httpSide(rig, rig.service, { request: gets(paths), connections: 1 });
  await rig.createTopic(topic);
  for (let i = 0; i < PAGES; i += 1) {
    await append(rig.service.url + recordsPath(topic.name), page.bytes);
  }
  const job = { ...clientJob(client, "consume", topic), batchRecords: page.records };
  const figures = await compareClient(rig, topic, clientSide(rig, job), http);
  await rig.deleteTopic(topic);
  return inMegabytes(figures, page.bytes.byteLength);
}

function clientJob(
  client: Client["name"],
  action: ClientJob["action"],
  topic: Topic,
): Omit<ClientJob, "kind" | "port" | "seconds"> {
  return { client, action, topic: topic.name, partitions: topic.partitions, ...BATCH };
}

/** Compares, and notes the client's own processor time. */
async function compareClient(rig: Rig, topic: Topic, client: Side, http: Side): Promise<Figures> {
  const cores: number[] = [];
  const ours: Side = {
    ...client,
    load: async (seconds) => {
      const result = await client.load(seconds);
      cores.push(result.clientCores!);
      return result;
    },
  };
  const figures = await compare(rig, topic, BATCH.batchRecords, ours, http);
  return { ...figures, note: `the client itself took ${median(cores).toFixed(2)} of a core` };
}
