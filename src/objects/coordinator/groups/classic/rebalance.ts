/**
 * Rebalances: waits until everybody has joined, begins the generation, and gives out assignments. Where
 * a member brings its own protocol the leader computes them, as in Kafka's classic protocol; where all
 * are instances the object does, in the same decision that begins the generation.
 */
import { assert } from "../../../../base/errors.ts";
import type { GroupState } from "../../../contracts/group.ts";
import {
  assignmentBytes,
  compute,
  instanceMetadata,
  partitionsOf,
  storedAssignment,
  without,
  type AssignedMember,
} from "../assignments.ts";
import { ASSIGNORS, type AssignorName } from "../assignors/index.ts";
import type { Change, SeenTopic } from "../changes.ts";
import { metadataUnder, storedMember, wokenMember, type Member } from "./members.ts";
import type { GroupContext } from "../ports.ts";
import { subscriptionKeys, type Topics } from "../topics.ts";
import type { JoinedGroup } from "../../../contracts/members.ts";

/** What a rebalance that is being prepared waits for at most, and at least. */
interface Preparing {
  readonly deadlineMs: number;
  readonly notBeforeMs: number;
}

export class Rebalance {
  readonly members = new Map<string, Member>();
  /** Member ids that were given out (KIP-394): until when they may join. */
  readonly promised = new Map<string, number>();
  /** What the members say they are. */
  protocolType: string;
  readonly #context: GroupContext;
  readonly #topics: Topics;
  /** Topics are to be looked up before it can go on. */
  readonly #lookUp: () => void;
  #preparing: Preparing | null = null;
  /** When a leader that was asked for assignments must have given them. */
  #syncByMs = Number.POSITIVE_INFINITY;
  #waiting = new Set<() => void>();
  /** What the instances' assignment was made from: {@link Topics.fingerprint}. */
  #madeFrom: string | null = null;
  /** Under the cooperative assignor instances go on reading while a rebalance is prepared; this ends it. */
  #isHalted = false;
  /** What each member had in the generation before, while the present one has no assignments yet. */
  #held: ReadonlyMap<string, string> = new Map();

  constructor(context: GroupContext, topics: Topics, lookUp: () => void) {
    this.#context = context;
    this.#topics = topics;
    this.#lookUp = lookUp;
    this.protocolType = context.image.protocolType;
    const nowMs = context.nowMs();
    for (const stored of context.image.members.values()) {
      this.members.set(stored.memberId, wokenMember(stored, nowMs));
    }
    // The assignments of a generation that has none yet were under way to the former instance, and what
    // others have left was about to be shared by it.
    const { isAssigned, isUnsettled } = context.image;
    if (this.members.size > 0 && (!isAssigned || isUnsettled)) this.prepare();
  }

