/** Rows about appending: the same body to the service and to the floor, alternately. */
import { alternate, compare } from "./compare.ts";
import { jsonBody, rawBatch } from "./bodies.ts";
import { append as appendTo, posts, RAW, recordsPath } from "./raw-http.ts";
import type { MeasuredRuntime, Rig, Topic } from "./rig.ts";
import type { Figures, Row } from "./row.ts";
import { httpSide, type Side } from "./sides.ts";

const JSON_V2 = "application/vnd.kafka.json.v2+json";
const UNIT = "requests/s";
const MANY_PARTITIONS = 1_000;
/** Requests at once while each of many partitions is written to for the first time. */
const WARMING_AT_ONCE = 32;
const FLOOR_ROUNDS = 3;

interface Append {
  readonly name: string;
  readonly title: string;
  readonly target: number;
  readonly connections: number;
  readonly records: number;
  readonly body: () => Uint8Array;
  /** JSON goes to the v2 route, and to the floor's route that parses and re-encodes it. */
  readonly json: boolean;
  /** Absent: one. With three, the floor awaits two followers. */
  readonly replicas?: 3;
}

const APPENDS: readonly Append[] = [
  {
    name: "raw",
    title: "raw batches, 100 × 1 KB",
    target: 0.85,
    connections: 16,
    records: 100,
    body: () => rawBatch(100, 1_000),
    json: false,
  },
  {
    name: "raw-3",
    title: "raw batches, 100 × 1 KB, three replicas, acks=all",
    target: 0.85,
    connections: 16,
    records: 100,
    body: () => rawBatch(100, 1_000),
    json: false,
    replicas: 3,
  },
  {
    name: "json-1k",
    title: "JSON, 100 × 1 KB records",
    target: 0.9,
    connections: 16,
    records: 100,
    body: () => jsonBody(100, 1_000),
    json: true,
  },
  {
    name: "json-100",
    title: "JSON, 100 × 100 B records",
    target: 0.85,
    connections: 16,
    records: 100,
    body: () => jsonBody(100, 100),
    json: true,
  },
  {
    name: "json-one",
    title: "JSON, one 100 B record a request, 64 connections",
    target: 0.75,
    connections: 64,
    records: 1,
    body: () => jsonBody(1, 100),
    json: true,
  },
];

export const appendRows: readonly Row[] = APPENDS.map((append) => ({
  name: append.name,
  title: append.title,
  unit: UNIT,
  target: append.target,
  atLeast: true,
  measure: (rig) => measureAppend(rig, append),
}));

/** Leaves a thousand databases behind that are being deleted: nothing should be measured after it. */
export const partitionsRow: Row = {
  name: "partitions",
  title: "throughput over 1,000 partitions ÷ over 1",
  unit: UNIT,
  against: "over 1",
  target: 0.9,
  atLeast: true,
  measure: measurePartitions,
};

async function measureAppend(rig: Rig, append: Append): Promise<Figures> {
  const topic = { name: `bench-${append.name}`, partitions: 1, replicas: append.replicas ?? 1 };
  const { connections, records } = append;
  const body = append.body();
  const path = append.json ? `/topics/${topic.name}` : recordsPath(topic.name);
  const contentType = append.json ? JSON_V2 : RAW;
  const route = append.json ? "json" : append.replicas === 3 ? "replicated" : "append";
  const floorPath = `/${route}/${append.name}`;
  const side = (runtime: MeasuredRuntime, to: string): Side =>
    httpSide(rig, runtime, { connections, request: posts([to], contentType, body) });
  await rig.createTopic(topic);
  const figures = await compare(
    rig,
    topic,
    records,
    side(rig.service, path),
    side(rig.floor, floorPath),
  );
  await rig.deleteTopic(topic);
  await fetch(`${rig.floor.url}/append/${append.name}`, { method: "DELETE" });
  return figures;
}

async function measurePartitions(rig: Rig): Promise<Figures> {
  const many = { name: "bench-partitions", partitions: MANY_PARTITIONS };
  const one = { name: "bench-partition", partitions: 1 };
  const body = rawBatch(100, 1_000);
  const side = (runtime: MeasuredRuntime, count: number, path: (i: number) => string): Side =>
    httpSide(rig, runtime, {
      connections: 16,
      request: posts(
        Array.from({ length: count }, (_, i) => path(i)),
        RAW,
        body,
      ),
    });
  const topicSide = ({ name, partitions }: Topic): Side =>
    side(rig.service, partitions, (p) => recordsPath(name, p));
  const floorSide = (objects: number): Side =>
    side(rig.floor, objects, (i) => `/append/${objects}-${i}`);
  for (const topic of [many, one]) await rig.createTopic(topic);
  const each = Array.from({ length: MANY_PARTITIONS }, (_, i) => i);
  for (const urls of [
    each.map((p) => rig.service.url + recordsPath(many.name, p)),
    each.map((i) => `${rig.floor.url}/append/${MANY_PARTITIONS}-${i}`),
  ]) {
    await appendOnce(urls, body);
  }
  const figures = await compare(rig, many, 100, topicSide(many), topicSide(one));
  const floor = await alternate(floorSide(MANY_PARTITIONS), floorSide(1), FLOOR_ROUNDS);
  for (const topic of [many, one]) await rig.deleteTopic(topic);
  return { ...figures, note: `the floor over 1,000 objects ÷ over 1: ${floor.ratio.toFixed(2)}` };
}

/** Appends to each URL once: an object gets its storage at its first use, which is not what is measured. */
async function appendOnce(urls: readonly string[], body: Uint8Array): Promise<void> {
  for (let from = 0; from < urls.length; from += WARMING_AT_ONCE) {
    await Promise.all(urls.slice(from, from + WARMING_AT_ONCE).map((url) => appendTo(url, body)));
  }
}
