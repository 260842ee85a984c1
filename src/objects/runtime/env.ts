/** The bindings that wrangler.toml declares, and the variables and secrets a deployment may set. */
import type { Controller } from "../controller/object.ts";
import type { Coordinator } from "../coordinator/object.ts";
import type { Partition } from "../partition/object.ts";

export interface Env {
  readonly PARTITION: DurableObjectNamespace<Partition>;
  readonly CONTROLLER: DurableObjectNamespace<Controller>;
  readonly COORDINATOR: DurableObjectNamespace<Coordinator>;
  /** Secret: the bearer key (several, comma-separated, while one replaces another). */
  readonly API_KEYS?: string;
  /** "true" only from the local server and `wrangler dev`: loopback callers need no key. */
  readonly OPEN_ON_LOOPBACK?: string;
  /** Settings of the config table come under their environment names. */
  readonly [setting: string]: unknown;
}