  get state(): GroupState {
    if (this.#context.image.sinceMs === 0) return "Dead";
    if (this.members.size === 0) return "Empty";
    if (this.#preparing !== null) return "PreparingRebalance";
    return this.#context.image.isAssigned ? "Stable" : "CompletingRebalance";
  }

  get isOfInstances(): boolean {
    for (const { isInstance } of this.members.values()) if (!isInstance) return false;
    return true;
  }

  /** Whether an instance that has joined the next generation may go on reading what it has. */
  get goesOnReading(): boolean {
    const { protocolName } = this.#context.image;
    return protocolName === "cooperative-sticky" && this.isOfInstances && !this.#isHalted;
  }

  /** The names that a member can be assigned by, in order of preference. */
  protocolNames(member: Member): readonly string[] {
    if (!member.isInstance) return member.protocols.map(({ name }) => name);
    return this.#context.image.instances.get(member.memberId)?.spec.assignors ?? [];
  }

  /** The first deadline among all. */
  nextMs(): number {
    let nextMs = this.#preparing?.deadlineMs ?? this.#syncByMs;
    const { notBeforeMs = Number.POSITIVE_INFINITY } = this.#preparing ?? {};
    if (notBeforeMs > this.#context.nowMs()) nextMs = Math.min(nextMs, notBeforeMs);
    for (const { deadlineMs } of this.members.values()) nextMs = Math.min(nextMs, deadlineMs);
    for (const untilMs of this.promised.values()) nextMs = Math.min(nextMs, untilMs);
    return nextMs;
  }

  /** Everybody is to join again. Does nothing while that is so already. */
  prepare(delayMs = 0): void {
    if (this.#preparing !== null) return;
    const nowMs = this.#context.nowMs();
    for (const member of this.members.values()) {
      member.hasJoined = false;
      member.readsOn = false;
      const { answerSync } = member;
      member.answerSync = null;
      answerSync?.({
        ok: false,
        error: "REBALANCE_IN_PROGRESS",
        message: "The group is rebalancing.",
      });
    }
    this.#syncByMs = Number.POSITIVE_INFINITY;
    this.#isHalted = false;
    this.#preparing = {
      deadlineMs: nowMs + Math.max(this.#waitMs(), delayMs),
      notBeforeMs: nowMs + delayMs,
    };
    this.#context.arm();
  }

  /** Prepares anew where topics that instances subscribe to are not what they were. */
  prepareIfTopicsChanged(): void {
    if (this.state !== "Stable" || this.#context.image.instances.size === 0) return;
    const now = this.#topics.fingerprint();
    if (this.#madeFrom === null) {
      // Woken up: what the assignment was made from is not known any more; it is looked at again.
      this.#madeFrom = this.#storedFingerprint(now);
    }
    if (this.#madeFrom === now) return;
    this.prepare();
    this.tryComplete();
  }

  /**
   * Begins the generation if nobody is missing. Whoever was given an id may still come, but not beyond the
   * deadline (as Kafka's pending members); nor are static members waited for beyond it (KIP-345).
   */
  tryComplete(): void {
    const preparing = this.#preparing;
    const nowMs = this.#context.nowMs();
    if (preparing === null || nowMs < preparing.notBeforeMs) return;
    const isOver = preparing.deadlineMs <= nowMs;
    // rule: promised-members-hold-up-nobody
    if (this.promised.size > 0 && !isOver) return;
    const stays = (member: Member): boolean => isOver && this.#outlives(member);
    // rule: generations-have-everybody
    for (const member of this.members.values()) if (!member.hasJoined && !stays(member)) return;
    if (this.members.size === 0 || this.#isAnybodyThere) this.#complete();
    // Held up beyond the deadline: by topics that are not known, by members that have yet to stop, or because
    // there are only static members, of which none has come.
    if (isOver && this.#preparing === preparing) this.#postpone(preparing);
  }

  /** Whether it stays a member although it has missed a rebalance: a static one, until its session ends. */
  #outlives({ groupInstanceId }: Member): boolean {
    // rule: static-members-outlive-a-rebalance
    if (groupInstanceId === null) return false;
    // Where only instances are there, nobody could give it anything.
    for (const other of this.members.values())
      if (other.hasJoined && !other.isInstance) return true;
    return !this.#isAnybodyThere;
  }

  get #isAnybodyThere(): boolean {
    for (const { hasJoined } of this.members.values()) if (hasJoined) return true;
    return false;
  }

  /** Nobody is waited for until the next deadline. */
  #postpone(preparing: Preparing): void {
    const deadlineMs = this.#context.nowMs() + this.#waitMs();
    this.#preparing = { ...preparing, deadlineMs };
  }

  /** The longest that a member was promised to be waited for. */
  #waitMs(): number {
    let waitMs = 0;
    for (const member of this.members.values()) {
      waitMs = Math.max(waitMs, member.rebalanceTimeoutMs);
    }
    return waitMs;
  }

  /** A deadline may have gone by. Members that did not join in time have left; answers who they are. */
  late(): readonly Member[] {
    const nowMs = this.#context.nowMs();
    const isOver = (this.#preparing?.deadlineMs ?? this.#syncByMs) <= nowMs;
    if (!isOver) return [];
    const isLate = (member: Member): boolean => {
      if (this.#preparing !== null) return !member.hasJoined && !this.#outlives(member);
      // Those that have missed the rebalance do not know of it either.
      return member.hasJoined && !member.isInstance && member.answerSync === null;
    };
    return [...this.members.values()].filter(isLate);
  }

  /** Resolves when a generation has been assigned, or is to be prepared, or after `untilStable` was left. */
  onChange(run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }

  /** The leader's word, or the object's own: everybody has an assignment from now on. */
  assigned(change: Extract<Change, { readonly type: "assigned" }>): void {
    this.#context.record(change);
    this.#settled();
  }

  /**
   * Of instances under a cooperative protocol: what the leader's assignments take from them, which they
   * may be reading still. The leader gives it to nobody before they have joined again.
   */
  revokedFrom(
    given: readonly { readonly memberId: string; readonly assignment: Uint8Array }[],
  ): readonly (readonly [string, string])[] {
    // rule: leaders-of-others-take-nothing-at-once
    if (this.#context.image.protocolName !== "cooperative-sticky") return [];
    return given.flatMap(({ memberId, assignment }) => {
      if (this.members.get(memberId)?.isInstance !== true) return [];
      const held = partitionsOf(assignmentBytes(this.#held.get(memberId)));
      const lost = without(held, partitionsOf(assignment));
      return lost.length === 0 ? [] : [[memberId, storedAssignment(lost)] as const];
    });
  }

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

  metadataOf(member: Member, protocolName: string): Uint8Array {
    if (!member.isInstance) return metadataUnder(member, protocolName);
    const { topics, owned } = this.#assignedMember(member);
    return instanceMetadata(topics, owned, this.#context.image.generationId);
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
    const protocolName = this.#elected();
    if (this.#mustHalt(protocolName)) return;
    const changes = [this.#generation(protocolName), ...this.#ownAssignment(protocolName)];
    this.#held = new Map(this.#context.image.assignments);
    this.#context.record(...changes);
    this.#preparing = null;
    this.#isHalted = false;
    this.#madeFrom = hasInstances ? this.#topics.fingerprint() : null;
    if (this.#context.image.isAssigned) return this.#settled();
    this.#askForAssignments();
  }

  /** The protocol that all support and most prefer; of equals the one whose name comes first. */
  #elected(): string {
    const lists = [...this.members.values()].map((member) => this.protocolNames(member));
    const common = (lists[0] ?? []).filter((name) => lists.every((list) => list.includes(name)));
    assert(common.length > 0, "members without a protocol in common");
    const votes = new Map<string, number>();
    for (const list of lists) {
      const vote = list.find((name) => common.includes(name))!;
      votes.set(vote, (votes.get(vote) ?? 0) + 1);
    }
    return [...votes].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]![0];
  }

  /**
   * Instances have read on since they joined, and the protocol that was elected would give their
   * partitions away at once: they stop, and join once more.
   */
  #mustHalt(protocolName: string): boolean {
    if (protocolName === "cooperative-sticky" || this.#isHalted) return false;
    if (this.#context.image.protocolName !== "cooperative-sticky") return false;
    const readers = [...this.members.values()].filter(({ readsOn }) => readsOn);
    if (readers.length === 0) return false;
    this.#isHalted = true;
    for (const member of readers) member.hasJoined = false;
    this.#wake();
    return true;
  }

  #generation(protocolName: string): Change {
    const { image } = this.#context;
    const all = [...this.members.values()];
    const there = all.filter(({ hasJoined }) => hasJoined);
    const stays = there.find(
      ({ memberId, isInstance }) => memberId === image.leader && !isInstance,
    );
    const leader = stays ?? there.find(({ isInstance }) => !isInstance) ?? there[0]!;
    return {
      type: "generation-began",
      generationId: image.generationId + 1,
      protocolType: this.protocolType,
      protocolName,
      leader: leader.memberId,
      members: all.map(storedMember),
      seen: this.#newlySeen(),
      looked: this.#newlyLooked(),
    };
  }

  #ownAssignment(protocolName: string): Change[] {
    if (!this.isOfInstances) return [];
    assert((ASSIGNORS as readonly string[]).includes(protocolName), "an assignor is not known");
    const members = [...this.members.values()].map((member) => this.#assignedMember(member));
    const counts = new Map<string, number>();
    for (const topic of members.flatMap(({ topics }) => topics)) {
      const fact = this.#topics.get(topic);
      if (fact) counts.set(topic, fact.partitions);
    }
    const { generationId } = this.#context.image;
    const computed = compute(protocolName as AssignorName, members, generationId, counts);
    return [{ type: "assigned", ...computed }];
  }

  #assignedMember({ memberId }: Member): AssignedMember {
    const { image } = this.#context;
    const subscription = image.instances.get(memberId)?.subscription ?? null;
    const topics = subscription === null ? [] : this.#topics.covered(subscription);
    const stored = (image.isAssigned ? image.assignments : this.#held).get(memberId);
    return { memberId, topics, owned: partitionsOf(assignmentBytes(stored)) };
  }

  /**
   * Topics that a subscription covers for the first time. One that was not there when the subscription
   * was looked at before is new as a whole, and so is one that was created anew.
   */
  #newlySeen(): SeenTopic[] {
    const { image } = this.#context;
    const found = new Map<string, SeenTopic>();
    for (const { subscription } of image.instances.values()) {
      if (subscription === null) continue;
      const isLooked = subscriptionKeys(subscription).every((key) => image.looked.has(key));
      for (const topic of this.#topics.covered(subscription)) {
        const { topicId = "", partitions = 0 } = this.#topics.get(topic) ?? {};
        const seen = image.seen.get(topic);
        if (seen !== undefined && (seen.topicId === topicId || topicId === "")) continue;
        const isNew = isLooked || seen !== undefined;
        found.set(topic, { topic, topicId, partitions: isNew ? 0 : partitions });
      }
    }
    return [...found.values()];
  }

  #newlyLooked(): string[] {
    const { image } = this.#context;
    const keys = new Set<string>();
    for (const { subscription } of image.instances.values()) {
      if (subscription === null) continue;
      for (const key of subscriptionKeys(subscription)) if (!image.looked.has(key)) keys.add(key);
    }
    return [...keys];
  }

  #askForAssignments(): void {
    const nowMs = this.#context.nowMs();
    for (const member of this.members.values()) {
      if (member.hasJoined) member.deadlineMs = nowMs + member.sessionTimeoutMs;
    }
    this.#syncByMs = nowMs + this.#waitMs();
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

  /** As {@link Topics.fingerprint} at the time of the assignment, as far as that shows in it. */
  #storedFingerprint(now: string): string {
    const given = new Map<string, number>();
    for (const stored of this.#context.image.assignments.values()) {
      for (const { topic, partitions } of partitionsOf(assignmentBytes(stored))) {
        given.set(topic, (given.get(topic) ?? 0) + partitions.length);
      }
    }
    // rule: what-is-being-given-up-was-assigned
    for (const stored of this.#context.image.revoking.values()) {
      for (const { topic, partitions } of partitionsOf(assignmentBytes(stored))) {
        given.set(topic, (given.get(topic) ?? 0) + partitions.length);
      }
    }
    const isWhole = now
      .split(" ")
      .filter((entry) => entry !== "")
      .every((entry) => {
        const [topic, , partitions] = entry.split(":");
        return (given.get(topic!) ?? 0) === Number(partitions);
      });
    return isWhole ? now : "";
  }
}
