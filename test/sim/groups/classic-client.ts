/**
 * A simulated client of Kafka's classic group protocol: joins, assigns when it leads, syncs, sends heartbeats, reads from
 * the committed offsets, commits with its generation, and joins again when it has to.
 */
import type { Refusal } from "../../../src/base/errors.ts";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "../../../src/kafka/messages/consumer-protocol.ts";
import { flat } from "../../../src/objects/coordinator/groups/assignments.ts";
import { assignPartitions } from "../../../src/objects/coordinator/groups/assignors/index.ts";
import type { Cell } from "../cell.ts";
import type { Cluster } from "../cluster.ts";
import type { Random } from "../random.ts";
import { atOf, type At, type GroupWatch, type Holder } from "./group-watch.ts";
import type { ClientOptions } from "./instance-client.ts";
import { Partitions } from "./partitions.ts";
import type { GroupProfile } from "./profile.ts";
import type {
  Committed,
  FetchedOffsets,
  TopicPartition,
} from "../../../src/objects/contracts/offsets.ts";
import type {
  JoinedGroup,
  JoinRefusal,
  SyncedGroup,
} from "../../../src/objects/contracts/members.ts";

type Ok = { readonly ok: true };
const DEADLINE_MS = 3_000;
const REBALANCE_MS = 12_000;
const TOPICS = ["t0", "t1"];
/** How often a leader checks whether there are more partitions to assign, in milliseconds. */
const LOOK_MS = 2_000;

export class ClassicClient implements Holder {
  memberId = "";
  isAlive = true;
  isStopped = false;
  readonly holds = new Set<At>();
  heldAt = 0;
  readonly #cell: Cell;
  readonly #watch: GroupWatch;
  readonly #random: Random;
  readonly #profile: GroupProfile;
  readonly #options: ClientOptions;
  readonly #partitions: Partitions;
  readonly #cluster: Cluster;
  readonly #groupInstanceId: string | null;
  #joined: JoinedGroup | null = null;
  /** Its previous generation. */
  #former = -1;
  #owned: readonly TopicPartition[] = [];
  readonly #positions = new Map<At, number>();
  readonly #unacknowledged = new Set<At>();
  #counts = "";
  #lookedMs = 0;

  constructor(
    cluster: Cluster,
    cell: Cell,
    watch: GroupWatch,
    profile: GroupProfile,
    options: ClientOptions,
  ) {
    this.#cluster = cluster;
    this.#cell = cell;
    this.#watch = watch;
    this.#profile = profile;
    this.#options = options;
    this.#random = cluster.world.random(options.name);
    this.#groupInstanceId = this.#random.chance(0.3) ? options.name : null;
    this.#partitions = new Partitions(cluster, options.name, options.place);
    watch.holders.push(this);
  }

