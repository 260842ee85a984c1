/**
 * Watches a group's object while it runs, and what its clients process and commit: checks invariants 22 to 24 of consumer
 * groups, and that no record is skipped. Reads only.
 */
import {
  assignmentBytes,
  flat,
  partitionsOf,
} from "../../../src/objects/coordinator/groups/assignments.ts";
import type { StoragePort } from "../../../src/base/ports.ts";
import type { GroupImage } from "../../../src/objects/coordinator/groups/image/image.ts";
import { encodeSnapshot } from "../../../src/objects/coordinator/groups/image/snapshot.ts";
import { groupStore } from "../../../src/objects/coordinator/groups/image/store.ts";
import type { Cell } from "../cell.ts";
import { GroupRules, type Cluster } from "../cluster.ts";

/** topic/partition */
export type At = string;
export const atOf = (topic: string, partition: number): At => `${topic}/${partition}`;

/** A client as the checks see it. */
export interface Holder {
  readonly memberId: string;
  readonly isAlive: boolean;
  /** Partitions whose records it has received and may still be processing. */
  readonly holds: ReadonlySet<At>;
  /** {@link GroupWatch.removals} at the time it received them. */
  readonly heldAt: number;
}

export class GroupWatch {
  readonly holders: Holder[] = [];
  readonly processed = new Map<At, Set<number>>();
  /** Whether a partition was added after the group began: then it is read from its first record. */
  isNew: (at: At) => boolean = () => false;
  /** The group's initial positions in partitions that it does not read from the first record. */
  readonly starts = new Map<At, number>();
  /** All offsets that were durably committed, in order, without immediate repeats. */
  readonly committed = new Map<At, number[]>();
  /** Ids of topics that were created again: commits of another id do not count. */
  readonly #topicIds = new Map<string, string>();
  operations = 0;
  processedCount = 0;
  rebalances = 0;
  readonly #cluster: Cluster;
  readonly #removals = new Map<string, number>();
  #members = new Set<string>();
  #version = -1;
  #sinceMs = 0;
  #generationId = 0;

  constructor(cluster: Cluster, cell: Cell) {
    this.#cluster = cluster;
    cluster.world.scheduler.afterEvent = () => this.#look(cell);
    cluster.onGroupConfirmed = () => this.#confirmed(cell);
  }

  /** The image of the running instance; null while the object sleeps. */
  imageOf(cell: Cell): GroupImage | null {
    const rules = cell.current?.rules;
    return rules instanceof GroupRules ? rules.coordinator.image : null;
  }

  /** How often a member was removed from the group. */
  removals(memberId: string): number {
    return this.#removals.get(memberId) ?? 0;
  }

  get generationId(): number {
    return this.#generationId;
  }

