/** The bindings as the objects' own tests see them: with the classes behind them. */
import { env } from "cloudflare:workers";
import type { Controller } from "../../src/objects/controller/object.ts";
import type { Coordinator } from "../../src/objects/coordinator/object.ts";
import type { Partition } from "../../src/objects/partition/object.ts";
import type { Env } from "../../src/objects/runtime/env.ts";

interface Classes {
  readonly PARTITION: DurableObjectNamespace<Partition>;
  readonly CONTROLLER: DurableObjectNamespace<Controller>;
  readonly COORDINATOR: DurableObjectNamespace<Coordinator>;
}

export const objectsEnv = env as unknown as Classes & Env;
