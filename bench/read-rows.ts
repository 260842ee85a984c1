/** Rows about reading: a page of 1 MB, a record on its way to a waiting reader, a large log. */
import { readUsage } from "../src/cli/usage.ts";
import { jsonBody, rawPage, type RawPage } from "./bodies.ts";
import { compare } from "./compare.ts";
import { counted, NO_COSTS } from "./counted.ts";
import { append, fetchPath, gets, recordsPath } from "./raw-http.ts";
import type { Rig } from "./rig.ts";
import type { Figures, Row } from "./row.ts";
import { httpSide, type Side } from "./sides.ts";

const PAGE_BYTES = 1_048_576;
const CONNECTIONS = 8;
const LATENCY_TIMES = 60;

/** The large log: this many pages, or as many as were written in this time. */
const LARGE_PAGES = 1_000;
const LARGE_MS_MAX = 40_000;
const LARGE_AT_ONCE = 4;
const LARGE = { name: "bench-large", partitions: 1 };
const SMALL = { name: "bench-small", partitions: 1 };
/** Pages at either end of the large log that are read in turn: more than an object keeps in memory. */
const END_PAGES = 16;

export const readRows: readonly Row[] = [
  {
    name: "fetch",
    title: "raw fetch of 1 MB",
    unit: "requests/s",
    target: 0.85,
    atLeast: true,
    measure: measureFetch,
  },
  {
    name: "latency",
    title: "produce → long-polling reader ÷ append + read",
    unit: "ms",
    target: 1.5,
    atLeast: false,
    measure: measureLatency,
  },
  {
    name: "head",
    title: "fetch at the head ÷ at the tail of a large log",
    unit: "requests/s",
    against: "tail",
    target: 0.9,
    atLeast: true,
    measure: measureHead,
  },
  {
    name: "wake",
    title: "waking up with a large log ÷ with 1 MB",
    unit: "rows read",
    against: "1 MB",
    target: 1.1,
    atLeast: false,
    restarts: true,
    measure: measureWake,
  },
];

async function measureFetch(rig: Rig): Promise<Figures> {
  const topic = { name: "bench-fetch", partitions: 1 };
  const page = rawPage(PAGE_BYTES);
  await rig.createTopic(topic);
  // More than one, so that the pages read are not all in an object's memory.
  for (let i = 0; i < END_PAGES; i += 1) {
    await append(rig.service.url + recordsPath(topic.name), page.bytes);
    await append(`${rig.floor.url}/append/fetch`, page.bytes);
  }
  const ours = httpSide(rig, rig.service, {
    connections: CONNECTIONS,
    request: gets([fetchPath(topic.name, 0, PAGE_BYTES)]),
  });
  const floor = httpSide(rig, rig.floor, {
    connections: CONNECTIONS,
    request: gets(["/append/fetch?offset=0"]),
  });
  const figures = await compare(rig, topic, page.records, ours, floor);
  await rig.deleteTopic(topic);
  return figures;
}

async function measureLatency(rig: Rig): Promise<Figures> {
  const topic = { name: "bench-latency", partitions: 1 };
  await rig.createTopic(topic);
  const job = {
    service: { url: rig.service.url, topic: topic.name },
    floor: { url: rig.floor.url, name: "latency" },
    body: jsonBody(1, 100),
    times: LATENCY_TIMES,
  };
  const { result, costs } = await counted(
    rig,
    topic,
    () => rig.latency(job),
    // A request to produce it and one to read it.
    (_, { requests }) => requests / 2,
  );
  const { serviceMs, floorMs } = result;
  await rig.deleteTopic(topic);
  return { ours: serviceMs, floor: floorMs, ratio: serviceMs / floorMs, cpuRatio: null, ...costs };
}

async function measureHead(rig: Rig): Promise<Figures> {
  const page = rawPage(PAGE_BYTES);
  const pages = await fillLargeLog(rig, page);
  const side = (firstPage: number): Side =>
    httpSide(rig, rig.service, {
      connections: CONNECTIONS,
      request: gets(
        Array.from({ length: END_PAGES }, (_, i) =>
          fetchPath(LARGE.name, (firstPage + i) * page.records, PAGE_BYTES),
        ),
      ),
    });
  const tail = side(pages - END_PAGES);
  const figures = await compare(rig, LARGE, page.records, side(0), tail);
  return { ...figures, note: sizeNote(pages, page) };
}

async function measureWake(rig: Rig): Promise<Figures> {
  const page = rawPage(PAGE_BYTES);
  const pages = await fillLargeLog(rig, page);
  await rig.createTopic(SMALL);
  await append(rig.service.url + recordsPath(SMALL.name), page.bytes);
  await rig.restartService();
  const large = await readUsage(rig.service.url, LARGE.name);
  const small = await readUsage(rig.service.url, SMALL.name);
  const ratio = large.wakeRowsRead / small.wakeRowsRead;
  const note = sizeNote(pages, page);
  return {
    ours: large.wakeRowsRead,
    floor: small.wakeRowsRead,
    ratio,
    cpuRatio: null,
    note,
    ...NO_COSTS,
  };
}

const largePages = new WeakMap<Rig, number>();

/** Writes the large log, once for all rows that read it; returns its pages. */
async function fillLargeLog(rig: Rig, page: RawPage): Promise<number> {
  let pages = largePages.get(rig) ?? 0;
  if (pages > 0) return pages;
  await rig.createTopic(LARGE);
  const url = rig.service.url + recordsPath(LARGE.name);
  const deadline = performance.now() + LARGE_MS_MAX;
  for (; pages < LARGE_PAGES && performance.now() < deadline; pages += LARGE_AT_ONCE) {
    await Promise.all(Array.from({ length: LARGE_AT_ONCE }, () => append(url, page.bytes)));
  }
  largePages.set(rig, pages);
  return pages;
}

function sizeNote(pages: number, page: RawPage): string {
  return `the large log has ${((pages * page.bytes.length) / 1e9).toFixed(2)} GB`;
}
