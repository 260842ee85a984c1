/** The process that generates the load, separate from everything that is measured: jobs come over IPC. */
import { setTimeout as sleep } from "node:timers/promises";
import autocannon from "autocannon";
import { Client } from "undici";
import { loadClient } from "./client-load.ts";
import { loadFrames } from "./frames-load.ts";
import type {
  Job,
  LatencyJob,
  LatencyResult,
  LoadJob,
  LoadResult,
  Result,
} from "./load-protocol.ts";
import { median } from "./median.ts";

const JSON_V2 = "application/vnd.kafka.json.v2+json";
/** Time for a reader's request to reach the object and wait there. */
const READER_SETTLES_MS = 15;

process.on("message", (job: Job) => {
  work(job)
    .catch((error: unknown): Result => ({ problem: String(error) }))
    .then((result) => process.send!(result));
});

// The process that sent the jobs has ended.
process.on("disconnect", () => process.exit());

function work(job: Job): Promise<Result> {
  switch (job.kind) {
    case "load":
      return load(job);
    case "frames":
      return loadFrames(job);
    case "client":
      return loadClient(job);
    case "latency":
      return latency(job);
  }
}

async function load({ url, request, connections, seconds }: LoadJob): Promise<LoadResult> {
  const { method, paths, headers } = request;
  const body = request.body && Buffer.from(request.body);
  let client = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    timeout: 30,
    setupClient(connection) {
      const own = paths.filter((_, i) => i % connections === client % paths.length);
      client += 1;
      connection.setRequests(
        own.map((path) => ({ method, path, headers: { ...headers }, ...(body && { body }) })),
      );
    },
  });
  return {
    requests: result.requests.total,
    perSecond: result.requests.total / result.duration,
    bytesPerAnswer: result.throughput.total / result.requests.total,
    failed: result.non2xx + result.errors + result.timeouts,
  };
}

async function latency({ service, floor, body, times }: LatencyJob): Promise<LatencyResult> {
  const writer = new Client(service.url);
  const reader = new Client(service.url);
  const floorClient = new Client(floor.url);
  const ask = async (client: Client, method: "GET" | "POST", path: string): Promise<string> => {
    const sent = method === "POST" ? { body, headers: { "content-type": JSON_V2 } } : {};
    const answer = await client.request({ method, path, ...sent });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${text}`);
    return text;
  };
  const serviceMs: number[] = [];
  const floorMs: number[] = [];
  const records = `/topics/${service.topic}/partitions/0/records?timeout=10000&min_bytes=1`;
  for (let offset = 0; offset < times; offset += 1) {
    const arrival = ask(reader, "GET", `${records}&offset=${offset}`);
    await sleep(READER_SETTLES_MS);
    let start = performance.now();
    const produced = ask(writer, "POST", `/topics/${service.topic}`);
    await arrival;
    serviceMs.push(performance.now() - start);
    await produced;
    await sleep(READER_SETTLES_MS);
    start = performance.now();
    const written = await ask(floorClient, "POST", `/append/${floor.name}`);
    await ask(floorClient, "GET", `/append/${floor.name}?offset=${written}`);
    floorMs.push(performance.now() - start);
  }
  await Promise.all([writer.close(), reader.close(), floorClient.close()]);
  return { serviceMs: median(serviceMs), floorMs: median(floorMs) };
}
