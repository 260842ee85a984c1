/** The bindings that wrangler.toml declares, and the variables and secrets a deployment may set. */

export interface Env {
  /** Without type arguments: the classes would make a circle of imports. Callers use the types of `src/objects/contracts`. */
  readonly PARTITION: DurableObjectNamespace;
  readonly CONTROLLER: DurableObjectNamespace;
  readonly COORDINATOR: DurableObjectNamespace;
  /** Secret: the bearer key (several, comma-separated, while one replaces another). */
  readonly API_KEYS?: string;
  /** "true" only from the local server and `wrangler dev`: loopback callers need no key. */
  readonly OPEN_ON_LOOPBACK?: string;
  /** Settings of the config table come under their environment names. */
  readonly [setting: string]: unknown;
}
