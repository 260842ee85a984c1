/** The type of a handler. Every API that can be decoded has one. */
import type { ApiKey, Request, Response } from "./messages/index.ts";
import type { Context } from "./session.ts";

/** Null: no answer is sent. Throws only where an assumption is broken. */
export type Handler<K extends ApiKey> = (
  request: Request<K>,
  context: Context,
) => Response<K> | null | Promise<Response<K> | null>;
