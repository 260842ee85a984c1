/**
 * Reports leaders that did not answer to the controller, which is how failures are found: there are no heartbeats.
 * Requests that meet the same loss send one report a second together.
 */
import { callController } from "./objects.ts";
import { learnPartition, type KnownTopic } from "./metadata.ts";
import { counters } from "./metrics.ts";
import type { Service } from "./service.ts";

/** A report of the same leader epoch is not repeated within this time, in milliseconds. */
const REPORTED_MS = 1_000;
/** Reports remembered; beyond this many all are forgotten, which costs one more report each. */
const REPORTS_KEPT_MAX = 1_000;

/** When a leader epoch of a partition was last reported. Values only: no request waits for the call of another. */
const reported = new Map<string, number>();

/**
 * Reports the leader that `topic` names, and returns the topic as it is then. Null where nothing was learned: another
 * request has reported it, or the controller cannot be reached.
 */
export async function reportLeader(
  service: Service,
  topic: KnownTopic,
  partition: number,
): Promise<KnownTopic | null> {
  const { topicId, partitions } = topic.metadata;
  const { leaderEpoch } = partitions[partition]!;
  const key = `${topicId}/${partition}/${leaderEpoch}`;
  const nowMs = Date.now();
  if (nowMs - (reported.get(key) ?? 0) < REPORTED_MS) return null;
  if (reported.size >= REPORTS_KEPT_MAX) reported.clear();
  reported.set(key, nowMs);
  counters.leaderReports += 1;
  const answer = await callController(service, true, (controller) =>
    controller.reportLeader({ topicId, partition, leaderEpoch }),
  );
  return answer.ok ? learnPartition(topic, answer.partition) : null;
}
