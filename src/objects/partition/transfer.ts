/**
 * How the calls that carry batches travel between the worker and a partition's object: as HTTP
 * requests whose bodies are the batches. RPC copies its arguments once more on each side, which
 * was measured as a tenth of an append of 100 KB and nearly half of a read of 1 MB. Everything else
 * is RPC. Both ends of each shape stand here; fields are only ever added at the end.
 */
import type { Refusal } from "../../base/errors.ts";
import type { Appended, AppendRequest, Fetched, FetchRequest } from "./api.ts";

/** What both ends need of a stub. */
export interface TransferStub {
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

/** Nobody resolves this name: a request to an object needs a URL, and only its path is read. */
const ORIGIN = "http://partition/";
const ENDS_HEADER = "x-ends";
/** A refusal comes as JSON of itself under this status. */
const REFUSED = 409;
const READ_COMMITTED = "1";

/** What a request to the object asks for; null for what this version does not know. */
export type TransferRequest =
  | { readonly kind: "append"; readonly acks: AppendRequest["acks"]; readonly sparse: boolean }
  | { readonly kind: "fetch"; readonly request: FetchRequest }
  | { readonly kind: "tail"; readonly offset: number };

export async function sendAppend(
  stub: TransferStub,
  { batches, acks, sparseSequences }: AppendRequest,
): Promise<Appended | Refusal> {
  const url = `${ORIGIN}append/${acks}/${sparseSequences === true ? 1 : 0}`;
  const response = await stub.fetch(url, { method: "POST", body: batches });
  return JSON.parse(await response.text()) as Appended | Refusal;
}

export function answerAppend(answer: Appended | Refusal): Response {
  return new Response(JSON.stringify(answer));
}

/** A page whose batches have not been read: they may be passed on as they stream in. */
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
  const response = await stub.fetch(ORIGIN + path);
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

/** Opens the tail's socket, not accepted yet. */
export async function sendTail(
  stub: TransferStub,
  offset: number,
): Promise<{ readonly ok: true; readonly socket: WebSocket } | Refusal> {
  const headers = { upgrade: "websocket" };
  const response = await stub.fetch(`${ORIGIN}tail/${offset}`, { headers });
  const socket = response.webSocket;
  return socket ? { ok: true, socket } : response.json<Refusal>();
}

export function answerRefusal(refusal: Refusal): Response {
  return Response.json(refusal, { status: REFUSED });
}

/** Reads the path of a request to the object. The caller is the worker: numbers are what it wrote. */
export function readTransfer(url: string): TransferRequest | null {
  const [kind, ...fields] = url.slice(url.indexOf("/", "http://".length) + 1).split("/");
  const numbers = fields.map(Number);
  if (!numbers.every(Number.isSafeInteger)) return null;
  switch (kind) {
    case "append":
      return { kind, acks: numbers[0] as AppendRequest["acks"], sparse: numbers[1] === 1 };
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