  async run(): Promise<void> {
    const { scheduler } = this.#cluster.world;
    while (!this.isStopped) {
      await scheduler.sleep(this.#random.between(1, 2 * this.#options.pauseMs));
      if (this.isStopped) break;
      if (this.#joined === null) await this.#join();
      else if (await this.#beat()) await this.#work();
    }
  }

  crash(): void {
    this.isStopped = true;
    this.isAlive = false;
  }

  async close(): Promise<void> {
    this.crash();
    const { memberId } = this;
    await this.#ask<Ok>("leaveGroup", [{ memberId, groupInstanceId: this.#groupInstanceId }]);
  }

  async #join(): Promise<void> {
    // Eager protocol: a member gives up everything before it joins.
    this.holds.clear();
    this.#positions.clear();
    this.#unacknowledged.clear();
    this.#owned = [];
    const metadata = encodeSubscription({
      ...{ topics: TOPICS, userData: null, ownedPartitions: [], generationId: -1, rackId: null },
    });
    const request = {
      memberId: this.memberId,
      groupInstanceId: this.#groupInstanceId,
      clientId: this.#options.name,
      clientHost: "",
      sessionTimeoutMs: this.#profile.sessionTimeoutMs,
      rebalanceTimeoutMs: REBALANCE_MS,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata }],
      // Without it a static leader that comes back would not check for new partitions (KIP-814).
      supportsSkippingAssignment: true,
      requireKnownMemberId: this.#groupInstanceId === null && this.#random.chance(0.5),
    };
    const joined = await this.#ask<JoinedGroup>("joinGroup", request);
    if (joined === null) return;
    if (!joined.ok) {
      const { error, memberId } = joined as JoinRefusal;
      if (error === "MEMBER_ID_REQUIRED") this.memberId = memberId!;
      else if (error === "UNKNOWN_MEMBER_ID" || error === "FENCED_INSTANCE_ID") this.memberId = "";
      return;
    }
    this.memberId = joined.memberId;
    const removals = this.#watch.removals(this.memberId);
    const assignments = await this.#assign(joined);
    if (assignments === null) return;
    const synced = await this.#ask<SyncedGroup>("syncGroup", {
      ...{ memberId: this.memberId, groupInstanceId: this.#groupInstanceId },
      ...{ generationId: joined.generationId, protocolType: "consumer", protocolName: "range" },
      assignments,
    });
    if (synced?.ok !== true) return this.#refused(synced);
    const former = this.#former;
    this.#former = joined.generationId;
    this.#joined = joined;
    this.heldAt = removals;
    this.#owned = flat(decodeAssignment(synced.assignment)?.partitions ?? []);
    if (former >= 0 && former < joined.generationId) await this.#commitLate(former);
  }

  /** Commits with the previous generation, which has to be refused. */
  async #commitLate(generationId: number): Promise<void> {
    const offsets = this.#owned
      .slice(0, 1)
      .map((at) => ({ ...at, offset: 0, leaderEpoch: -1, metadata: "" }));
    const request = { ...this.#named(generationId), offsets };
    const answer = await this.#ask<Committed>("commitOffsets", request);
    if (answer?.ok === true && offsets.length > 0) {
      this.#cluster.world.fail(`24: a commit of generation ${generationId} was taken later`);
    }
  }

  /** The assignments where it leads; none for other members. */
  async #assign(joined: JoinedGroup) {
    if (joined.leader !== joined.memberId || joined.skipAssignment) return [];
    const counts = await this.#partitions.counts(TOPICS);
    if (counts === null) return null;
    this.#counts = [...counts].join();
    const members = joined.members.map(({ memberId, groupInstanceId, metadata }) => ({
      ...{ memberId, groupInstanceId, owned: [], generation: -1 },
      topics: decodeSubscription(metadata)?.topics ?? [],
    }));
    return [...assignPartitions("range", members, counts)].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment({ partitions, userData: null }),
    }));
  }

  /** Sends a heartbeat. False where it has to join again. */
  async #beat(): Promise<boolean> {
    const { generationId, leader } = this.#joined!;
    const beat = await this.#ask<Ok>("heartbeat", this.#named(generationId));
    if (beat !== null && !beat.ok) {
      this.#refused(beat);
      return false;
    }
    const { nowMs } = this.#cluster.world.scheduler;
    if (leader !== this.memberId || nowMs < this.#lookedMs + LOOK_MS) return true;
    this.#lookedMs = nowMs;
    const counts = await this.#partitions.counts(TOPICS);
    if (counts === null || [...counts].join() === this.#counts) return true;
    this.#joined = null;
    return false;
  }

  async #work(): Promise<void> {
    const joined = this.#joined!;
    for (const { topic, partition } of this.#owned) {
      const at = atOf(topic, partition);
      const position = this.#positions.get(at) ?? (await this.#committed(topic, partition));
      if (position === null || this.isStopped) continue;
      const offsets = await this.#partitions.read(topic, partition, position);
      if (this.#unacknowledged.has(at) && offsets?.length === 0) {
        if (!(await this.#commit(joined, topic, partition, position))) return;
      }
      if (offsets === null || offsets.length === 0 || !this.isAlive) continue;
      this.holds.add(at);
      this.#watch.process(this, topic, partition, offsets);
      const next = offsets.at(-1)! + 1;
      this.#positions.set(at, next);
      if (!(await this.#commit(joined, topic, partition, next))) return;
    }
  }

  async #committed(topic: string, partition: number): Promise<number | null> {
    const answer = await this.#ask<FetchedOffsets>("fetchOffsets", [{ topic, partition }]);
    return answer?.ok === true ? Math.max(0, answer.offsets[0]!.offset) : null;
  }

  async #commit(
    { generationId }: JoinedGroup,
    topic: string,
    partition: number,
    offset: number,
  ): Promise<boolean> {
    const at = atOf(topic, partition);
    const changes = this.#watch.committed.get(at)?.length ?? 0;
    const answer = await this.#ask<Committed>("commitOffsets", {
      ...this.#named(generationId),
      offsets: [{ topic, partition, offset, leaderEpoch: -1, metadata: "", ...this.#idOf(topic) }],
    });
    this.#unacknowledged.add(at);
    if (answer === null) return true;
    if (!answer.ok) {
      this.#refused(answer);
      return false;
    }
    this.#unacknowledged.delete(at);
    this.#watch.acknowledged(at, offset, changes);
    return true;
  }

  /** A topic's id as the worker has it in its cache. */
  #idOf(topic: string) {
    const { topicId } = this.#partitions.router(topic);
    return topicId === "" ? {} : { topicId };
  }

  #named(generationId: number) {
    const { memberId } = this;
    return { memberId, groupInstanceId: this.#groupInstanceId, generationId };
  }

  #refused(refusal: Refusal | null): void {
    if (refusal === null) return;
    const { error } = refusal;
    if (error === "COORDINATOR_NOT_AVAILABLE") return;
    this.#joined = null;
    this.holds.clear();
    if (error === "UNKNOWN_MEMBER_ID" || error === "FENCED_INSTANCE_ID") this.memberId = "";
  }

  #ask<A extends Ok>(method: string, argument: unknown): Promise<A | Refusal | null> {
    this.#watch.operations += 1;
    // A rebalance may take long.
    const deadlineMs = /join|sync/.test(method) ? REBALANCE_MS + DEADLINE_MS : DEADLINE_MS;
    return this.#partitions.router("t0").ask<A>(this.#cell, method, [argument], deadlineMs);
  }
}
