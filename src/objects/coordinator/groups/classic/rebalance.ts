/**
 * Rebalances: waits until every member has joined, begins the generation, and has the partitions assigned. Where a
 * member brings its own protocol the leader computes the assignment, as in Kafka's classic protocol; where all are
 * instances the object does, in the same decision that begins the generation.
 */
import type { GroupState } from "../../../contracts/group.ts";
import type { JoinedGroup } from "../../../contracts/members.ts";
import type { Change } from "../image/changes.ts";
import type { GroupContext } from "../ports.ts";
import type { Topics } from "../topics.ts";
import { Generations } from "./generation.ts";
import { loadedMember, type Member } from "./members.ts";

/** Until when, and how long at least, a rebalance that is being prepared waits. In milliseconds since the epoch. */
interface Preparing {
  readonly deadlineMs: number;
  readonly notBeforeMs: number;
}

export class Rebalance {
  readonly members = new Map<string, Member>();
  /** Pending members (KIP-394): ids that were given out, and until when they may be joined with. */
  readonly pendingMembers = new Map<string, number>();
  /** The protocol type that the members have in common. */
  protocolType: string;
  readonly #context: GroupContext;
  readonly #topics: Topics;
  readonly #generations: Generations;
  /** Has the topics looked up; the rebalance goes on when they are known. */
  readonly #lookUp: () => void;
  #preparing: Preparing | null = null;
  /** When a leader that was asked for assignments must have sent them, in milliseconds since the epoch. */
  #syncByMs = Number.POSITIVE_INFINITY;
  #waiting = new Set<() => void>();
  /** {@link Topics.fingerprint} that the instances were assigned under; null: not known. */
  #assignedFingerprint: string | null = null;
  /** Under the cooperative assignor instances read on while a rebalance is prepared; this stops them. */
  #isReadingStopped = false;

  constructor(context: GroupContext, topics: Topics, lookUp: () => void) {
    this.#context = context;
    this.#topics = topics;
    this.#generations = new Generations(context, topics, this.members);
    this.#lookUp = lookUp;
    this.protocolType = context.image.protocolType;
    const nowMs = context.nowMs();
    for (const stored of context.image.members.values()) {
      this.members.set(stored.memberId, loadedMember(stored, nowMs));
    }
    // The leader was sending assignments to the instance before this one, or that instance was about to
    // rebalance after members had left.
    const { isAssigned, isUnsettled } = context.image;
    if (this.members.size > 0 && (!isAssigned || isUnsettled)) this.prepare();
  }

