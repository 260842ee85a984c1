/** What answers to an API: every API that can be read is served. */
import type { ApiKey, Request, Response } from "./messages/index.ts";
import type { Context } from "./session.ts";

/** Null: nothing is answered. Throws only where an assumption is broken. */
export type Handler<K extends ApiKey> = (
  request: Request<K>,
  context: Context,
) => Response<K> | null | Promise<Response<K> | null>;
