/** The worker's entry: what wrangler.toml's `main` names. Only the handlers and the object classes leave from here. */
import type { Env } from "../objects/runtime/env.ts";
import { serveSocket } from "../kafka/tcp.ts";
import { app } from "./app.ts";

export { Controller } from "../objects/controller/object.ts";
export { Coordinator } from "../objects/coordinator/object.ts";
export { Partition } from "../objects/partition/object.ts";

export default {
  fetch: app.fetch,
  connect: (socket: Socket, env: Env): Promise<void> => serveSocket(socket, env),
};
