/** What the benchmark and its load process say to each other. */

/** Requests alike but for their paths, which the connections share out among themselves. */
export interface LoadRequest {
  readonly method: "GET" | "POST";
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** As many requests as `connections` can get answered, one at a time each. */
export interface LoadJob {
  readonly kind: "load";
  readonly url: string;
  readonly request: LoadRequest;
  readonly connections: number;
  readonly seconds: number;
}

/** Requests of Kafka's protocol, prepared once and sent again and again, on each connection in turn. */
export interface FramesRequest {
  /** Without their lengths. */
  readonly frames: readonly Uint8Array[];
  /** Where in an answer, without its length, the error code of its one partition stands. */
  readonly errorAt: number;
}

/** As many requests as `connections` can get answered over TCP, `inFlight` at a time each. */
export interface FramesJob {
  readonly kind: "frames";
  readonly port: number;
  readonly request: FramesRequest;
  readonly connections: number;
  readonly inFlight: number;
  readonly seconds: number;
}

/** What a client that people use gets done over TCP, as a request counting `batchRecords` records. */
export interface ClientJob {
  readonly kind: "client";
  readonly client: "kafkajs" | "librdkafka";
  /** Produced are batches to all partitions in turn; consumed is partition 0, again and again. */
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
  /** Processor time of a client, which may be what bounds it, by the time that has passed. */
  readonly clientCores?: number;
}

/**
 * One record at a time through an idle system: in the service from its sending until a reader that
 * waits for it has it; in the floor an append's round trip and the read that follows.
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

/** What a client says of one job. */
export interface ClientFigures {
  /** Acknowledged or consumed. */
  readonly records: number;
  readonly failed: number;
  readonly seconds: number;
  /** Of the client itself. */
  readonly cpuSeconds: number;
}
