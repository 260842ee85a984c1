/**
 * What happens after a call of a leader has failed: a leader that did not answer is reported, one that moved is
 * looked up, and the call is repeated where that is harmless, for as long as an election may take. A producer then
 * notices nothing, or gets a retriable error.
 */
import { ERRORS, refuse, type ErrorName, type Refusal } from "../base/errors.ts";
import type { AppendRefusal } from "../objects/contracts/partition.ts";
import { markStale, renewedTopic, topicMetadata, type KnownTopic } from "./metadata.ts";
import { isUnanswered, type CallOptions } from "./objects.ts";
import { reportLeader } from "./reports.ts";
import type { Service } from "./service.ts";
import { pause } from "./time.ts";

/** Refusals that another replica, or the same one a moment later, may not give. */
const MOVED: ReadonlySet<ErrorName> = new Set<ErrorName>([
  "NOT_LEADER_OR_FOLLOWER",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "LEADER_NOT_AVAILABLE",
  "REPLICA_NOT_AVAILABLE",
  "OFFSET_NOT_AVAILABLE",
  "UNKNOWN_TOPIC_OR_PARTITION",
]);

/** Pauses before the tries, in milliseconds: none where the metadata was stale, then as long as an election takes. */
const PAUSES_MS = [0, 50, 100, 200, 400, 400, 400] as const;

/**
 * A replica that still refuses before a pause of this length, though the controller says that it leads, is reported
 * as if it had not answered: it may have lost its storage or an assignment.
 */
const STUCK_MS = 200;

const NOT_KNOWN_YET = "The partition's leader does not know of its assignment yet; try again.";
const WRITTEN =
  "The records were written by a leader that was deposed before they were committed; whether they stay is not known.";
const ATTEMPTED =
  "An earlier attempt of this request was not answered; whether its records were written is not known.";
const RECREATED = "The topic was created anew with other partitions; nothing was done, try again.";

export interface PartitionOptions extends CallOptions {
  /** Calls only this very topic; one that was created later under its name is UNKNOWN_TOPIC. */
  readonly sameTopic?: true;
  /** The call appends records: a refusal must not hide that an earlier attempt has written them. */
  readonly appends?: true;
  /** The first refusal is the answer: for callers that decide themselves when to ask again. */
  readonly once?: true;
}

export interface PartitionCall<A> {
  readonly service: Service;
  /** The topic as the caller knows it; it may have chosen the partition by its partition count. */
  readonly topic: KnownTopic;
  readonly partition: number;
  readonly options: PartitionOptions;
  /** Calls the leader that this metadata names. */
  readonly callLeader: (topic: KnownTopic) => Promise<A | Refusal>;
}

/** Whether {@link recover} can do something about this answer. */
export function isRecoverable(refusal: Refusal): boolean {
  return isOfLeader(refusal) || refusal.error === "UNKNOWN_PARTITION";
}

function isOfLeader(refusal: Refusal): boolean {
  return MOVED.has(refusal.error) || isUnanswered(refusal) || isOfStorage(refusal);
}

/** The leader's storage cannot be read, or refuses writes: another replica may lead. */
function isOfStorage(refusal: Refusal): boolean {
  if (isUnanswered(refusal)) return false;
  return refusal.error === "KAFKA_STORAGE_ERROR" || refusal.error === "STORAGE_LOST";
}

/** The answer of a later try, or the last refusal. */
export async function recover<A extends { readonly ok: true }>(
  call: PartitionCall<A>,
  failed: Refusal,
): Promise<A | Refusal> {
  if (call.options.appends !== true) return recovered(call, failed);
  let isUnknown = mayBeWritten(failed);
  const callLeader = async (topic: KnownTopic): Promise<A | Refusal> => {
    const answer = await call.callLeader(topic);
    isUnknown ||= !answer.ok && mayBeWritten(answer);
    return answer;
  };
  const answer = await recovered({ ...call, callLeader }, failed);
  if (answer.ok || !isUnknown || mayBeWritten(answer)) return answer;
  // That the last attempt has written nothing says nothing of the attempts before.
  return ERRORS[answer.error].retriable ? refuse("REQUEST_TIMED_OUT", ATTEMPTED) : answer;
}

