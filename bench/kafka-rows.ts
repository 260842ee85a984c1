/**
 * Rows about Kafka's protocol over TCP. The other side is the same service over HTTP, with the same batches and the
 * same number of requests in flight: the ratio shows what the protocol and its connections add.
 */
import { joinBytes } from "../src/base/bytes.ts";
import { encodeRequest } from "../src/kafka/messages/index.ts";
import { rawBatch, rawPage } from "./bodies.ts";
import { compare } from "./compare.ts";
import type { FramesRequest } from "./load-protocol.ts";
import { append, fetchPath, gets, posts, RAW, recordsPath, settle } from "./raw-http.ts";
import type { Rig, Topic } from "./rig.ts";
import { inMegabytes, type Figures, type Row } from "./row.ts";
import { framesSide, httpSide } from "./sides.ts";

const UNIT = "MB/s";
const AGAINST = "raw HTTP";
const TARGET = 0.8;

/** As librdkafka asks. */
const PRODUCE = 0;
const PRODUCE_VERSION = 7;
const FETCH = 1;
const FETCH_VERSION = 11;
const HEADER = { correlationId: 1, clientId: "bench" };

const BATCH_RECORDS = 100;
const RECORD_BYTES = 1_000;
const PAGE_BYTES = 1_048_576;
const FETCH_CONNECTIONS = 8;
/** More than one, so that the pages read are not all in an object's memory. */
const PAGES = 16;

interface Produce {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  /** Requests in flight on each connection. */
  readonly inFlight: number;
  readonly partitions: number;
}

const PRODUCES: readonly Produce[] = [
  {
    name: "tcp-raw",
    title: "Kafka over TCP: batches of 100 × 1 KB, acks=all, 16 connections",
    connections: 16,
    inFlight: 1,
    partitions: 1,
  },
  {
    name: "tcp-deep",
    title: "the same, 5 in flight on each",
    connections: 16,
    inFlight: 5,
    partitions: 1,
  },
  {
    name: "tcp-one",
    title: "the same, 1 connection with 16 in flight, to 16 partitions",
    connections: 1,
    inFlight: 16,
    partitions: 16,
  },
];

export const kafkaRows: readonly Row[] = [
  ...PRODUCES.map((produce) => ({
    name: produce.name,
    title: produce.title,
    unit: UNIT,
    against: AGAINST,
    target: TARGET,
    atLeast: true,
    measure: (rig: Rig) => measureProduce(rig, produce),
  })),
  {
    name: "tcp-fetch",
    title: "Kafka over TCP: fetch of 1 MB, 8 connections",
    unit: UNIT,
    against: AGAINST,
    target: TARGET,
    atLeast: true,
    measure: measureFetch,
  },
];

async function measureProduce(
  rig: Rig,
  { name, connections, inFlight, partitions }: Produce,
): Promise<Figures> {
  const topic = { name: `bench-${name}`, partitions };
  const body = rawBatch(BATCH_RECORDS, RECORD_BYTES);
  const request = produceRequest(topic, body);
  const ours = framesSide(rig, { request, connections, inFlight });
  const paths = Array.from({ length: partitions }, (_, i) => recordsPath(topic.name, i));
  const http = httpSide(rig, rig.service, {
    request: posts(paths, RAW, body),
    connections: connections * inFlight,
  });
  await rig.createTopic(topic);
  const figures = await compare(rig, topic, BATCH_RECORDS, ours, http);
  await settle(rig.service.url, topic, body);
  await rig.deleteTopic(topic);
  return inMegabytes(figures, body.byteLength);
}

async function measureFetch(rig: Rig): Promise<Figures> {
  const topic = { name: "bench-tcp-fetch", partitions: 1 };
  const page = rawPage(PAGE_BYTES);
  const ours = framesSide(rig, {
    request: fetchRequest(topic.name),
    connections: FETCH_CONNECTIONS,
    inFlight: 1,
  });
  const http = httpSide(rig, rig.service, {
    request: gets([fetchPath(topic.name, 0, PAGE_BYTES)]),
    connections: FETCH_CONNECTIONS,
  });
  await rig.createTopic(topic);
  for (let i = 0; i < PAGES; i += 1) {
    await append(rig.service.url + recordsPath(topic.name), page.bytes);
  }
  const figures = await compare(rig, topic, page.records, ours, http);
  await rig.deleteTopic(topic);
  return inMegabytes(figures, page.bytes.byteLength);
}

/** Appends a batch to each partition in turn. */
function produceRequest({ name, partitions }: Topic, batch: Uint8Array): FramesRequest {
  const frames = Array.from({ length: partitions }, (_, index) =>
    encodeRequest(PRODUCE, PRODUCE_VERSION, HEADER, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name, partitionData: [{ index, records: batch }] }],
    }),
  );
  return {
    frames: frames.map(({ parts }) => joinBytes(parts)),
    // After the correlation id, the number of topics, the name, the number of partitions and the index.
    errorAt: 4 + 4 + 2 + name.length + 4 + 4,
  };
}

/** Reads a page from the beginning of partition 0. */
function fetchRequest(topic: string): FramesRequest {
  const partition = { partition: 0, fetchOffset: 0, partitionMaxBytes: PAGE_BYTES };
  const frame = encodeRequest(FETCH, FETCH_VERSION, HEADER, {
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: PAGE_BYTES,
    topics: [{ topic, partitions: [partition] }],
  });
  // After the correlation id, throttle time, error code, session, number of topics, name, number of partitions and
  // index.
  return {
    frames: [joinBytes(frame.parts)],
    errorAt: 4 + 4 + 2 + 4 + 4 + 2 + topic.length + 4 + 4,
  };
}
