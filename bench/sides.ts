/** How load is applied to a side: over HTTP, in Kafka's protocol, or by a Kafka client. */
import type { ClientJob, FramesJob, LoadJob, LoadResult } from "./load-protocol.ts";
import type { MeasuredRuntime, Rig } from "./rig.ts";

/** One of the two sides that are compared: a runtime, and the requests it is given. */
export interface Side {
  readonly runtime: MeasuredRuntime;
  load(seconds: number): Promise<LoadResult>;
}

export function httpSide(
  rig: Rig,
  runtime: MeasuredRuntime,
  load: Pick<LoadJob, "request" | "connections">,
): Side {
  const { url } = runtime;
  return {
    runtime,
    load: (seconds) => rig.load({ kind: "load", url, ...load, seconds }),
  };
}

/** Kafka's protocol over TCP: the service's alone. */
export function framesSide(rig: Rig, load: Omit<FramesJob, "kind" | "port" | "seconds">): Side {
  return {
    runtime: rig.service,
    load: (seconds) => rig.load({ kind: "frames", port: rig.kafkaPort, ...load, seconds }),
  };
}

/** A client that people use, over TCP. */
export function clientSide(rig: Rig, load: Omit<ClientJob, "kind" | "port" | "seconds">): Side {
  return {
    runtime: rig.service,
    load: (seconds) => rig.load({ kind: "client", port: rig.kafkaPort, ...load, seconds }),
  };
}
