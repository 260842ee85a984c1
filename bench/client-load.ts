/** Load by widely used clients: kafkajs in this process, librdkafka in one of its own. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { loadKafkajs } from "./kafkajs-load.ts";
import type { ClientFigures, ClientJob, LoadResult } from "./load-protocol.ts";
import { PYTHON } from "./python.ts";

export async function loadClient(job: ClientJob): Promise<LoadResult> {
  const figures = await (job.client === "kafkajs" ? loadKafkajs(job) : loadLibrdkafka(job));
  const { records, failed, seconds, cpuSeconds } = figures;
  const requests = records / job.batchRecords;
  return {
    requests,
    perSecond: requests / seconds,
    bytesPerAnswer: 0,
    failed,
    clientCores: cpuSeconds / seconds,
  };
}

async function loadLibrdkafka(job: ClientJob): Promise<ClientFigures> {
  const script = join(import.meta.dirname, "librdkafka_load.py");
  const { stdout } = await promisify(execFile)(PYTHON, [script, JSON.stringify(job)]);
  return JSON.parse(stdout) as ClientFigures;
}
