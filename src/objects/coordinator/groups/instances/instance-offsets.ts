/**
 * Positions from which instances read, and their commits. What was read, sought or committed belongs to one topic:
 * it does not hold for a later topic of the same name (KIP-516).
 */
import type { ErrorName } from "../../../../base/errors.ts";
import type { InstanceSpec, ResolveRequest } from "../../../contracts/instances.ts";
import type { Committed, OffsetToCommit, TopicPartition } from "../../../contracts/offsets.ts";
import { assignmentBytes, flat, partitionsOf } from "../assignments.ts";
import type { Rebalance } from "../classic/rebalance.ts";
import { packByTopic, type Change, type PackedPositions } from "../image/changes.ts";
import type { StoredInstance } from "../image/image.ts";
import { decideCommit } from "../offsets/offsets.ts";
import { PartitionMap } from "../partition-map.ts";
import type { GroupContext } from "../ports.ts";
import type { Topics } from "../topics.ts";
import type { Reading } from "./reading.ts";

type OfTopic = TopicPartition & { readonly topicId: string };

export class InstanceOffsets {
  readonly #context: GroupContext;
  readonly #rebalance: Rebalance;
  readonly #topics: Topics;

  constructor(context: GroupContext, rebalance: Rebalance, topics: Topics) {
    this.#context = context;
    this.#rebalance = rebalance;
    this.#topics = topics;
  }

