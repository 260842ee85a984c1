/**
 * Refusals as Kafka's error codes. The table in base/errors.ts has the codes. This file has the exceptions: each
 * client retries only the codes it knows for an API, and gives up, or fails, on the rest.
 */
import { ERRORS, refuse, type ErrorName, type Refusal } from "../base/errors.ts";
import type { AppendRefusal } from "../objects/contracts/partition.ts";
import { isUnanswered } from "../gateway/objects.ts";

export const NONE = 0;

export function codeOf(name: ErrorName): number {
  return ERRORS[name].kafka;
}

/** For requests with a transactional id. An authorization error would send people looking for missing permissions. */
export const NO_TRANSACTIONS: Refusal = refuse(
  "UNSUPPORTED_VERSION",
  "Transactions are not served: produce without a transactional id.",
);

/**
 * A refusal for a request that named the topic by its id: such a client gets UNKNOWN_TOPIC_ID, whatever topic has the
 * name now.
 */
export function ofTopicId(refusal: Refusal): Refusal {
  return refusal.error === "UNKNOWN_TOPIC" ? refuse("UNKNOWN_TOPIC_ID") : refusal;
}

/**
 * For APIs whose codes are looked at by the application only: the code of the table. A call that was not answered can
 * be made again.
 */
export function codeOfRefusal(refusal: Refusal): number {
  if (isUnanswered(refusal)) return codeOf("REQUEST_TIMED_OUT");
  return codeOf(refusal.error);
}

/**
 * For Produce. Code 89 is unknown to kafkajs and fatal to librdkafka. The request was refused before it was read, and
 * may repeat a batch that is in the log: every client retries REQUEST_TIMED_OUT and takes the outcome as unknown,
 * whereas after NOT_ENOUGH_REPLICAS librdkafka takes the records as not written. The same holds for a call that was
 * not answered, and for records that a deposed leader has written.
 */
export function codeOfProduce(refusal: AppendRefusal): number {
  if (isUnanswered(refusal)) {
    return codeOf(
      refusal.error === "KAFKA_STORAGE_ERROR" ? "KAFKA_STORAGE_ERROR" : "REQUEST_TIMED_OUT",
    );
  }
  if (refusal.written === true && refusal.error === "NOT_LEADER_OR_FOLLOWER") {
    return codeOf("REQUEST_TIMED_OUT");
  }
  switch (refusal.error) {
    case "LEADER_NOT_AVAILABLE":
    case "REPLICA_NOT_AVAILABLE":
    case "FENCED_LEADER_EPOCH":
    case "UNKNOWN_LEADER_EPOCH":
    case "OFFSET_NOT_AVAILABLE":
      return codeOf("NOT_LEADER_OR_FOLLOWER");
    case "THROTTLING_QUOTA_EXCEEDED":
    case "UNKNOWN_SERVER_ERROR":
      return codeOf("REQUEST_TIMED_OUT");
    default:
      return codeOf(refusal.error);
  }
}

/** The codes that the Java consumer handles in an answer to Fetch; it fails on any other. */
const FETCH_CODES: ReadonlySet<ErrorName> = new Set<ErrorName>([
  "OFFSET_OUT_OF_RANGE",
  "OFFSET_BELOW_LOG_START",
  "UNKNOWN_TOPIC",
  "UNKNOWN_PARTITION",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "UNKNOWN_TOPIC_ID",
  "INCONSISTENT_TOPIC_ID",
  "NOT_LEADER_OR_FOLLOWER",
  "REPLICA_NOT_AVAILABLE",
  "KAFKA_STORAGE_ERROR",
  "STORAGE_LOST",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "OFFSET_NOT_AVAILABLE",
  "CORRUPT_MESSAGE",
]);

export function codeOfFetch({ error }: Refusal): number {
  if (FETCH_CODES.has(error)) return codeOf(error);
  if (error === "INVALID_TOPIC_EXCEPTION") return codeOf("UNKNOWN_TOPIC");
  // Everything else is transient: a leader is about to be elected, or the object is waking up.
  return codeOf(ERRORS[error].retriable ? "NOT_LEADER_OR_FOLLOWER" : "UNKNOWN_SERVER_ERROR");
}

/** OFFSET_NOT_AVAILABLE came with version 5 (KIP-207); older clients retry LEADER_NOT_AVAILABLE. */
const OFFSET_NOT_AVAILABLE_VERSION = 5;

export function codeOfListOffsets(refusal: Refusal, version: number): number {
  const isUnknown = refusal.error === "OFFSET_NOT_AVAILABLE";
  return isUnknown && version < OFFSET_NOT_AVAILABLE_VERSION
    ? codeOf("LEADER_NOT_AVAILABLE")
    : codeOfRefusal(refusal);
}

/** For DeleteRecords, whose clients retry no other code. */
export function codeOfDeleteRecords(refusal: Refusal): number {
  return refusal.error === "OFFSET_NOT_AVAILABLE"
    ? codeOf("LEADER_NOT_AVAILABLE")
    : codeOfRefusal(refusal);
}

/**
 * For group APIs: after a call that was not answered, or was throttled, the client looks up the coordinator again and
 * retries.
 */
export function codeOfGroup(refusal: Refusal): number {
  if (isUnanswered(refusal)) return codeOf("COORDINATOR_NOT_AVAILABLE");
  if (refusal.error === "THROTTLING_QUOTA_EXCEEDED" || refusal.error === "UNKNOWN_SERVER_ERROR") {
    return codeOf("COORDINATOR_NOT_AVAILABLE");
  }
  return codeOf(refusal.error);
}

/** GROUP_ID_NOT_FOUND came to OffsetCommit with version 9 (KIP-848); older clients handle ILLEGAL_GENERATION. */
const GROUP_NOT_FOUND_VERSION = 9;

export function codeOfOffsetCommit(refusal: Refusal, version: number): number {
  const isMissing = refusal.error === "GROUP_ID_NOT_FOUND";
  return isMissing && version < GROUP_NOT_FOUND_VERSION
    ? codeOf("ILLEGAL_GENERATION")
    : codeOfGroup(refusal);
}

/** The code and the text of an outcome, for answers that carry both. */
export function errorFields(outcome: { readonly ok: true } | Refusal): {
  readonly errorCode: number;
  readonly errorMessage: string | null;
} {
  if (outcome.ok) return { errorCode: NONE, errorMessage: null };
  return { errorCode: codeOfRefusal(outcome), errorMessage: outcome.message };
}
