/**
 * A poll from its beginning to the commit of what it delivered: what an instance may read, from where, and which
 * offsets it may commit. A poll is also how an instance joins the group's next generation.
 */
import { refuse, type Refusal } from "../../../../base/errors.ts";
import type {
  DeliverRequest,
  InstanceCommit,
  PollPartition,
  PollPlan,
  PollRequest,
  ResolveRequest,
} from "../../../contracts/instances.ts";
import type { Committed, TopicPartition } from "../../../contracts/offsets.ts";
import type { Group } from "../classic/group.ts";
import type { Rebalance } from "../classic/rebalance.ts";
import type { StoredInstance } from "../image/image.ts";
import type { GroupContext } from "../ports.ts";
import type { InstanceOffsets } from "./instance-offsets.ts";
import type { InstanceSessions } from "./sessions.ts";

type Ok = { readonly ok: true };
const OK: Ok = { ok: true };

export const NOT_OWNED = "A partition is not assigned to the instance.";

export interface PollParts {
  readonly group: Group;
  readonly rebalance: Rebalance;
  readonly sessions: InstanceSessions;
  readonly offsets: InstanceOffsets;
}

export class Polls {
  readonly #context: GroupContext;
  readonly #group: Group;
  readonly #rebalance: Rebalance;
  readonly #sessions: InstanceSessions;
  readonly #offsets: InstanceOffsets;
  #polls = 0;
  /** Makes poll ids differ from those that were given out before the object woke up. */
  readonly #nonce: string;

  constructor(context: GroupContext, { group, rebalance, sessions, offsets }: PollParts) {
    this.#context = context;
    this.#group = group;
    this.#rebalance = rebalance;
    this.#sessions = sessions;
    this.#offsets = offsets;
    this.#nonce = context.random.id().slice(0, 8);
  }

  /**
   * Begins a poll, joins where a generation is due, and commits automatically. Null: {@link plan} says what to read.
   * NOT_ACCEPTABLE, ILLEGAL_STATE, and what joining is refused with.
   */
  begin(request: PollRequest): Refusal | null {
    const { instanceId, received, format } = request;
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    const { instance, reading } = found;
    if (format !== undefined && format !== instance.spec.format) return refuse("NOT_ACCEPTABLE");
    if (instance.subscription === null && instance.assigned === null) {
      return refuse("ILLEGAL_STATE", "The instance has neither a subscription nor an assignment.");
    }
    reading.lastPollMs = this.#context.nowMs();
    reading.acknowledge(received);
    this.#offsets.forgetLost(instanceId, instance, reading);
    const joins = instance.subscription !== null && this.#mustJoin(instanceId);
    this.#offsets.commitAutomatically(instanceId, instance, reading, joins);
    this.#polls += 1;
    reading.pollId = `${this.#nonce}-${this.#polls}`;
    return joins ? this.#join(instanceId, instance) : null;
  }

