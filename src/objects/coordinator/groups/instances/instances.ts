/**
 * HTTP instances: consumers whose subscription, assignment and position live here, so that any worker
 * anywhere can serve any of their requests. Those that subscribe are members of the group; those that
 * are assigned partitions by hand are not.
 */
import { refuse, type Refusal } from "../../../../base/errors.ts";
import { groupNameProblem } from "../../../../base/ids.ts";
import { GROUP_PARTITIONS_MAX, INT_MAX, PATTERN_LENGTH_MAX } from "../../../../base/limits.ts";
import { packByTopic, type Change } from "../changes.ts";
import type { Group } from "../classic/group.ts";
import type { StoredInstance } from "../image.ts";
import { InstanceOffsets } from "./instance-offsets.ts";
import type { GroupContext } from "../ports.ts";
import { Reading } from "./reading.ts";
import type { Rebalance } from "../classic/rebalance.ts";
import { subscriptionKeys, type Topics } from "../topics.ts";
import type {
  AssignmentAnswer,
  CreatedInstance,
  DeliverRequest,
  InstanceCommit,
  InstanceSpec,
  PollPartition,
  PollPlan,
  PollRequest,
  ResolveRequest,
  Seek,
  Subscription,
  SubscriptionAnswer,
} from "../../../contracts/instances.ts";
import type { Committed, TopicPartition } from "../../../contracts/offsets.ts";

type Ok = { readonly ok: true };
const OK: Ok = { ok: true };

const NEEDED: Change = { type: "rebalance-needed" };

const NOT_OWNED = "A partition is not assigned to the instance.";

export class Instances {
  readonly #context: GroupContext;
  readonly #group: Group;
  readonly #rebalance: Rebalance;
  readonly #topics: Topics;
  readonly #offsets: InstanceOffsets;
  readonly #matcher: (pattern: string) => unknown;
  readonly #readings = new Map<string, Reading>();
  #polls = 0;
  /** Tells the polls of this awakening from those of others. */
  readonly #nonce: string;

  constructor(
    context: GroupContext,
    group: Group,
    rebalance: Rebalance,
    topics: Topics,
    matcher: (pattern: string) => unknown,
  ) {
    this.#context = context;
    this.#group = group;
    this.#rebalance = rebalance;
    this.#topics = topics;
    this.#offsets = new InstanceOffsets(context, rebalance, topics);
    this.#matcher = matcher;
    this.#nonce = context.random.id().slice(0, 8);
    for (const instanceId of context.image.instances.keys()) this.#readingOf(instanceId);
  }

  create(spec: InstanceSpec): CreatedInstance | Refusal {
    const { instances } = this.#context.image;
    const instanceId = spec.name === "" ? `consumer-${this.#context.random.id()}` : spec.name;
    const problem = groupNameProblem(instanceId);
    if (problem !== null) return refuse("INVALID_CONSUMER_CONFIG", problem);
    if (instances.has(instanceId) || this.#rebalance.members.has(instanceId)) {
      return refuse("INSTANCE_EXISTS");
    }
    const max = this.#context.config["group.max.size"];
    if (this.#group.isFull || instances.size >= max) return refuse("GROUP_MAX_SIZE_REACHED");
    this.#context.record({ type: "instance-created", instanceId, spec });
    this.#readingOf(instanceId);
    this.#context.arm();
    return { ok: true, instanceId };
  }

  close(instanceId: string, received?: string): Ok | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    const { spec } = found.instance;
    // Whoever closes without a word has had its last answer.
    found.reading.arrived(received);
    if (spec.autoCommit) this.#offsets.commitPositions(instanceId, found.reading);
    this.end([instanceId]);
    return OK;
  }

  /** Ends instances: closed, or not heard of for too long. */
  end(instanceIds: readonly string[]): void {
    const closed = instanceIds.filter((id) => this.#context.image.instances.has(id));
    if (closed.length === 0) return;
    this.#context.record(
      ...closed.map((instanceId) => ({ type: "instance-closed" as const, instanceId })),
    );
    for (const instanceId of closed) this.#readings.delete(instanceId);
    this.#leave(closed);
    this.#context.arm();
  }

