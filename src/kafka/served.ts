/**
 * Which of the APIs that can be read are served. OffsetForLeaderEpoch is not: replicas answer that only to
 * each other, and clients do without where it is not advertised.
 */
import { APIS, isApiKey, type ApiKey, type Request, type Response } from "./messages/index.ts";
import type { Context } from "./session.ts";

const OFFSET_FOR_LEADER_EPOCH = 23;

export type ServedKey = Exclude<ApiKey, typeof OFFSET_FOR_LEADER_EPOCH>;

export const SERVED_APIS = APIS.filter(({ key }) => isServed(key));

export function isServed(key: number): key is ServedKey {
  return isApiKey(key) && key !== OFFSET_FOR_LEADER_EPOCH;
}

/** What answers to an API. Null: nothing is answered. Throws only where an assumption is broken. */
export type Handler<K extends ServedKey> = (
  request: Request<K>,
  context: Context,
) => Response<K> | null | Promise<Response<K> | null>;