  /** Joins again where that became due while a poll waited. */
  rejoin(instanceId: string): Refusal | null {
    const instance = this.#context.image.instances.get(instanceId);
    if (!instance) return refuse("UNKNOWN_MEMBER_ID");
    if (instance.subscription === null || !this.#mustJoin(instanceId)) return null;
    return this.#join(instanceId, instance);
  }

  /** What the poll reads in the group's present state. */
  plan(instanceId: string): PollPlan | Refusal {
    const found = this.#sessions.find(instanceId);
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
    if (member && this.#rebalance.state === "PreparingRebalance") member.hasReadSinceJoining = true;
    const owned = this.#offsets.partitions(instanceId, instance).entries();
    reading.updateTopicIds(owned);
    reading.firstServed = owned.length === 0 ? 0 : (reading.firstServed + 1) % owned.length;
    const rotated = [...owned.slice(reading.firstServed), ...owned.slice(0, reading.firstServed)];
    const partitions = rotated.map(([topic, partition, topicId]): PollPartition => {
      const at = { topic, partition, topicId };
      return {
        ...at,
        position: this.#offsets.position(instance, reading, at),
        reset: this.#offsets.reset(instance, at),
      };
    });
    return { ...head, isAssigned: true, partitions };
  }

  /** As `resolve` of the contract. */
  resolve({ instanceId, generationId, offsets }: ResolveRequest): Ok | Refusal {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    const refusal = this.#refusalOf(instanceId, found.instance, generationId, offsets);
    if (refusal !== null) return refusal;
    const changes = this.#offsets.initialPositions(instanceId, offsets);
    if (changes.length > 0) this.#context.record(...changes);
    for (const { offset, ...at } of offsets) found.reading.seek(at, offset);
    return OK;
  }

  /** As `deliver` of the contract. */
  deliver({ instanceId, pollId, generationId, positions }: DeliverRequest): Ok | Refusal {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    // rule: a-delivery-is-of-the-last-poll
    if (pollId !== found.reading.pollId) {
      return refuse("ILLEGAL_STATE", "A later poll of the instance has begun.");
    }
    const refusal = this.#refusalOfDelivery(instanceId, found.instance, generationId, positions);
    // A call that is repeated may have been accepted the first time; refused now, its answer is not sent.
    if (refusal === null) found.reading.deliver(positions);
    else found.reading.discardPending();
    return refusal ?? OK;
  }

  /** As `commitInstance` of the contract. */
  commit({ instanceId, offsets, generationId, received }: InstanceCommit): Committed | Refusal {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    const { instance, reading } = found;
    const given = generationId ?? this.#ownGeneration(instance);
    if (offsets === null) {
      const refusal = this.#refusalOf(instanceId, instance, given, [], true);
      if (refusal !== null) return refusal;
      reading.acknowledge(received);
      return { ok: true, errors: this.#offsets.commitPositions(instanceId, reading) };
    }
    const refusal = this.#refusalOf(instanceId, instance, given, offsets, true);
    if (refusal !== null) return refusal;
    if (offsets.some((one) => reading.isOfPending(one, one.offset))) reading.acknowledgePending();
    return this.#offsets.commit(instanceId, instance, reading, offsets);
  }

  /** Whether this poll has to join the next generation. */
  #mustJoin(instanceId: string): boolean {
    const member = this.#rebalance.members.get(instanceId);
    if (!member) return true;
    if (this.#rebalance.state === "PreparingRebalance") return !member.hasJoined;
    // rule: what-was-given-up-is-shared-anew
    return this.#context.image.revoking.has(instanceId);
  }

  #join(instanceId: string, instance: StoredInstance): Refusal | null {
    if (this.#context.image.revoking.has(instanceId)) {
      const revoked = { type: "revoked", memberId: instanceId } as const;
      this.#context.record(revoked, { type: "rebalance-needed" });
      // There is nothing to assign before all have given up what they were revoked.
      const isLast = this.#context.image.revoking.size === 0;
      if (!isLast && this.#rebalance.state === "Stable") return null;
    }
    return this.#group.joinInstance(instanceId, instance);
  }

  #mayRead(instanceId: string): boolean {
    const { state, mayReadOn } = this.#rebalance;
    if (!this.#context.image.members.has(instanceId)) return false;
    return state === "Stable" || (state === "PreparingRebalance" && mayReadOn);
  }

  /** A member that has not joined the next generation yet still owns its partitions. */
  #mayDeliver(instanceId: string): boolean {
    const member = this.#rebalance.members.get(instanceId);
    if (this.#mayRead(instanceId)) return true;
    return this.#rebalance.state === "PreparingRebalance" && member?.hasJoined === false;
  }

  #ownGeneration({ assigned }: StoredInstance): number {
    return assigned ? -1 : this.#context.image.generationId;
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

  /**
   * ILLEGAL_GENERATION where the generation is another one, or a partition is not the instance's;
   * REBALANCE_IN_PROGRESS while a generation has no assignments; ILLEGAL_STATE for commits of an instance that is
   * assigned by hand in a group that has members.
   */
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
      ? this.#offsets.ownedOrRevoking(instanceId, instance)
      : this.#offsets.partitions(instanceId, instance);
    // rule: commits-are-of-own-partitions
    const isOwned = partitions.every(({ topic, partition }) => owned.has(topic, partition));
    return isOwned ? null : refuse("ILLEGAL_GENERATION", NOT_OWNED);
  }
}
