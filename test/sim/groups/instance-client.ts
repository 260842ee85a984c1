/**
 * A simulated HTTP consumer together with the worker that serves it: polls, reads, delivers, processes and commits.
 * Answers are lost, and the consumer crashes and comes back.
 */
import type { Refusal } from "../../../src/base/errors.ts";
import type { Cell } from "../cell.ts";
import type { Cluster } from "../cluster.ts";
import type { Random } from "../random.ts";
import { atOf, type At, type GroupWatch, type Holder } from "./group-watch.ts";
import type { GroupProfile } from "./profile.ts";
import { Partitions } from "./partitions.ts";
import type { Committed } from "../../../src/objects/contracts/offsets.ts";
import type {
  InstanceSpec,
  PollPartition,
  PollPlan,
  Subscription,
} from "../../../src/objects/contracts/instances.ts";

type Ok = { readonly ok: true };
const DEADLINE_MS = 3_000;

export interface ClientOptions {
  readonly name: string;
  readonly place: number;
  readonly pauseMs: number;
}

export class InstanceClient implements Holder {
  readonly memberId: string;
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
  /** Whether it names the last answer that has arrived; the answers of clients that do not are never lost. */
  readonly #isCareful: boolean;
  readonly #autoCommit: boolean;
  #received: string | undefined;
  #isIn = false;
  #running: Promise<void> = Promise.resolve();
  /** The partitions of the previous plan. */
  #had = new Map<At, PollPartition>();
  /** A commit was sent and not acknowledged. */
  #mustCommit = false;

  constructor(
    cluster: Cluster,
    cell: Cell,
    watch: GroupWatch,
    profile: GroupProfile,
    options: ClientOptions,
  ) {
    this.memberId = options.name;
    this.#cluster = cluster;
    this.#cell = cell;
    this.#watch = watch;
    this.#profile = profile;
    this.#options = options;
    this.#random = cluster.world.random(options.name);
    this.#partitions = new Partitions(cluster, options.name, options.place);
    this.#isCareful = this.#random.chance(0.6);
    this.#autoCommit = this.#random.chance(0.5);
    watch.holders.push(this);
  }

  run(): Promise<void> {
    this.#running = this.#loop();
    return this.#running;
  }

  async #loop(): Promise<void> {
    const { scheduler } = this.#cluster.world;
    while (!this.isStopped) {
      await scheduler.sleep(this.#random.between(0, 2 * this.#options.pauseMs));
      if (this.isStopped) break;
      if (!this.#isIn) this.#isIn = await this.#enter();
      else await this.#poll();
    }
  }

  /** It stops without closing. */
  crash(): void {
    this.isStopped = true;
    this.isAlive = false;
  }

  /** It closes, after the request that is under way. */
  async close(): Promise<void> {
    this.isStopped = true;
    await this.#running;
    if (!this.isAlive) return;
    this.isAlive = false;
    // A v2 client that closes acknowledges everything that was sent, unless the worker sent it no answer.
    const received = this.#isCareful ? (this.#received ?? "") : this.#received;
    await this.#ask<Ok>(
      "closeInstance",
      this.memberId,
      ...(received === undefined ? [] : [received]),
    );
  }

  async #enter(): Promise<boolean> {
    const spec: InstanceSpec = {
      name: this.memberId,
      format: "json",
      offsetReset: this.#profile.reset,
      autoCommit: this.#autoCommit,
      autoCommitIntervalMs: 500,
      fetchMinBytes: 1,
      requestTimeoutMs: 1_000,
      sessionTimeoutMs: this.#profile.sessionTimeoutMs,
      maxPollIntervalMs: 30_000,
      maxPollRecords: 500,
      assignors: this.#profile.assignors,
      isolation: "read_uncommitted",
      clientId: "sim",
      clientHost: "",
    };
    const created = await this.#ask<Ok>("createInstance", spec);
    if (created === null || (!created.ok && created.error !== "INSTANCE_EXISTS")) return false;
    const subscription: Subscription = this.#profile.byPattern
      ? { by: "pattern", pattern: "t.*" }
      : { by: "topics", topics: ["t0", "t1"] };
    const subscribed = await this.#ask<Ok>("subscribe", this.memberId, subscription);
    if (this.#isCareful) this.#received = "";
    return subscribed?.ok === true;
  }

