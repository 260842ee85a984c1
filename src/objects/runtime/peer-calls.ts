/**
 * The ports of replication over the platform's calls: RPC for most messages, and for large pushes requests whose bodies
 * are the chunks (RPC copies its arguments once more on each side). Both ends of the request's shape are here; fields
 * are only ever added.
 */
import { joinBytes } from "../../base/bytes.ts";
import { replicaObjectName } from "../../base/ids.ts";
import type { Env } from "./env.ts";
import { controllerStub, partitionStub, replicaAnswer } from "./stubs.ts";
import type {
  PeerAddress,
  PeerPort,
  ReplicateAnswer,
  ReplicateRequest,
} from "../contracts/replication.ts";
import { PARTITION_ORIGIN } from "../contracts/transfer.ts";
import type { PartitionObject } from "../contracts/partition-object.ts";
import type { ControllerPort } from "../contracts/controller-port.ts";

/** Pushes from this size on, in bytes, are sent as requests. */
const REQUEST_BYTES_MIN = 16_384;
/** Length of the header with the chunks' facts at most; the platform bounds headers. */
const HEADER_LENGTH_MAX = 8_192;
const REPLICATE_HEADER = "x-replicate";
const REPLICATED_HEADER = "x-replicated";
/** The path of a push: see {@link isPush}. */
const PUSH_URL = `${PARTITION_ORIGIN}replicate`;

/** `calls` counts all calls, because each is billed. */
export interface CountedPeers extends PeerPort {
  readonly calls: number;
}

export function platformPeers(env: Env): CountedPeers {
  let calls = 0;
  const peer = (to: PeerAddress): PartitionObject => {
    calls += 1;
    return partitionStub(env, replicaObjectName(to), to.locationHint);
  };
  return {
    get calls() {
      return calls;
    },
    replicate: (to, request) => replicaAnswer(() => sendPush(peer(to), request)),
    catchUp: (to, request) => replicaAnswer(() => peer(to).catchUp(request)),
    pull: (to, request) => replicaAnswer(() => peer(to).pull(request)),
  };
}

export function platformController(env: Env): ControllerPort {
  return {
    alterInSync: (request) => controllerStub(env).alterInSync(request),
    reportReplica: (report) => controllerStub(env).reportReplica(report),
  };
}

export function isPush(request: Request): boolean {
  return request.url === PUSH_URL;
}

async function sendPush(
  stub: PartitionObject,
  request: ReplicateRequest,
): Promise<ReplicateAnswer> {
  const { chunks } = request;
  let bytes = 0;
  for (const { data } of chunks) bytes += data.byteLength;
  if (bytes >= REQUEST_BYTES_MIN) {
    const header = JSON.stringify({ ...request, chunks: chunks.map(({ facts }) => facts) });
    if (header.length <= HEADER_LENGTH_MAX && isPlain(header)) {
      const body =
        chunks.length === 1 ? chunks[0]!.data : joinBytes(chunks.map(({ data }) => data));
      const headers = { [REPLICATE_HEADER]: header };
      const response = await stub.fetch(PUSH_URL, { method: "POST", body, headers });
      return JSON.parse(response.headers.get(REPLICATED_HEADER)!) as ReplicateAnswer;
    }
  }
  return stub.replicate({ ...request, chunks: chunks.map(unshared) });
}

/** Whether a header can carry it: headers are ASCII, and the assignment's settings may be any text. */
function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** A chunk whose buffer has nothing else in it: RPC sends the whole buffer of a view. */
function unshared(chunk: ReplicateRequest["chunks"][number]): ReplicateRequest["chunks"][number] {
  const { facts, data } = chunk;
  return data.byteLength === data.buffer.byteLength ? chunk : { facts, data: data.slice() };
}

/** Decodes a push that was sent as a request. */
export async function readPush(request: Request): Promise<ReplicateRequest> {
  const { chunks: facts, ...rest } = JSON.parse(request.headers.get(REPLICATE_HEADER)!) as Omit<
    ReplicateRequest,
    "chunks"
  > & {
    readonly chunks: readonly ReplicateRequest["chunks"][number]["facts"][];
  };
  const body = new Uint8Array(await request.arrayBuffer());
  let position = 0;
  const chunks = facts.map((fact) => {
    const end = position + fact.size_bytes;
    const data = facts.length === 1 ? body : body.slice(position, end);
    position = end;
    return { facts: fact, data };
  });
  return { ...rest, chunks };
}

export function answerPush(answer: ReplicateAnswer): Response {
  const text = JSON.stringify(answer);
  return new Response(null, { headers: { [REPLICATED_HEADER]: text } });
}