  /** The partitions that the instance owns, with their topics' ids ("": not known). */
  partitions(instanceId: string, { assigned }: StoredInstance): PartitionMap<string> {
    const map = new PartitionMap<string>();
    for (const [topic, partition, topicId] of assigned?.entries() ?? []) {
      map.set(topic, partition, this.#topics.get(topic)?.topicId ?? topicId);
    }
    if (assigned) return map;
    const stored = this.#context.image.assignments.get(instanceId);
    for (const { topic, partition } of flat(partitionsOf(assignmentBytes(stored)))) {
      const topicId = this.#context.image.topicBaselines.get(topic)?.topicId ?? "";
      map.set(topic, partition, this.#topics.get(topic)?.topicId ?? topicId);
    }
    return map;
  }

  /** The partitions that the instance owns, and those that it has not given up yet: it may commit both. */
  ownedOrRevoking(instanceId: string, instance: StoredInstance): PartitionMap<string> {
    const stored = this.#context.image.revoking.get(instanceId);
    const held = this.partitions(instanceId, instance);
    if (stored === undefined || instance.assigned) return held;
    for (const { topic, partition } of flat(partitionsOf(assignmentBytes(stored)))) {
      held.set(topic, partition, this.#topics.get(topic)?.topicId ?? "");
    }
    return held;
  }

  /** The offset to read from; null: there is none, and `reset` says where to begin. */
  position(instance: StoredInstance, reading: Reading, at: OfTopic): number | null {
    const { image } = this.#context;
    const { topic, partition, topicId } = at;
    const inMemory = reading.positions.get(topic, partition);
    if (inMemory !== undefined) return inMemory;
    // rule: positions-are-sought-then-committed-then-first
    const candidates = [
      instance.seeks.get(topic, partition),
      image.offsets.get(topic, partition),
      image.initialPositions.get(topic, partition),
    ];
    const found = candidates.find(
      (one) => one !== undefined && one.offset >= 0 && isSameTopic(one.topicId, topicId),
    );
    return found?.offset ?? null;
  }

  /** A partition that was added after the subscription is read from its first record (KAFKA-20035). */
  reset({ spec, assigned }: StoredInstance, at: OfTopic): InstanceSpec["offsetReset"] {
    const { topic, partition, topicId } = at;
    if (spec.offsetReset !== "latest") return spec.offsetReset;
    const given = assigned?.get(topic, partition);
    if (given !== undefined) return isSameTopic(given, topicId) ? "latest" : "earliest";
    const baseline = this.#context.image.topicBaselines.get(topic);
    if (baseline === undefined) return "latest";
    const isRecreated = baseline.topicId !== topicId && topicId !== "";
    const isNew = isRecreated || partition >= baseline.partitions;
    // rule: later-partitions-begin-at-their-first-record
    return isNew ? "earliest" : "latest";
  }

  /**
   * Records the positions found for partitions that had none: as the group's initial positions, or, where a commit
   * exists and is out of range, as a seek of this instance alone.
   */
  initialPositions(instanceId: string, offsets: ResolveRequest["offsets"]): readonly Change[] {
    const pack = (some: typeof offsets): PackedPositions[] =>
      packByTopic(some, ({ partition, offset }) => [partition, offset] as const);
    const isCommitted = ({ topic, partition, topicId }: OfTopic): boolean => {
      const stored = this.#context.image.offsets.get(topic, partition);
      return stored !== undefined && stored.offset >= 0 && isSameTopic(stored.topicId, topicId);
    };
    const sought = pack(offsets.filter(isCommitted));
    const initial = pack(offsets.filter((one) => !isCommitted(one)));
    const changes: Change[] = [];
    // rule: beginnings-are-recorded
    if (initial.length > 0) changes.push({ type: "anchored", positions: initial });
    if (sought.length > 0) changes.push({ type: "sought", instanceId, positions: sought });
    return changes;
  }

  /** Commits when the interval is over, and before partitions may move (`isMoving`). */
  commitAutomatically(
    instanceId: string,
    { spec }: StoredInstance,
    reading: Reading,
    isMoving: boolean,
  ): void {
    if (!spec.autoCommit) return;
    const nowMs = this.#context.nowMs();
    if (!isMoving && nowMs - reading.lastCommitMs < spec.autoCommitIntervalMs) return;
    this.commitPositions(instanceId, reading);
    reading.lastCommitMs = nowMs;
  }

  /** Commits the positions that are not committed yet: one row, or none where there are no such positions. */
  commitPositions(instanceId: string, reading: Reading): Committed["errors"] {
    const { image } = this.#context;
    const instance = image.instances.get(instanceId)!;
    if (this.#rebalance.state === "CompletingRebalance" && !instance.assigned) return [];
    if (instance.assigned && this.#rebalance.members.size > 0) return [];
    this.forgetLost(instanceId, instance, reading);
    const held = this.ownedOrRevoking(instanceId, instance);
    const offsets = reading.positions
      .entries()
      .map(([topic, partition, offset]) => ({ topic, partition, offset, ...NO_METADATA }))
      .map((one) => withTopicId(one, reading, held))
      .filter((one) => !this.#isOfDeletedTopic(one))
      .filter(({ topic, partition, offset, topicId = "" }) => {
        const stored = image.offsets.get(topic, partition);
        return stored?.offset !== offset || !isSameTopic(stored.topicId, topicId);
      });
    if (offsets.length === 0) return [];
    return this.#record(offsets);
  }

  /** Commits the offsets given. UNKNOWN_TOPIC_OR_PARTITION: what was read is of a topic that is deleted. */
  commit(
    instanceId: string,
    instance: StoredInstance,
    reading: Reading,
    offsets: readonly OffsetToCommit[],
  ): Committed {
    const held = this.ownedOrRevoking(instanceId, instance);
    const identified = offsets.map((one) => withTopicId(one, reading, held));
    const deleted = identified.map((one) => this.#isOfDeletedTopic(one));
    const errors = this.#record(identified.filter((_, at) => !deleted[at]));
    let at = 0;
    return {
      ok: true,
      errors: deleted.map((isDeleted) => (isDeleted ? DELETED : (errors[at++] ?? null))),
    };
  }

  /** Forgets positions in partitions that were lost: an instance that gets one back reads from what is committed. */
  forgetLost(instanceId: string, instance: StoredInstance, reading: Reading): void {
    const held = this.ownedOrRevoking(instanceId, instance);
    // rule: positions-end-with-the-ownership
    reading.retain((topic, partition) => held.has(topic, partition));
  }

  /** Whether its topic is known to be deleted. */
  #isOfDeletedTopic({ topic, topicId = "" }: OffsetToCommit): boolean {
    const now = this.#topics.get(topic);
    return now !== undefined && !isSameTopic(topicId, now.topicId);
  }

  #record(offsets: readonly OffsetToCommit[]): Committed["errors"] {
    const { errors, changes } = decideCommit(offsets, this.#context.config);
    if (changes.length > 0) this.#context.record(...changes);
    return errors;
  }
}

/** The offset with the id of the topic that it was read from, which may not be the topic that has the name now. */
function withTopicId(
  one: OffsetToCommit,
  reading: Reading,
  held: PartitionMap<string>,
): OffsetToCommit {
  const owned = held.get(one.topic, one.partition) ?? "";
  // rule: commits-are-of-what-was-read
  const topicId = reading.topicIdOf(one.topic) ?? owned;
  return topicId === "" ? one : { ...one, topicId };
}

const NO_METADATA = { leaderEpoch: -1, metadata: "" };

const DELETED: ErrorName = "UNKNOWN_TOPIC_OR_PARTITION";

/** Whether two topic ids are the same; an unknown one ("") equals any. */
function isSameTopic(a: string, b: string): boolean {
  return a === b || a === "" || b === "";
}
