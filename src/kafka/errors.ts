/**
 * Refusals as Kafka's error codes. The table has the codes; here is what clients would misunderstand:
 * each of them retries only what it knows of an API, and gives up, or breaks, on the rest.
 */
import { ERRORS, refuse, type ErrorName, type Refusal } from "../base/errors.ts";
import type { AppendRefusal } from "../objects/contracts/partition.ts";
import { isUnanswered } from "../gateway/objects.ts";

export const NONE = 0;

export function codeOf(name: ErrorName): number {
  return ERRORS[name].kafka;
}

/** Whoever comes with a transactional id. An authorization error would send people looking for rights. */
export const NO_TRANSACTIONS: Refusal = refuse(
  "UNSUPPORTED_VERSION",
  "Transactions are not served: produce without a transactional id.",
);

/**
 * A refusal as one hears it who has named a topic by its id: that another topic has its name by now is
 * nothing to them.
 */
export function ofTopicId(refusal: Refusal): Refusal {
  return refusal.error === "UNKNOWN_TOPIC" ? refuse("UNKNOWN_TOPIC_ID") : refusal;
}

/** Of an API that only its own clients' code looks at: the table's. An unanswered call can be made again. */
export function codeOfRefusal(refusal: Refusal): number {
  if (isUnanswered(refusal)) return codeOf("REQUEST_TIMED_OUT");
  return codeOf(refusal.error);
}

/**
 * Of a produce. 89 is unknown to kafkajs and final to librdkafka. It was refused before it was read, and may be
 * the repeat of a batch that is in the log: REQUEST_TIMED_OUT is repeated by all and says that the outcome is
 * not known, where after NOT_ENOUGH_REPLICAS librdkafka takes the records for not written. The same holds for
 * an unanswered call, and for what a deposed leader has written.
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

/** What the Java consumer knows as an answer to Fetch; it breaks on any other. */
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
  // All else passes by asking again: the leader is elected, the object wakes up.
  return codeOf(ERRORS[error].retriable ? "NOT_LEADER_OR_FOLLOWER" : "UNKNOWN_SERVER_ERROR");
}

/** OFFSET_NOT_AVAILABLE came with version 5 (KIP-207): before, a client retries that there is no leader. */
const OFFSET_NOT_AVAILABLE_VERSION = 5;

export function codeOfListOffsets(refusal: Refusal, version: number): number {
  const isUnknown = refusal.error === "OFFSET_NOT_AVAILABLE";
  return isUnknown && version < OFFSET_NOT_AVAILABLE_VERSION
    ? codeOf("LEADER_NOT_AVAILABLE")
    : codeOfRefusal(refusal);
}

/** Of DeleteRecords: its clients know of no other answer that passes by asking again. */
export function codeOfDeleteRecords(refusal: Refusal): number {
  return refusal.error === "OFFSET_NOT_AVAILABLE"
    ? codeOf("LEADER_NOT_AVAILABLE")
    : codeOfRefusal(refusal);
}

/** Of a group: whoever is not answered, or throttled, looks for the coordinator again, and finds it. */
export function codeOfGroup(refusal: Refusal): number {
  if (isUnanswered(refusal)) return codeOf("COORDINATOR_NOT_AVAILABLE");
  if (refusal.error === "THROTTLING_QUOTA_EXCEEDED" || refusal.error === "UNKNOWN_SERVER_ERROR") {
    return codeOf("COORDINATOR_NOT_AVAILABLE");
  }
  return codeOf(refusal.error);
}

/** GROUP_ID_NOT_FOUND came to OffsetCommit with version 9 (KIP-848): before, its clients know of a wrong generation. */
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
