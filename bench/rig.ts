/**
 * The setup of every row of the benchmark: the service and the floor, each in a runtime of its own that is started in
 * the same way, and one process that generates the load. Everything is on loopback and temporary.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { environmentName } from "../src/base/config.ts";
import { kafkaPorts } from "../src/cli/kafka-ports.ts";
import { startRuntime, type LocalRuntime } from "../src/cli/local-runtime.ts";
import type {
  AnyLoadJob,
  Job,
  LatencyJob,
  LatencyResult,
  LoadResult,
  Result,
} from "./load-protocol.ts";

const ROOT = resolve(import.meta.dirname, "..");
const HOST = "127.0.0.1";
/** One for each default broker. */
const KAFKA_PORTS = 3;
const TOPICS = "/v3/clusters/odradek/topics";

export interface Topic {
  readonly name: string;
  readonly partitions: number;
  /** Absent: one. */
  readonly replicas?: number;
}

export interface MeasuredRuntime extends LocalRuntime {
  /** Of the runtime, not of this process. */
  readonly pid: number;
}

export interface Rig {
  readonly service: MeasuredRuntime;
  readonly floor: MeasuredRuntime;
  /** Where the service listens for Kafka's protocol; the same after a restart. */
  readonly kafkaPort: number;
  load(job: AnyLoadJob): Promise<LoadResult>;
  latency(job: Omit<LatencyJob, "kind">): Promise<LatencyResult>;
  createTopic(topic: Topic): Promise<void>;
  deleteTopic(topic: Topic): Promise<void>;
  /** Ends the service and starts it on the same data, so that every object wakes again. */
  restartService(): Promise<void>;
  end(): Promise<void>;
}

/** Throws when one of them does not start. */
export async function startRig(inspect: boolean): Promise<Rig> {
  const dataDir = await mkdtemp(join(tmpdir(), "odradek-bench-"));
  const kafka = await kafkaPorts(HOST, 0, KAFKA_PORTS);
  if (!kafka.ok) throw new Error(kafka.problem);
  const [kafkaPort] = kafka.ports as [number, ...number[]];
  const variables = {
    OPEN_ON_LOOPBACK: "true",
    [environmentName("kafka.advertised.port")]: String(kafkaPort),
    [environmentName("kafka.listeners")]: String(KAFKA_PORTS),
  };
  const start = async (name: string, config: string): Promise<MeasuredRuntime> => {
    let pid = 0;
    const runtime = await startRuntime({
      configPath: join(ROOT, config),
      dataDir: join(dataDir, name),
      host: HOST,
      port: 0,
      ...(name === "service" ? { kafkaPorts: kafka.ports, variables } : { variables: {} }),
      inspect,
      started: (started) => (pid = started),
    });
    return { ...runtime, pid };
  };
  let service = await start("service", "wrangler.toml");
  const floor = await start("floor", "bench/floor/wrangler.toml");
  const loader = fork(join(import.meta.dirname, "load-process.ts"), {
    serialization: "advanced",
    // kafkajs sets timers in the past.
    execArgv: ["--disable-warning=TimeoutNegativeWarning"],
  });
  return {
    get service() {
      return service;
    },
    floor,
    kafkaPort,
    load: async (job) => {
      const result = await ask<LoadResult>(loader, job);
      if (result.failed > 0) throw new Error(`${result.failed} requests of ${job.kind} failed.`);
      return result;
    },
    latency: (job) => ask<LatencyResult>(loader, { kind: "latency", ...job }),
    async createTopic({ name, partitions, replicas = 1 }) {
      const body = JSON.stringify({
        topic_name: name,
        partitions_count: partitions,
        replication_factor: replicas,
      });
      const headers = { "content-type": "application/json" };
      await call(`${service.url}${TOPICS}`, { method: "POST", headers, body });
    },
    deleteTopic: ({ name }) => call(`${service.url}${TOPICS}/${name}`, { method: "DELETE" }),
    async restartService() {
      await service.stop();
      service = await start("service", "wrangler.toml");
    },
    async end() {
      loader.disconnect();
      await Promise.all([service.stop(), floor.stop()]);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function ask<T extends Result>(loader: ChildProcess, job: Job): Promise<T> {
  loader.send(job);
  const [result] = (await once(loader, "message")) as [T | { problem: string }];
  if ("problem" in result) throw new Error(`The load process: ${result.problem}`);
  return result as T;
}

async function call(url: string, init: RequestInit): Promise<void> {
  const answer = await fetch(url, init);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${init.method} ${url} answers ${answer.status}: ${text}`);
}