  subscribe(instanceId: string, subscription: Subscription): Ok | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    if (found.instance.assigned) return refuse("ALREADY_SUBSCRIBED");
    if (subscription.by === "pattern") {
      const { pattern } = subscription;
      if (pattern.length > PATTERN_LENGTH_MAX || this.#matcher(pattern) === null) {
        return refuse("INVALID_REQUEST", "The topic pattern is not a regular expression.");
      }
    } else if (subscription.topics.length > GROUP_PARTITIONS_MAX) {
      return refuse("INVALID_REQUEST", `At most ${GROUP_PARTITIONS_MAX} topics.`);
    }
    const before = found.instance.subscription;
    const isSame =
      before !== null &&
      before.by === subscription.by &&
      subscriptionKeys(before).toString() === subscriptionKeys(subscription).toString();
    const isMember = this.#rebalance.members.has(instanceId);
    if (!isSame) {
      const subscribed = { type: "instance-subscribed", instanceId, subscription } as const;
      this.#context.record(subscribed, ...(isMember ? [NEEDED] : []));
    }
    if (isMember) {
      // It joins with its next poll: until then it may be at work on what it has.
      if (!isSame) this.#rebalance.prepare();
      return OK;
    }
    const refusal = this.#group.joinInstance(instanceId, found.instance);
    if (refusal !== null) {
      this.#context.record({ type: "instance-subscribed", instanceId, subscription: before });
      return refusal;
    }
    return OK;
  }

  unsubscribe(instanceId: string): Ok | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    this.#context.record({ type: "instance-subscribed", instanceId, subscription: null });
    found.reading.retain(() => false);
    this.#leave([instanceId]);
    return OK;
  }

  async subscription(instanceId: string): Promise<SubscriptionAnswer | Refusal> {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    const { subscription } = found.instance;
    if (subscription === null) return { ok: true, topics: [], pattern: null };
    if (subscription.by === "topics") {
      return { ok: true, topics: subscription.topics, pattern: null };
    }
    if (!this.#topics.isFresh) await this.#topics.refresh();
    const { pattern } = subscription;
    return { ok: true, topics: this.#topics.covered(subscription), pattern };
  }

  assign(
    instanceId: string,
    partitions: readonly (TopicPartition & { readonly topicId: string })[],
  ): Ok | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    if (found.instance.subscription) return refuse("ALREADY_SUBSCRIBED");
    if (partitions.length > GROUP_PARTITIONS_MAX) {
      return refuse("INVALID_REQUEST", `At most ${GROUP_PARTITIONS_MAX} partitions.`);
    }
    const packed = packByTopic(partitions, ({ partition }) => partition);
    this.#context.record({ type: "instance-assigned", instanceId, partitions: packed });
    const { assigned } = found.instance;
    found.reading.retain((topic, partition) => assigned?.has(topic, partition) === true);
    return OK;
  }

  assignment(instanceId: string): AssignmentAnswer | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    return { ok: true, partitions: this.#offsets.partitions(instanceId, found.instance).keys() };
  }

  seek(instanceId: string, seeks: readonly Seek[]): Ok | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    const owned = this.#offsets.partitions(instanceId, found.instance);
    const positions: (TopicPartition & { offset: number; topicId: string })[] = [];
    for (const { topic, partition, to } of seeks) {
      const topicId = owned.get(topic, partition);
      if (topicId === undefined) return refuse("ILLEGAL_STATE", NOT_OWNED);
      if (!(to >= 0 && to <= INT_MAX)) {
        return refuse("INVALID_REQUEST", "A position is an offset of 0 or more.");
      }
      positions.push({ topic, partition, offset: to, topicId });
    }
    if (positions.length === 0) return OK;
    const packed = packByTopic(positions, ({ partition, offset }) => [partition, offset] as const);
    this.#context.record({ type: "sought", instanceId, positions: packed });
    for (const { offset, ...at } of positions) found.reading.seek(at, offset);
    return OK;
  }

  /** Null where the poll can be planned, or waits: see `Coordinator.poll`. */
  beginPoll(request: PollRequest): Refusal | null {
    const { instanceId, received, format } = request;
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    const { instance, reading } = found;
    if (format !== undefined && format !== instance.spec.format) return refuse("NOT_ACCEPTABLE");
    if (instance.subscription === null && instance.assigned === null) {
      return refuse("ILLEGAL_STATE", "The instance has neither a subscription nor an assignment.");
    }
    reading.lastPollMs = this.#context.nowMs();
    reading.arrived(received);
    this.#offsets.forgetLost(instanceId, instance, reading);
    const isMoving = instance.subscription !== null && this.#mustJoin(instanceId);
    this.#offsets.commitAutomatically(instanceId, instance, reading, isMoving);
    this.#polls += 1;
    reading.pollId = `${this.#nonce}-${this.#polls}`;
    return isMoving ? this.#join(instanceId, instance) : null;
  }

  /** A poll that waits joins where that is asked for again. */
  rejoin(instanceId: string): Refusal | null {
    const instance = this.#context.image.instances.get(instanceId);
    if (!instance) return refuse("UNKNOWN_MEMBER_ID");
    if (instance.subscription === null || !this.#mustJoin(instanceId)) return null;
    return this.#join(instanceId, instance);
  }

  /** What the poll reads, as things stand. */
  plan(instanceId: string): PollPlan | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    const { instance, reading } = found;
    const { spec } = instance;
    const { pollId } = reading;
    const isManual = instance.assigned !== null;
    const generationId = isManual ? -1 : this.#context.image.generationId;
    const head = { ok: true as const, spec, generationId, pollId };
    if (!isManual && !this.#mayRead(instanceId)) {
      return { ...head, isAssigned: false, partitions: [] };
    }
    const member = this.#rebalance.members.get(instanceId);
    if (member && this.#rebalance.state === "PreparingRebalance") member.readsOn = true;
    const owned = this.#offsets.partitions(instanceId, instance).entries();
    reading.notice(owned);
    reading.turn = owned.length === 0 ? 0 : (reading.turn + 1) % owned.length;
    const turned = [...owned.slice(reading.turn), ...owned.slice(0, reading.turn)];
    const partitions = turned.map(([topic, partition, topicId]): PollPartition => {
      const at = { topic, partition, topicId };
      return {
        ...at,
        position: this.#offsets.position(instance, reading, at),
        reset: this.#offsets.reset(instance, at),
      };
    });
    return { ...head, isAssigned: true, partitions };
  }

  resolve({ instanceId, generationId, offsets }: ResolveRequest): Ok | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    const refusal = this.#refusalOf(instanceId, found.instance, generationId, offsets);
    if (refusal !== null) return refusal;
    const changes = this.#offsets.beginnings(instanceId, offsets);
    if (changes.length > 0) this.#context.record(...changes);
    for (const { offset, ...at } of offsets) found.reading.seek(at, offset);
    return OK;
  }

  deliver({ instanceId, pollId, generationId, positions }: DeliverRequest): Ok | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    // rule: a-delivery-is-of-the-last-poll
    if (pollId !== found.reading.pollId) {
      return refuse("ILLEGAL_STATE", "A later poll of the instance has begun.");
    }
    const refusal = this.#refusalOfDelivery(instanceId, found.instance, generationId, positions);
    // A call that is made once more may have been noted the first time: what is refused was not answered.
    if (refusal === null) found.reading.deliver(positions);
    else found.reading.takeBack();
    return refusal ?? OK;
  }

  #refusalOfDelivery(
    instanceId: string,
    instance: StoredInstance,
    generationId: number,
    positions: readonly TopicPartition[],
  ): Refusal | null {
    const refusal = this.#refusalOf(instanceId, instance, generationId, positions);
    if (refusal !== null || instance.subscription === null) return refusal;
    // rule: a-delivery-is-of-who-may-read
    return this.#mayDeliver(instanceId) ? null : refuse("ILLEGAL_GENERATION");
  }

  commit({ instanceId, offsets, generationId, received }: InstanceCommit): Committed | Refusal {
    const found = this.#find(instanceId);
    if (!found.ok) return found;
    const { instance, reading } = found;
    const said = generationId ?? this.#ownGeneration(instance);
    if (offsets === null) {
      const refusal = this.#refusalOf(instanceId, instance, said, [], true);
      if (refusal !== null) return refusal;
      reading.arrived(received);
      return { ok: true, errors: this.#offsets.commitPositions(instanceId, reading) };
    }
    const refusal = this.#refusalOf(instanceId, instance, said, offsets, true);
    if (refusal !== null) return refusal;
    if (offsets.some((one) => reading.isOfPending(one, one.offset))) reading.arrivedAll();
    return this.#offsets.commit(instanceId, instance, reading, offsets);
  }

  /** Whether there is such an instance, which then was heard of. */
  isThere(instanceId: string): boolean {
    return this.#find(instanceId).ok;
  }

  /** Of an instance that is there: it was heard of. */
  heard(instanceId: string): void {
    const instance = this.#context.image.instances.get(instanceId);
    if (!instance) return;
    const nowMs = this.#context.nowMs();
    this.#readingOf(instanceId).deadlineMs = nowMs + instance.spec.sessionTimeoutMs;
    const member = this.#rebalance.members.get(instanceId);
    if (member?.isInstance === true) this.#group.renew(member);
  }

  nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [instanceId, { deadlineMs, lastPollMs }] of this.#readings) {
      nextMs = Math.min(nextMs, deadlineMs);
      const instance = this.#context.image.instances.get(instanceId);
      if (!instance || !this.#rebalance.members.has(instanceId)) continue;
      nextMs = Math.min(nextMs, lastPollMs + instance.spec.maxPollIntervalMs);
    }
    return nextMs;
  }

  /** Ends those that were not heard of; those that do not poll are no members until they do. */
  expire(): void {
    const nowMs = this.#context.nowMs();
    const silent: string[] = [];
    const idle: string[] = [];
    for (const [instanceId, { deadlineMs, lastPollMs }] of this.#readings) {
      const instance = this.#context.image.instances.get(instanceId);
      if (!instance || deadlineMs <= nowMs) silent.push(instanceId);
      else if (lastPollMs + instance.spec.maxPollIntervalMs <= nowMs) idle.push(instanceId);
    }
    this.end(silent);
    this.#leave(idle);
  }

  #find(
    instanceId: string,
  ): { readonly ok: true; instance: StoredInstance; reading: Reading } | Refusal {
    const instance = this.#context.image.instances.get(instanceId);
    if (!instance) return refuse("UNKNOWN_MEMBER_ID");
    this.heard(instanceId);
    return { ok: true, instance, reading: this.#readingOf(instanceId) };
  }

  #readingOf(instanceId: string): Reading {
    let reading = this.#readings.get(instanceId);
    if (!reading) {
      const nowMs = this.#context.nowMs();
      reading = new Reading(nowMs);
      reading.lastPollMs = nowMs;
      const { spec } = this.#context.image.instances.get(instanceId)!;
      reading.deadlineMs = nowMs + spec.sessionTimeoutMs;
      this.#readings.set(instanceId, reading);
    }
    return reading;
  }

  #leave(instanceIds: readonly string[]): void {
    const members = instanceIds.filter((instanceId) => this.#rebalance.members.has(instanceId));
    if (members.length > 0) this.#group.remove(members);
  }

  /** Whether this poll is the instance's word that it is ready for another generation. */
  #mustJoin(instanceId: string): boolean {
    const member = this.#rebalance.members.get(instanceId);
    if (!member) return true;
    if (this.#rebalance.state === "PreparingRebalance") return !member.hasJoined;
    // rule: what-was-given-up-is-shared-anew
    return this.#context.image.revoking.has(instanceId);
  }

  #join(instanceId: string, instance: StoredInstance): Refusal | null {
    if (this.#context.image.revoking.has(instanceId)) {
      this.#context.record({ type: "revoked", memberId: instanceId }, NEEDED);
      // Only once all have given up what they were to give up is there something to give out.
      const isLast = this.#context.image.revoking.size === 0;
      if (!isLast && this.#rebalance.state === "Stable") return null;
    }
    return this.#group.joinInstance(instanceId, instance);
  }

  #mayRead(instanceId: string): boolean {
    const { state, goesOnReading } = this.#rebalance;
    if (!this.#context.image.members.has(instanceId)) return false;
    return state === "Stable" || (state === "PreparingRebalance" && goesOnReading);
  }

  /** One that has not joined the next generation yet owns what it has. */
  #mayDeliver(instanceId: string): boolean {
    const member = this.#rebalance.members.get(instanceId);
    if (this.#mayRead(instanceId)) return true;
    return this.#rebalance.state === "PreparingRebalance" && member?.hasJoined === false;
  }

  #ownGeneration({ assigned }: StoredInstance): number {
    return assigned ? -1 : this.#context.image.generationId;
  }

  /** ILLEGAL_GENERATION where the generation is another one, or a partition is not the instance's. */
  #refusalOf(
    instanceId: string,
    instance: StoredInstance,
    generationId: number,
    partitions: readonly TopicPartition[],
    isCommit = false,
  ): Refusal | null {
    if (generationId !== this.#ownGeneration(instance)) return refuse("ILLEGAL_GENERATION");
    // rule: nothing-is-noted-between-generations
    if (!instance.assigned && this.#rebalance.state === "CompletingRebalance") {
      return refuse("REBALANCE_IN_PROGRESS");
    }
    if (isCommit && instance.assigned && this.#rebalance.members.size > 0) {
      return refuse("ILLEGAL_STATE", "The group has members, and the instance is none of them.");
    }
    const owned = isCommit
      ? this.#offsets.held(instanceId, instance)
      : this.#offsets.partitions(instanceId, instance);
    // rule: commits-are-of-own-partitions
    const isOwned = partitions.every(({ topic, partition }) => owned.has(topic, partition));
    return isOwned ? null : refuse("ILLEGAL_GENERATION", NOT_OWNED);
  }
}