function mayBeWritten(refusal: AppendRefusal): boolean {
  return isUnanswered(refusal) || refusal.written === true;
}

async function recovered<A extends { readonly ok: true }>(
  call: PartitionCall<A>,
  failed: Refusal,
): Promise<A | Refusal> {
  const { service, topic } = call;
  if (failed.error !== "UNKNOWN_PARTITION") return tryAgain(call, topic, failed);
  // The partition may have been added a moment ago.
  const asked = await topicMetadata(service, topic.metadata.topic, true);
  if (!asked.ok) return asked;
  const recreated = refusalOfRecreated(call, asked);
  if (recreated !== null) return recreated;
  return tryAgain(call, asked, await call.callLeader(asked));
}

async function tryAgain<A extends { readonly ok: true }>(
  call: PartitionCall<A>,
  known: KnownTopic,
  first: A | Refusal,
): Promise<A | AppendRefusal> {
  const { service, partition, options } = call;
  let tried = known;
  let answer = first;
  for (const pauseMs of PAUSES_MS) {
    if (answer.ok || !isOfLeader(answer)) return answer;
    const isLost =
      isUnanswered(answer) ||
      isOfStorage(answer) ||
      (pauseMs >= STUCK_MS && hasLeader(tried, partition));
    const told = isLost ? await reportLeader(service, tried, partition) : null;
    if (!isRepeatable(answer, options)) {
      return isUnanswered(answer) ? answer : { ...refuse(answer.error, WRITTEN), written: true };
    }
    if (pauseMs > 0) await pause(pauseMs);
    const renewed: KnownTopic | Refusal = told ?? (await renewedTopic(service, tried));
    if (!renewed.ok) return renewed;
    const recreated = refusalOfRecreated(call, renewed);
    if (recreated !== null) return recreated;
    if (isSameLeader(tried, renewed, partition)) {
      if (isOfStorage(answer)) return answer;
      if (isHopeless(answer)) {
        // The controller has reached the leader: only this call has failed.
        if (told !== null) return answer;
        continue;
      }
      // Nobody was elected yet, and the present leader has only just refused, or is waking up.
      if (pauseMs === 0) continue;
    }
    tried = renewed;
    answer = await call.callLeader(tried);
  }
  if (answer.ok || !MOVED.has(answer.error)) return answer;
  markStale(tried);
  return answer.error === "UNKNOWN_TOPIC_OR_PARTITION"
    ? refuse("LEADER_NOT_AVAILABLE", NOT_KNOWN_YET)
    : answer;
}

/**
 * Asking the same leader again would have the same result: it hangs or is broken, or has already waited to learn how
 * far its log is committed. A leader that was reset wakes up, and is asked again.
 */
function isHopeless(refusal: Refusal): boolean {
  if (refusal.error === "OFFSET_NOT_AVAILABLE") return true;
  return isUnanswered(refusal) && refusal.error !== "KAFKA_STORAGE_ERROR";
}

/** The call had no effect, or is idempotent. */
function isRepeatable(refusal: AppendRefusal, { repeatable }: CallOptions): boolean {
  return repeatable || !mayBeWritten(refusal);
}

function refusalOfRecreated<A>(call: PartitionCall<A>, renewed: KnownTopic): Refusal | null {
  const before = call.topic.metadata;
  const now = renewed.metadata;
  if (now.topicId === before.topicId) return null;
  if (call.options.sameTopic === true) return refuse("UNKNOWN_TOPIC");
  // The caller chose the partition by a partition count that no longer holds.
  return now.partitions.length === before.partitions.length
    ? null
    : refuse("LEADER_NOT_AVAILABLE", RECREATED);
}

function isSameLeader(a: KnownTopic, b: KnownTopic, partition: number): boolean {
  const before = a.metadata.partitions[partition];
  const now = b.metadata.partitions[partition];
  return (
    a.metadata.topicId === b.metadata.topicId &&
    before?.leader === now?.leader &&
    before?.leaderEpoch === now?.leaderEpoch
  );
}

function hasLeader(topic: KnownTopic, partition: number): boolean {
  const metadata = topic.metadata.partitions[partition];
  return metadata !== undefined && metadata.leader >= 0;
}