  get state(): GroupState {
    if (this.#context.image.sinceMs === 0) return "Dead";
    if (this.members.size === 0) return "Empty";
    if (this.#preparing !== null) return "PreparingRebalance";
    return this.#context.image.isAssigned ? "Stable" : "CompletingRebalance";
  }

  /** Whether an instance that has joined the next generation may read on from the partitions it has. */
  get mayReadOn(): boolean {
    const { protocolName } = this.#context.image;
    const isCooperative = protocolName === "cooperative-sticky";
    return isCooperative && this.#generations.isOfInstances && !this.#isReadingStopped;
  }

  /** The names of the protocols that a member supports, in order of preference. */
  protocolNames(member: Member): readonly string[] {
    return this.#generations.protocolNames(member);
  }

  /** A member's metadata under the protocol. */
  metadataOf(member: Member, protocolName: string): Uint8Array {
    return this.#generations.metadataOf(member, protocolName);
  }

  /** See {@link Generations.revokedFrom}. */
  revokedFrom(
    given: readonly { readonly memberId: string; readonly assignment: Uint8Array }[],
  ): readonly (readonly [string, string])[] {
    return this.#generations.revokedFrom(given);
  }

  /** The first of all deadlines, in milliseconds since the epoch. */
  nextMs(): number {
    let nextMs = this.#preparing?.deadlineMs ?? this.#syncByMs;
    const { notBeforeMs = Number.POSITIVE_INFINITY } = this.#preparing ?? {};
    if (notBeforeMs > this.#context.nowMs()) nextMs = Math.min(nextMs, notBeforeMs);
    for (const { deadlineMs } of this.members.values()) nextMs = Math.min(nextMs, deadlineMs);
    for (const untilMs of this.pendingMembers.values()) nextMs = Math.min(nextMs, untilMs);
    return nextMs;
  }

  /** Has every member join again; at the earliest after `delayMs` it completes. Idempotent while one is prepared. */
  prepare(delayMs = 0): void {
    if (this.#preparing !== null) return;
    const nowMs = this.#context.nowMs();
    for (const member of this.members.values()) {
      member.hasJoined = false;
      member.hasReadSinceJoining = false;
      const { answerSync } = member;
      member.answerSync = null;
      answerSync?.({
        ok: false,
        error: "REBALANCE_IN_PROGRESS",
        message: "The group is rebalancing.",
      });
    }
    this.#syncByMs = Number.POSITIVE_INFINITY;
    this.#isReadingStopped = false;
    this.#preparing = {
      deadlineMs: nowMs + Math.max(this.#rebalanceTimeoutMs(), delayMs),
      notBeforeMs: nowMs + delayMs,
    };
    this.#context.arm();
  }

  /** Rebalances where topics that instances subscribe to have changed since they were assigned. */
  prepareIfTopicsChanged(): void {
    if (this.state !== "Stable" || this.#context.image.instances.size === 0) return;
    const now = this.#topics.fingerprint();
    // The object has woken up: the fingerprint is not recorded, but the assignment shows most of it.
    this.#assignedFingerprint ??= this.#generations.recordedFingerprint(now);
    if (this.#assignedFingerprint === now) return;
    this.prepare();
    this.tryComplete();
  }

  /**
   * Begins the generation if no member is missing. Pending members are waited for up to the deadline, as in Kafka;
   * static members that miss it stay members (KIP-345).
   */
  tryComplete(): void {
    const preparing = this.#preparing;
    const nowMs = this.#context.nowMs();
    if (preparing === null || nowMs < preparing.notBeforeMs) return;
    const isOver = preparing.deadlineMs <= nowMs;
    // rule: pending-members-hold-up-nobody
    if (this.pendingMembers.size > 0 && !isOver) return;
    const stays = (member: Member): boolean => isOver && this.#mayMissRebalance(member);
    // rule: generations-have-everybody
    for (const member of this.members.values()) if (!member.hasJoined && !stays(member)) return;
    if (this.members.size === 0 || this.#hasAnyJoined) this.#complete();
    // Still incomplete at the deadline: topics are not known, readers have to stop first, or there are only static
    // members, of which none has joined.
    if (isOver && this.#preparing === preparing) this.#postpone(preparing);
  }

  /** Whether it stays a member although it misses a rebalance: static members do until their session ends (KIP-345). */
  #mayMissRebalance({ groupInstanceId }: Member): boolean {
    // rule: static-members-outlive-a-rebalance
    if (groupInstanceId === null) return false;
    // Instances never assign partitions to it: another member that can lead has to be there.
    for (const other of this.members.values())
      if (other.hasJoined && !other.isInstance) return true;
    return !this.#hasAnyJoined;
  }

  get #hasAnyJoined(): boolean {
    for (const { hasJoined } of this.members.values()) if (hasJoined) return true;
    return false;
  }

  /** Sets the next deadline. */
  #postpone(preparing: Preparing): void {
    const deadlineMs = this.#context.nowMs() + this.#rebalanceTimeoutMs();
    this.#preparing = { ...preparing, deadlineMs };
  }

  /** The longest rebalance timeout of any member. */
  #rebalanceTimeoutMs(): number {
    let timeoutMs = 0;
    for (const member of this.members.values()) {
      timeoutMs = Math.max(timeoutMs, member.rebalanceTimeoutMs);
    }
    return timeoutMs;
  }

  /** Members that have missed the deadline to join, or to sync: they have left. Empty before the deadline. */
  overdueMembers(): readonly Member[] {
    const nowMs = this.#context.nowMs();
    const isOver = (this.#preparing?.deadlineMs ?? this.#syncByMs) <= nowMs;
    if (!isOver) return [];
    const isOverdue = (member: Member): boolean => {
      if (this.#preparing !== null) return !member.hasJoined && !this.#mayMissRebalance(member);
      // A member that missed the rebalance does not know that it is to sync.
      return member.hasJoined && !member.isInstance && member.answerSync === null;
    };
    return [...this.members.values()].filter(isOverdue);
  }

  /** Calls back once when the state may have changed; the returned function cancels. */
  onChange(run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  /** Records the assignments, the leader's or the object's own: the generation is stable from now on. */
  assigned(change: Extract<Change, { readonly type: "assigned" }>): void {
    this.#context.record(change);
    this.#settled();
  }

  /** The answer to the member's join. */
  joined(member: Member): JoinedGroup {
    const { generationId, protocolType, protocolName, leader } = this.#context.image;
    const isLeader = member.memberId === leader;
    const members = !isLeader
      ? []
      : [...this.members.values()].map((other) => ({
          memberId: other.memberId,
          groupInstanceId: other.groupInstanceId,
          metadata: this.metadataOf(other, protocolName),
        }));
    return {
      ...{ ok: true, generationId, protocolType, protocolName, leader },
      ...{ memberId: member.memberId, skipAssignment: false, members },
    };
  }

  #complete(): void {
    if (this.members.size === 0) {
      const { generationId } = this.#context.image;
      this.#context.record({ type: "emptied", generationId: generationId + 1 });
      this.#preparing = null;
      return this.#settled();
    }
    const hasInstances = [...this.members.values()].some(({ isInstance }) => isInstance);
    if (hasInstances && !this.#topics.isKnown) return this.#lookUp();
    const protocolName = this.#generations.electProtocol();
    if (this.#stopsReaders(protocolName)) return;
    this.#context.record(...this.#generations.begin(this.protocolType, protocolName));
    this.#preparing = null;
    this.#isReadingStopped = false;
    this.#assignedFingerprint = hasInstances ? this.#topics.fingerprint() : null;
    if (this.#context.image.isAssigned) return this.#settled();
    this.#requestAssignments();
  }

  /**
   * Where instances have read since they joined, and the elected protocol would give their partitions away at once:
   * stops them and has them join again. True where it did.
   */
  #stopsReaders(protocolName: string): boolean {
    if (protocolName === "cooperative-sticky" || this.#isReadingStopped) return false;
    if (this.#context.image.protocolName !== "cooperative-sticky") return false;
    const readers = [...this.members.values()].filter((member) => member.hasReadSinceJoining);
    if (readers.length === 0) return false;
    this.#isReadingStopped = true;
    for (const member of readers) member.hasJoined = false;
    this.#wake();
    return true;
  }

  /** Answers every join; the leader's answer asks it for assignments. */
  #requestAssignments(): void {
    const nowMs = this.#context.nowMs();
    for (const member of this.members.values()) {
      if (member.hasJoined) member.deadlineMs = nowMs + member.sessionTimeoutMs;
    }
    this.#syncByMs = nowMs + this.#rebalanceTimeoutMs();
    for (const member of this.members.values()) {
      const { answerJoin } = member;
      member.answerJoin = null;
      answerJoin?.(this.joined(member));
    }
    this.#context.arm();
  }

  #settled(): void {
    this.#syncByMs = Number.POSITIVE_INFINITY;
    this.#wake();
    this.#context.arm();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const run of waiting) run();
  }
}
