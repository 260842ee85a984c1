/**
 * The messages of Kafka's wire protocol: the APIs and versions that are served, and their bytes. Pure functions.
 * Malformed input is null, never an exception; values to encode must fit their schema. A frame's four bytes of length
 * belong to the connection and do not appear here.
 */
import { produce } from "./00-produce.ts";
import { fetch } from "./01-fetch.ts";
import { listOffsets } from "./02-list-offsets.ts";
import { metadata } from "./03-metadata.ts";
import { offsetCommit } from "./08-offset-commit.ts";
import { offsetFetch } from "./09-offset-fetch.ts";
import { findCoordinator } from "./10-find-coordinator.ts";
import { joinGroup } from "./11-join-group.ts";
import { heartbeat } from "./12-heartbeat.ts";
import { leaveGroup } from "./13-leave-group.ts";
import { syncGroup } from "./14-sync-group.ts";
import { describeGroups } from "./15-describe-groups.ts";
import { listGroups } from "./16-list-groups.ts";
import { saslHandshake } from "./17-sasl-handshake.ts";
import { apiVersions } from "./18-api-versions.ts";
import { createTopics } from "./19-create-topics.ts";
import { deleteTopics } from "./20-delete-topics.ts";
import { deleteRecords } from "./21-delete-records.ts";
import { initProducerId } from "./22-init-producer-id.ts";
import { offsetForLeaderEpoch } from "./23-offset-for-leader-epoch.ts";
import { describeConfigs } from "./32-describe-configs.ts";
import { alterConfigs } from "./33-alter-configs.ts";
import { describeLogDirs } from "./35-describe-log-dirs.ts";
import { saslAuthenticate } from "./36-sasl-authenticate.ts";
import { createPartitions } from "./37-create-partitions.ts";
import { deleteGroups } from "./42-delete-groups.ts";
import { electLeaders } from "./43-elect-leaders.ts";
import { incrementalAlterConfigs } from "./44-incremental-alter-configs.ts";
import { alterPartitionReassignments } from "./45-alter-partition-reassignments.ts";
import { listPartitionReassignments } from "./46-list-partition-reassignments.ts";
import { offsetDelete } from "./47-offset-delete.ts";
import { describeCluster } from "./60-describe-cluster.ts";
import { consumerGroupHeartbeat } from "./68-consumer-group-heartbeat.ts";
import { assert } from "../../base/errors.ts";
import { codecsOf, type ShapeCodec } from "./codec.ts";
import { Reader, readSafely, RESPONSE_ELEMENTS_MAX } from "./reader.ts";
import type { Api, ReadShape, Shape, WriteShape } from "./schema.ts";
import { Writer, type EncodedMessage } from "./writer.ts";

export type { EncodedMessage } from "./writer.ts";

const DEFINED = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  saslHandshake,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  alterConfigs,
  describeLogDirs,
  saslAuthenticate,
  createPartitions,
  deleteGroups,
  electLeaders,
  incrementalAlterConfigs,
  alterPartitionReassignments,
  listPartitionReassignments,
  offsetDelete,
  describeCluster,
  consumerGroupHeartbeat,
] as const;

type Defined = (typeof DEFINED)[number];

/** A message of one of the APIs that are served. */
export type ApiKey = Defined["key"];
type ApiOf<K extends ApiKey> = Extract<Defined, { readonly key: K }>;

/** A decoded request: every field is present, with its default where its version lacks it. */
export type Request<K extends ApiKey> = ReadShape<ApiOf<K>["request"]>;
/** An answer to encode: fields with a default may be left out. */
export type Response<K extends ApiKey> = WriteShape<ApiOf<K>["response"]>;
/** The same for the client's side of a connection. */
export type RequestToWrite<K extends ApiKey> = WriteShape<ApiOf<K>["request"]>;
export type ResponseAsRead<K extends ApiKey> = ReadShape<ApiOf<K>["response"]>;

/** Every API, in the order of the keys. */
export const APIS: readonly Api<ApiKey, Shape, Shape>[] = DEFINED;

interface Spoken {
  readonly api: Api<ApiKey, Shape, Shape>;
  readonly request: (version: number) => ShapeCodec;
  readonly response: (version: number) => ShapeCodec;
}