  async #poll(): Promise<void> {
    // A client that polls again has processed what it had.
    this.holds.clear();
    this.heldAt = this.#watch.removals(this.memberId);
    const received = this.#received === undefined ? {} : { received: this.#received };
    const plan = await this.#ask<PollPlan>("poll", {
      ...{ instanceId: this.memberId, waitMs: this.#random.pick([0, 800]) },
      ...received,
    });
    if (plan === null) return;
    // The worker reports an answer that it did not send with the next poll only.
    if (!this.#isCareful) this.#received = undefined;
    if (!plan.ok) return this.#refused(plan);
    if (!plan.isAssigned) return;
    if (this.#mustCommit) await this.#commitAll(plan);
    await this.#commitLost(plan);
    const found = await this.#read(plan);
    if (found === null || found.size === 0) return;
    const positions = [...found].map(([{ topic, partition }, offsets]) => ({
      ...{ topic, partition, nextOffset: offsets.at(-1)! + 1 },
    }));
    const { pollId, generationId } = plan;
    const request = { instanceId: this.memberId, pollId, generationId, positions };
    const noted = await this.#ask<Ok>("deliver", request);
    // The worker sends no answer whose delivery was not confirmed, and reports that with the next poll.
    if (noted === null && !this.#isCareful) this.#received = "";
    if (noted?.ok !== true) return;
    if (this.#isCareful && this.#random.chance(0.15)) return;
    if (!this.isAlive) return;
    if (this.#isCareful) this.#received = pollId;
    for (const [{ topic, partition }, offsets] of found) {
      this.holds.add(atOf(topic, partition));
      this.#watch.process(this, topic, partition, offsets);
    }
    if (!this.#autoCommit || this.#random.chance(0.2)) await this.#commit(found, plan);
  }

  /** Commits a partition that it has lost, which has to be refused. */
  async #commitLost(plan: PollPlan): Promise<void> {
    const had = this.#had;
    this.#had = new Map(plan.partitions.map((part) => [atOf(part.topic, part.partition), part]));
    const lost = [...had].find(([at]) => !this.#had.has(at))?.[1];
    // Partitions that it has yet to give up have no other owner.
    const isRevoking = this.#watch.imageOf(this.#cell)?.revoking.has(this.memberId) !== false;
    if (lost === undefined || isRevoking) return;
    const { topic, partition } = lost;
    const offsets = [{ topic, partition, offset: 0, leaderEpoch: -1, metadata: "" }];
    const request = { instanceId: this.memberId, offsets };
    const answer = await this.#ask<Committed>("commitInstance", request);
    // In a later generation it may own the partition again.
    const isSame = this.#watch.imageOf(this.#cell)?.generationId === plan.generationId;
    if (answer?.ok !== true || !isSame) return;
    this.#cluster.world.fail(
      `24: ${this.memberId} has committed ${topic}/${partition}, which it lost`,
    );
  }

  /** Commits everything that has arrived, of any poll. */
  async #commitAll({ generationId }: PollPlan): Promise<void> {
    const received = this.#isCareful ? { received: this.#received ?? "" } : {};
    const request = { instanceId: this.memberId, offsets: null, generationId, ...received };
    const answer = await this.#ask<Committed>("commitInstance", request);
    this.#mustCommit = answer === null;
  }

  /** Reads what the plan says; null where it does not hold any more. */
  async #read(plan: PollPlan): Promise<Map<PollPartition, number[]> | null> {
    const found = new Map<PollPartition, number[]>();
    for (const part of plan.partitions) {
      const { topic, partition, topicId } = part;
      let { position } = part;
      if (position === null) {
        const at = part.reset === "latest" ? "latest" : "earliest";
        const offset = await this.#partitions.end(topic, partition, at);
        if (offset === null) continue;
        const offsets = [{ topic, partition, topicId, offset }];
        const request = { instanceId: this.memberId, generationId: plan.generationId, offsets };
        const resolved = await this.#ask<Ok>("resolve", request);
        if (resolved?.ok !== true) return null;
        position = offset;
      }
      const offsets = await this.#partitions.read(topic, partition, position);
      if (offsets !== null && offsets.length > 0) found.set(part, offsets);
    }
    return found;
  }

  async #commit(found: ReadonlyMap<PollPartition, number[]>, plan: PollPlan): Promise<void> {
    const offsets = [...found].map(([{ topic, partition }, all]) => ({
      ...{ topic, partition, offset: all.at(-1)! + 1, leaderEpoch: -1, metadata: "" },
    }));
    const isAll = this.#random.chance(0.3);
    const changes = offsets.map(({ topic, partition }) => this.#changes(topic, partition));
    const generationId = this.#random.chance(0.5) ? { generationId: plan.generationId } : {};
    const received = this.#isCareful ? { received: plan.pollId } : {};
    const request = { instanceId: this.memberId, offsets: isAll ? null : offsets };
    const answer = await this.#ask<Committed>("commitInstance", {
      ...request,
      ...generationId,
      ...received,
    });
    this.#mustCommit = answer?.ok !== true;
    if (answer === null) return;
    if (!answer.ok) return this.#refused(answer);
    if (isAll) return;
    offsets.forEach(({ topic, partition, offset }, i) =>
      this.#watch.acknowledged(atOf(topic, partition), offset, changes[i]!),
    );
  }

  #changes(topic: string, partition: number): number {
    return this.#watch.committed.get(atOf(topic, partition))?.length ?? 0;
  }

  #refused({ error }: Refusal): void {
    if (error !== "UNKNOWN_MEMBER_ID" && error !== "ILLEGAL_STATE") return;
    this.#isIn = false;
    this.holds.clear();
  }

  #ask<A extends Ok>(method: string, ...args: readonly unknown[]): Promise<A | Refusal | null> {
    this.#watch.operations += 1;
    return this.#partitions.router("t0").ask<A>(this.#cell, method, args, DEADLINE_MS);
  }
}
