/**
 * The transport of calls that carry batches between the worker and a partition's object: HTTP requests whose bodies
 * are the batches. RPC copies its arguments once more on each side, which was measured as a tenth of an append of
 * 100 KB and nearly half of a read of 1 MB. Small appends use RPC, because a request costs more than the copy. Both
 * ends of each shape are here; fields are only ever added at the end.
 */
import type { Refusal } from "../../base/errors.ts";
import type {
  Appended,
  AppendRefusal,
  AppendRequest,
  Fetched,
  FetchRequest,
  PartitionApi,
} from "./partition.ts";

/** The part of a stub that the calling end uses. */
export interface TransferStub extends Pick<PartitionApi, "append" | "appendAt" | "appendFenced"> {
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

/** Appends from this size on, in bytes, are requests. */
const REQUEST_BYTES_MIN = 16_384;

/** A request to an object needs a URL; its host is never resolved, and only the path is read. */
export const PARTITION_ORIGIN = "http://partition/";
const ENDS_HEADER = "x-ends";
const APPENDED_HEADER = "x-appended";
/** Status of a refusal, whose body is the refusal as JSON. */
const REFUSED = 409;
const READ_COMMITTED = "1";

/** A request to the object, decoded. */
export type TransferRequest =
  | {
      readonly kind: "append";
      readonly bytes: number;
      readonly acks: AppendRequest["acks"];
      readonly sparse: boolean;
    }
  | { readonly kind: "fetch"; readonly request: FetchRequest }
  | { readonly kind: "tail"; readonly offset: number };

/** RPC would copy the whole buffer that a view lies in. */
function ofOwnBytes(request: AppendRequest): AppendRequest {
  const { batches } = request;
  const isView = batches.byteLength !== batches.buffer.byteLength;
  return isView ? { ...request, batches: batches.slice() } : request;
}

export async function sendAppend(
  stub: TransferStub,
  request: AppendRequest,
): Promise<Appended | AppendRefusal> {
  const { batches, acks, sparseSequences, unlessRepeated, expectedOffset, fencing } = request;
  if (fencing !== undefined) return stub.appendFenced({ ...ofOwnBytes(request), fencing });
  if (expectedOffset !== undefined) {
    return stub.appendAt({ ...ofOwnBytes(request), expectedOffset });
  }
  const bytes = batches.byteLength;
  // A refusal does not fit into a path.
  if (bytes < REQUEST_BYTES_MIN || unlessRepeated !== undefined) {
    return stub.append(ofOwnBytes(request));
  }
  const url = `${PARTITION_ORIGIN}append/${bytes}/${acks}/${sparseSequences === true ? 1 : 0}`;
  const response = await stub.fetch(url, { method: "POST", body: batches });
  const appended = response.headers.get(APPENDED_HEADER);
  if (appended === null) return response.json<AppendRefusal>();
  const numbers = appended.split(" ").map(Number);
  return {
    ok: true,
    baseOffset: numbers[0]!,
    lastOffset: numbers[1]!,
    duplicate: numbers[2] === 1,
    logStartOffset: numbers[3]!,
    logAppendTimeMs: numbers[4]!,
    partitionEpoch: numbers[5]!,
  };
}

/** The answer travels in a header, because reading even a small body means reading a stream. */
export function answerAppend(answer: Appended | Refusal): Response {
  if (!answer.ok) return answerRefusal(answer);
  const { baseOffset, lastOffset, logStartOffset, logAppendTimeMs, partitionEpoch } = answer;
  const duplicate = answer.duplicate ? 1 : 0;
  const appended = `${baseOffset} ${lastOffset} ${duplicate} ${logStartOffset} ${logAppendTimeMs} ${partitionEpoch}`;
  return new Response(null, { headers: { [APPENDED_HEADER]: appended } });
}

/** A page whose batches have not been read yet, so that they can be passed on as a stream. */
export interface StreamedFetch extends Omit<Fetched, "batches"> {
  readonly body: ReadableStream | null;
  bytes(): Promise<Uint8Array>;
  readonly sizeBytes: number;
}

export async function sendFetch(
  stub: TransferStub,
  { offset, maxBytes, minBytes, maxWaitMs, isolation }: FetchRequest,
): Promise<StreamedFetch | Refusal> {
  const committed = isolation === "read_committed" ? READ_COMMITTED : "0";
  const path = `fetch/${offset}/${maxBytes}/${minBytes}/${maxWaitMs}/${committed}`;
  const response = await stub.fetch(PARTITION_ORIGIN + path);
  if (response.status === REFUSED) return response.json<Refusal>();
  const ends = response.headers.get(ENDS_HEADER)!.split(" ").map(Number);
  return {
    ok: true,
    logStartOffset: ends[0]!,
    highWatermark: ends[1]!,
    lastStableOffset: ends[2]!,
    nextOffset: ends[3]!,
    partitionEpoch: ends[4]!,
    sizeBytes: ends[5]!,
    body: response.body,
    bytes: async () => new Uint8Array(await response.arrayBuffer()),
  };
}

export function answerFetch(answer: Fetched | Refusal): Response {
  if (!answer.ok) return answerRefusal(answer);
  const { logStartOffset, highWatermark, lastStableOffset, nextOffset, partitionEpoch } = answer;
  const { batches } = answer;
  const ends = `${logStartOffset} ${highWatermark} ${lastStableOffset} ${nextOffset} ${partitionEpoch} ${batches.byteLength}`;
  return new Response(batches, { headers: { [ENDS_HEADER]: ends } });
}

/** Opens a tail; its socket is not accepted yet. */
export async function sendTail(
  stub: TransferStub,
  offset: number,
): Promise<{ readonly ok: true; readonly socket: WebSocket } | Refusal> {
  const headers = { upgrade: "websocket" };
  const response = await stub.fetch(`${PARTITION_ORIGIN}tail/${offset}`, { headers });
  const socket = response.webSocket;
  return socket ? { ok: true, socket } : response.json<Refusal>();
}

export function answerRefusal(refusal: Refusal): Response {
  return Response.json(refusal, { status: REFUSED });
}

/**
 * Decodes the path of a request to the object; null where this version does not know it. The worker has written it,
 * so numbers are not checked further.
 */
export function readTransfer(url: string): TransferRequest | null {
  const [kind, ...fields] = url.slice(url.indexOf("/", "http://".length) + 1).split("/");
  const numbers = fields.map(Number);
  if (!numbers.every(Number.isSafeInteger)) return null;
  switch (kind) {
    case "append":
      return {
        kind,
        bytes: numbers[0]!,
        acks: numbers[1] as AppendRequest["acks"],
        sparse: numbers[2] === 1,
      };
    case "fetch": {
      const [offset, maxBytes, minBytes, maxWaitMs] = numbers as [number, number, number, number];
      const isolation = fields[4] === READ_COMMITTED ? "read_committed" : "read_uncommitted";
      return { kind, request: { offset, maxBytes, minBytes, maxWaitMs, isolation } };
    }
    case "tail":
      return { kind, offset: numbers[0]! };
    default:
      return null;
  }
}
