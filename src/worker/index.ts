/** The worker's entry: what wrangler.toml's `main` names. Only the handlers and the object classes leave from here. */
import type { Env } from "../objects/runtime/env.ts";
import { front } from "./front.ts";

export { Controller } from "../objects/controller/object.ts";
export { Coordinator } from "../objects/coordinator/object.ts";
export { Partition } from "../objects/partition/object.ts";

export default {
  fetch: front.fetch,
  // Kafka's protocol is loaded with the first connection.
  async connect(socket: Socket, env: Env): Promise<void> {
    const { serveSocket } = await import("../kafka/tcp.ts");
    await serveSocket(socket, env);
  },
};
