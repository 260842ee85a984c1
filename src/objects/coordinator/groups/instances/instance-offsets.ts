/**
 * Where instances go on reading, and what is committed of it. What was read, sought or committed is of one
 * topic: it says nothing of a later one of the same name (KIP-516).
 */
import type { ErrorName } from "../../../../base/errors.ts";
import { assignmentBytes, flat, partitionsOf } from "../assignments.ts";
import { packByTopic, type Change, type PackedPositions } from "../changes.ts";
import type { StoredInstance } from "../image.ts";
import { decideCommit } from "../offsets/offsets.ts";
import { PartitionMap } from "../partition-map.ts";
import type { GroupContext } from "../ports.ts";
import type { Reading } from "./reading.ts";
import type { Rebalance } from "../classic/rebalance.ts";
import type { Topics } from "../topics.ts";
import type { Committed, OffsetToCommit, TopicPartition } from "../../../contracts/offsets.ts";
import type { InstanceSpec, ResolveRequest } from "../../../contracts/instances.ts";

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

  /** Topic id by partition that is the instance's. */
  partitions(instanceId: string, { assigned }: StoredInstance): PartitionMap<string> {
    const map = new PartitionMap<string>();
    for (const [topic, partition, topicId] of assigned?.entries() ?? []) {
      map.set(topic, partition, this.#topics.get(topic)?.topicId ?? topicId);
    }
    if (assigned) return map;
    const stored = this.#context.image.assignments.get(instanceId);
    for (const { topic, partition } of flat(partitionsOf(assignmentBytes(stored)))) {
      const topicId = this.#context.image.seen.get(topic)?.topicId ?? "";
      map.set(topic, partition, this.#topics.get(topic)?.topicId ?? topicId);
    }
    return map;
  }

  /** What is the instance's, and what it has not given up yet: until then its commits of it count. */
  held(instanceId: string, instance: StoredInstance): PartitionMap<string> {
    const stored = this.#context.image.revoking.get(instanceId);
    const held = this.partitions(instanceId, instance);
    if (stored === undefined || instance.assigned) return held;
    for (const { topic, partition } of flat(partitionsOf(assignmentBytes(stored)))) {
      held.set(topic, partition, this.#topics.get(topic)?.topicId ?? "");
    }
    return held;
  }

  /** Null: there is none, and the instance's own rule says where it begins. */
  position(instance: StoredInstance, reading: Reading, at: OfTopic): number | null {
    const { image } = this.#context;
    const { topic, partition, topicId } = at;
    const inMemory = reading.positions.get(topic, partition);
    if (inMemory !== undefined) return inMemory;
    // rule: positions-are-sought-then-committed-then-first
    const candidates = [
      instance.seeks.get(topic, partition),
      image.offsets.get(topic, partition),
      image.anchors.get(topic, partition),
    ];
    const found = candidates.find(
      (one) => one !== undefined && one.offset >= 0 && isOf(one.topicId, topicId),
    );
    return found?.offset ?? null;
  }

  /** A partition that came after the subscription is read from its first record (KAFKA-20035). */
  reset({ spec, assigned }: StoredInstance, at: OfTopic): InstanceSpec["offsetReset"] {
    const { topic, partition, topicId } = at;
    if (spec.offsetReset !== "latest") return spec.offsetReset;
    const given = assigned?.get(topic, partition);
    if (given !== undefined) return isOf(given, topicId) ? "latest" : "earliest";
    const seen = this.#context.image.seen.get(topic);
    if (seen === undefined) return "latest";
    const isNew = (seen.topicId !== topicId && topicId !== "") || partition >= seen.partitions;
    // rule: later-partitions-begin-at-their-first-record
    return isNew ? "earliest" : "latest";
  }

  /**
   * Where partitions begin that had no position: the group's beginning, and where something is committed
   * that is out of range, this instance's alone.
   */
  beginnings(instanceId: string, offsets: ResolveRequest["offsets"]): readonly Change[] {
    const pack = (some: typeof offsets): PackedPositions[] =>
      packByTopic(some, ({ partition, offset }) => [partition, offset] as const);
    const isCommitted = ({ topic, partition, topicId }: OfTopic): boolean => {
      const stored = this.#context.image.offsets.get(topic, partition);
      return stored !== undefined && stored.offset >= 0 && isOf(stored.topicId, topicId);
    };
    const sought = pack(offsets.filter(isCommitted));
    const anchored = pack(offsets.filter((one) => !isCommitted(one)));
    const changes: Change[] = [];
    // rule: beginnings-are-recorded
    if (anchored.length > 0) changes.push({ type: "anchored", positions: anchored });
    if (sought.length > 0) changes.push({ type: "sought", instanceId, positions: sought });
    return changes;
  }

  /** Before partitions may move, and else when the interval is over. */
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

  /** Commits the positions that are not committed yet; one row, none where there is nothing to. */
  commitPositions(instanceId: string, reading: Reading): Committed["errors"] {
    const { image } = this.#context;
    const instance = image.instances.get(instanceId)!;
    if (this.#rebalance.state === "CompletingRebalance" && !instance.assigned) return [];
    if (instance.assigned && this.#rebalance.members.size > 0) return [];
    this.forgetLost(instanceId, instance, reading);
    const held = this.held(instanceId, instance);
    const offsets = reading.positions
      .entries()
      .map(([topic, partition, offset]) => ({ topic, partition, offset, ...NOTHING_SAID }))
      .map((one) => ofTopic(one, reading, held))
      .filter((one) => !this.#isOver(one))
      .filter(({ topic, partition, offset, topicId = "" }) => {
        const stored = image.offsets.get(topic, partition);
        return stored?.offset !== offset || !isOf(stored.topicId, topicId);
      });
    if (offsets.length === 0) return [];
    return this.#record(offsets);
  }

  /** Commits what the instance says. UNKNOWN_TOPIC_OR_PARTITION: it was of a topic that is no more. */
  commit(
    instanceId: string,
    instance: StoredInstance,
    reading: Reading,
    offsets: readonly OffsetToCommit[],
  ): Committed {
    const held = this.held(instanceId, instance);
    const judged = offsets.map((one) => ofTopic(one, reading, held));
    const over = judged.map((one) => this.#isOver(one));
    const errors = this.#record(judged.filter((_, at) => !over[at]));
    let at = 0;
    return {
      ok: true,
      errors: over.map((isOver) => (isOver ? OVER : (errors[at++] ?? null))),
    };
  }

  /** Positions end with the ownership: whoever gets a partition back goes on from what is committed. */
  forgetLost(instanceId: string, instance: StoredInstance, reading: Reading): void {
    const held = this.held(instanceId, instance);
    // rule: positions-end-with-the-ownership
    reading.retain((topic, partition) => held.has(topic, partition));
  }

  /** Whether its topic is known to be no more. */
  #isOver({ topic, topicId = "" }: OffsetToCommit): boolean {
    const now = this.#topics.get(topic);
    return now !== undefined && !isOf(topicId, now.topicId);
  }

  #record(offsets: readonly OffsetToCommit[]): Committed["errors"] {
    const { errors, changes } = decideCommit(offsets, this.#context.config);
    if (changes.length > 0) this.#context.record(...changes);
    return errors;
  }
}

/** With the topic that it was read from, which need not be the one that has the name by now. */
function ofTopic(
  one: OffsetToCommit,
  reading: Reading,
  held: PartitionMap<string>,
): OffsetToCommit {
  const owned = held.get(one.topic, one.partition) ?? "";
  // rule: commits-are-of-what-was-read
  const topicId = reading.topicIdOf(one.topic) ?? owned;
  return topicId === "" ? one : { ...one, topicId };
}

const NOTHING_SAID = { leaderEpoch: -1, metadata: "" };

const OVER: ErrorName = "UNKNOWN_TOPIC_OR_PARTITION";

/** Whether they are the same topic, as far as both are known. */
function isOf(a: string, b: string): boolean {
  return a === b || a === "" || b === "";
}
