/** The messages between the benchmark and its load process. */

/** Requests that differ only in their paths, which are distributed over the connections. */
export interface LoadRequest {
  readonly method: "GET" | "POST";
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** As many requests as `connections` can complete, one at a time each. */
export interface LoadJob {
  readonly kind: "load";
  readonly url: string;
  readonly request: LoadRequest;
  readonly connections: number;
  readonly seconds: number;
}

/** Requests of Kafka's protocol, prepared once and sent repeatedly, on each connection in turn. */
export interface FramesRequest {
  /** Without their lengths. */
  readonly frames: readonly Uint8Array[];
  /** The position of the error code of the one partition in an answer without its length. */
  readonly errorAt: number;
}

/** As many requests as `connections` can complete over TCP, `inFlight` at a time each. */
export interface FramesJob {
  readonly kind: "frames";
  readonly port: number;
  readonly request: FramesRequest;
  readonly connections: number;
  readonly inFlight: number;
  readonly seconds: number;
}

/** What a widely used client achieves over TCP, counting `batchRecords` records as one request. */
export interface ClientJob {
  readonly kind: "client";
  readonly client: "kafkajs" | "librdkafka";
  /** Produces batches to all partitions in turn; consumes partition 0, repeatedly. */
  readonly action: "produce" | "consume";
  readonly port: number;
  readonly topic: string;
  readonly partitions: number;
  readonly batchRecords: number;
  readonly recordBytes: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Of an answer, headers included. */
  readonly bytesPerAnswer: number;
  /** Answers that were not 2xx or carry an error, and connections that failed. */
  readonly failed: number;
  /** The client's processor time, which may be the bottleneck, divided by the elapsed time. */
  readonly clientCores?: number;
}

/**
 * One record at a time through an idle system: in the service, from sending it until a waiting reader has it; in the
 * floor, the round trip of an append and of the read that follows.
 */
export interface LatencyJob {
  readonly kind: "latency";
  readonly service: { readonly url: string; readonly topic: string };
  readonly floor: { readonly url: string; readonly name: string };
  readonly body: Uint8Array;
  readonly times: number;
}

export interface LatencyResult {
  /** Medians. */
  readonly serviceMs: number;
  readonly floorMs: number;
}

/** What is answered with a {@link LoadResult}. */
export type AnyLoadJob = LoadJob | FramesJob | ClientJob;
export type Job = AnyLoadJob | LatencyJob;
export type Result = LoadResult | LatencyResult | { readonly problem: string };

/** A client's report of one job. */
export interface ClientFigures {
  /** Acknowledged or consumed. */
  readonly records: number;
  readonly failed: number;
  readonly seconds: number;
  /** Of the client itself. */
  readonly cpuSeconds: number;
}