const SPOKEN: ReadonlyMap<number, Spoken> = new Map(
  APIS.map((api) => {
    const request = codecsOf(api.request, api.flexibleFrom);
    const response = codecsOf(api.response, api.flexibleFrom);
    return [api.key, { api, request, response }];
  }),
);

/** A client reads the header of this answer before it knows the version: it is never flexible. */
const API_VERSIONS_KEY = 18;

export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  /** What {@link decodeRequest} takes, a view of the frame; null where the API or its version is not served. */
  readonly body: Uint8Array | null;
}

/** Whether an API is served at all. */
export function isApiKey(key: number): key is ApiKey {
  return SPOKEN.has(key);
}

/**
 * Decodes the header of a request (header version 1, or 2 where the version of the API is flexible); null where it is
 * malformed. `frame` is a request without its length.
 */
export function decodeRequestHeader(frame: Uint8Array): RequestHeader | null {
  return readSafely(() => {
    const from = new Reader(frame);
    const apiKey = from.int16();
    const apiVersion = from.int16();
    const correlationId = from.int32();
    // Never compact: it must be readable in any version.
    const clientId = from.string(false);
    const spoken = spokenAt(apiKey, apiVersion);
    if (spoken && apiVersion >= spoken.api.flexibleFrom) from.taggedFields(skipAll);
    const body = spoken ? frame.subarray(from.position) : null;
    return { apiKey, apiVersion, correlationId, clientId, body };
  });
}

/**
 * Decodes the body of a request; null where it is malformed or the version is not served. Bytes and records are views
 * of `body`. Bytes after the request are ignored, as in Kafka.
 */
export function decodeRequest<K extends ApiKey>(
  key: K,
  version: number,
  body: Uint8Array,
): Request<K> | null {
  const spoken = spokenAt(key, version);
  if (!spoken) return null;
  return readSafely(() => spoken.request(version).read(new Reader(body)) as Request<K>);
}

/**
 * Encodes an answer with its header. Large bytes and records are not copied: they are parts of the message, and must
 * not change until it is sent. Throws where a value does not fit its field.
 */
export function encodeResponse<K extends ApiKey>(
  key: K,
  version: number,
  correlationId: number,
  response: Response<K>,
): EncodedMessage {
  const spoken = spokenAt(key, version);
  assert(spoken, "an answer is of a version that is spoken");
  const out = new Writer();
  out.int32(correlationId);
  if (hasFlexibleAnswer(spoken, version)) out.uvarint(0);
  spoken.response(version).write(out, response);
  return out.finish();
}

/** Encodes a request with its header, as {@link encodeResponse} does an answer. */
export function encodeRequest<K extends ApiKey>(
  key: K,
  version: number,
  header: { readonly correlationId: number; readonly clientId: string | null },
  request: RequestToWrite<K>,
): EncodedMessage {
  const spoken = spokenAt(key, version);
  assert(spoken, "a request is of a version that is spoken");
  const out = new Writer();
  out.int16(key);
  out.int16(version);
  out.int32(header.correlationId);
  out.string(header.clientId, false);
  if (version >= spoken.api.flexibleFrom) out.uvarint(0);
  spoken.request(version).write(out, request);
  return out.finish();
}

/** Decodes an answer with its header; null where it is malformed. `frame` is without its length. */
export function decodeResponse<K extends ApiKey>(
  key: K,
  version: number,
  frame: Uint8Array,
): { readonly correlationId: number; readonly response: ResponseAsRead<K> } | null {
  const spoken = spokenAt(key, version);
  if (!spoken) return null;
  return readSafely(() => {
    const from = new Reader(frame, 0, RESPONSE_ELEMENTS_MAX);
    const correlationId = from.int32();
    if (hasFlexibleAnswer(spoken, version)) from.taggedFields(skipAll);
    const response = spoken.response(version).read(from) as ResponseAsRead<K>;
    return { correlationId, response };
  });
}

function spokenAt(key: number, version: number): Spoken | null {
  const spoken = SPOKEN.get(key);
  if (!spoken) return null;
  const { min, max } = spoken.api.versions;
  return version >= min && version <= max ? spoken : null;
}

function hasFlexibleAnswer({ api }: Spoken, version: number): boolean {
  return version >= api.flexibleFrom && api.key !== API_VERSIONS_KEY;
}

function skipAll(): boolean {
  return false;
}