  /** A client has received records and processes them. */
  process(holder: Holder, topic: string, partition: number, offsets: readonly number[]): void {
    const at = atOf(topic, partition);
    const isMember = this.removals(holder.memberId) === holder.heldAt;
    for (const other of this.holders) {
      if (other === holder || !isMember || !other.isAlive || !other.holds.has(at)) continue;
      if (this.removals(other.memberId) !== other.heldAt) continue;
      this.#cluster.world.fail(
        `23: ${at} is read by ${holder.memberId} while ${other.memberId} has not given it up`,
      );
    }
    const known = this.processed.get(at) ?? new Set<number>();
    for (const offset of offsets) known.add(offset);
    this.processed.set(at, known);
    this.processedCount += offsets.length;
  }

  /** A commit was acknowledged; it was sent when the partition's commits had changed `changes` times. */
  acknowledged(at: At, offset: number, changes: number): void {
    // What is acknowledged while the topic is created again may be of the earlier topic.
    if (this.#isAnew(at)) return;
    const known = this.committed.get(at) ?? [];
    const isThere = known.includes(offset) || known.length > changes;
    if (!isThere)
      this.#cluster.world.fail(`24: the commit of ${offset} to ${at} was never durable`);
  }

  #isAnew(at: At): boolean {
    return this.#topicIds.has(at.slice(0, at.lastIndexOf("/")));
  }

  /** The topic is created again (its id is empty until it exists): forgets what is known of the earlier one. */
  createdAnew(topic: string, topicId: string): void {
    this.#topicIds.set(topic, topicId);
    for (const map of [this.processed, this.committed, this.starts]) {
      for (const at of map.keys()) if (at.startsWith(`${topic}/`)) map.delete(at);
    }
  }

  /** The image's commits of topics that exist. */
  livingCommits(image: GroupImage): (readonly [string, number, number])[] {
    return image.offsets.entries().flatMap(([topic, partition, { offset, topicId }]) => {
      const now = this.#topicIds.get(topic) ?? topicId;
      return topicId === "" || topicId === now ? [[topic, partition, offset] as const] : [];
    });
  }

  /** Expects that everything between the group's initial positions and its commits was processed. */
  expectNothingSkipped(image: GroupImage): void {
    for (const [topic, partition, end] of this.livingCommits(image)) {
      const at = atOf(topic, partition);
      const processed = this.processed.get(at) ?? new Set<number>();
      for (let offset = this.starts.get(at) ?? 0; offset < end; offset++) {
        if (processed.has(offset)) continue;
        return this.#cluster.world.fail(`24: ${at} skips ${offset}, and has committed ${end}`);
      }
    }
  }

  #look(cell: Cell): void {
    const { world } = this.#cluster;
    world.touched.clear();
    const image = this.imageOf(cell);
    if (image === null || image.version === this.#version) return;
    this.#version = image.version;
    const members = new Set(image.members.keys());
    for (const memberId of this.#members) {
      if (!members.has(memberId)) {
        this.#removals.set(memberId, this.removals(memberId) + 1);
      }
    }
    this.#members = members;
    this.#expectOneOwner(image);
  }

  #expectOneOwner(image: GroupImage): void {
    const owners = new Map<At, string>();
    for (const [memberId, stored] of image.assignments) {
      for (const { topic, partition } of flat(partitionsOf(assignmentBytes(stored)))) {
        const at = atOf(topic, partition);
        const other = owners.get(at);
        if (other !== undefined) {
          this.#cluster.world.fail(
            `23: ${at} is ${other}'s and ${memberId}'s in generation ${image.generationId}`,
          );
        }
        owners.set(at, memberId);
      }
    }
    for (const [memberId, stored] of image.revoking) {
      for (const { topic, partition } of flat(partitionsOf(assignmentBytes(stored)))) {
        const owner = owners.get(atOf(topic, partition));
        if (owner === undefined) continue;
        this.#cluster.world.fail(
          `23: ${atOf(topic, partition)} is given to ${owner} before ${memberId} has given it up`,
        );
      }
    }
  }

  /** Checks what is durable: the image is its replay, generations rise, commits stay. */
  #confirmed(cell: Cell): void {
    const { world } = this.#cluster;
    const instance = cell.current;
    const image = this.imageOf(cell);
    if (!instance || image === null || cell.disk.isDirty) return;
    if (image.sinceMs !== this.#sinceMs) {
      this.#sinceMs = image.sinceMs;
      this.#generationId = 0;
    }
    if (image.generationId > this.#generationId) this.rebalances += 1;
    world.expect(
      image.generationId >= this.#generationId,
      () => `24: generation ${image.generationId} follows ${this.#generationId}`,
    );
    this.#generationId = image.generationId;
    const replayed = this.#replay(instance.handle);
    if (replayed === null) return;
    world.expect(
      encodeSnapshot(replayed) === encodeSnapshot(image),
      () => `22: the image is not the replay of its record at ${image.version}`,
    );
    for (const [topic, partition, { offset }] of image.initialPositions.entries()) {
      const at = atOf(topic, partition);
      if (!this.isNew(at) && !this.starts.has(at)) this.starts.set(at, offset);
    }
    for (const [topic, partition, offset] of this.livingCommits(image)) {
      const at = atOf(topic, partition);
      const known = this.committed.get(at) ?? [];
      if (known.at(-1) !== offset) this.committed.set(at, [...known, offset]);
    }
    for (const [at] of this.committed) {
      const [topic, partition] = at.split("/");
      if (this.#isAnew(at)) continue;
      const isGone = !image.offsets.has(topic!, Number(partition));
      if (isGone && image.members.size > 0) {
        world.fail(`24: what was committed to ${at} is gone while the group has members`);
      }
    }
  }
  /** Fails, and returns null, where the record cannot be read: an object that woke up now would have no group. */
  #replay(storage: StoragePort): GroupImage | null {
    try {
      return groupStore(storage).load();
    } catch (error) {
      this.#cluster.world.fail(`22: the record cannot be replayed: ${String(error)}`);
      return null;
    }
  }
}
