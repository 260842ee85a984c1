/**
 * The membership of a group: Kafka's classic group protocol (JoinGroup, SyncGroup, Heartbeat, LeaveGroup; KIP-62,
 * KIP-345, KIP-394) as decisions over what is recorded and which answers are pending. Whether a member may join is
 * in admission.ts, how a rebalance ends in rebalance.ts. Instances become members here too.
 */
import { toBase64 } from "../../../../base/bytes.ts";
import { refuse, type Refusal } from "../../../../base/errors.ts";
import { MEMBER_METADATA_BYTES_MAX } from "../../../../base/limits.ts";
import type {
  HeartbeatRequest,
  JoinedGroup,
  JoinGroupRequest,
  JoinRefusal,
  LeavingMember,
  LeftGroup,
  SyncedGroup,
  SyncGroupRequest,
} from "../../../contracts/members.ts";
import { assignmentBytes } from "../assignments.ts";
import type { StoredInstance } from "../image/image.ts";
import type { GroupContext } from "../ports.ts";
import { Admission } from "./admission.ts";
import {
  CONSUMER,
  failPending,
  hasSameProtocols,
  instanceMember,
  newMember,
  staticMemberOf,
  storedMember,
  type Member,
} from "./members.ts";
import type { Rebalance } from "./rebalance.ts";

type JoinAnswer = JoinedGroup | JoinRefusal;

export class Group {
  readonly #context: GroupContext;
  readonly #rebalance: Rebalance;
  readonly #admission: Admission;

  constructor(context: GroupContext, rebalance: Rebalance) {
    this.#context = context;
    this.#rebalance = rebalance;
    this.#admission = new Admission(context, rebalance);
  }

  get #members(): Map<string, Member> {
    return this.#rebalance.members;
  }

  get isFull(): boolean {
    return this.#admission.isFull;
  }

  /** See {@link Admission.refusalOfRequest}. */
  refusalOfJoin(request: JoinGroupRequest): Refusal | null {
    return this.#admission.refusalOfRequest(request);
  }

  /** As `joinGroup` of the contract, of a request that {@link refusalOfJoin} has let through. */
  join(request: JoinGroupRequest): Promise<JoinAnswer> | JoinAnswer {
    const { memberId, groupInstanceId } = request;
    const refusal = this.#admission.refusalOfMember(request);
    if (refusal !== null) return refusal;
    if (groupInstanceId !== null) {
      const known = staticMemberOf(this.#members, groupInstanceId);
      if (memberId === "") return known ? this.#replace(known, request) : this.#admit(request);
      if (!known) return refuse("UNKNOWN_MEMBER_ID");
      if (known.memberId !== memberId) return refuse("FENCED_INSTANCE_ID");
    } else if (memberId === "") {
      return request.requireKnownMemberId ? this.#requireMemberId(request) : this.#admit(request);
    }
    const member = this.#members.get(memberId);
    if (member)
      return member.isInstance ? refuse("UNKNOWN_MEMBER_ID") : this.#rejoin(member, request);
    if (!this.#rebalance.pendingMembers.delete(memberId)) return refuse("UNKNOWN_MEMBER_ID");
    return this.#admit(request, memberId);
  }

  /** As `syncGroup` of the contract. */
  sync(request: SyncGroupRequest): Promise<SyncedGroup | Refusal> | SyncedGroup | Refusal {
    const { image } = this.#context;
    const member = this.#currentMember(request);
    if ("error" in member) return member;
    const { protocolType, protocolName } = request;
    if (
      (protocolType !== null && protocolType !== image.protocolType) ||
      (protocolName !== null && protocolName !== image.protocolName)
    ) {
      return refuse("INCONSISTENT_GROUP_PROTOCOL");
    }
    this.renew(member);
    if (this.#rebalance.state === "PreparingRebalance") return refuse("REBALANCE_IN_PROGRESS");
    if (this.#rebalance.state === "Stable") return this.#synced(member);
    failPending(member, "REBALANCE_IN_PROGRESS");
    if (member.memberId === image.leader) {
      const refusal = this.#takeAssignments(request);
      return refusal ?? this.#synced(member);
    }
    return new Promise((resolve) => {
      member.answerSync = resolve;
    });
  }

  /** As `heartbeat` of the contract. */
  heartbeat(request: HeartbeatRequest): { readonly ok: true } | Refusal {
    const member = this.#currentMember(request);
    if ("error" in member) return member;
    this.renew(member);
    // An instance that is to give partitions up does so with its next poll, which this brings about.
    const isRevoking = this.#context.image.revoking.has(member.memberId);
    return isRevoking || this.#rebalance.state === "PreparingRebalance"
      ? refuse("REBALANCE_IN_PROGRESS")
      : { ok: true };
  }

  /** As `leaveGroup` of the contract. */
  leave(leaving: readonly LeavingMember[]): LeftGroup {
    const gone = new Set<string>();
    const members = leaving.map((one) => {
      const { groupInstanceId, memberId } = one;
      const known =
        groupInstanceId === null
          ? this.#members.get(memberId)
          : staticMemberOf(this.#members, groupInstanceId);
      if (!known && this.#rebalance.pendingMembers.delete(memberId)) return { ...one, error: null };
      if (!known || known.isInstance) return { ...one, error: "UNKNOWN_MEMBER_ID" as const };
      if (groupInstanceId !== null && memberId !== "" && known.memberId !== memberId) {
        return { ...one, error: "FENCED_INSTANCE_ID" as const };
      }
      gone.add(known.memberId);
      return { ...one, error: null };
    });
    if (gone.size > 0) this.remove([...gone]);
    else this.#rebalance.tryComplete();
    return { ok: true, members };
  }

  /** Removes members, whatever state they are in; the others rebalance. */
  remove(memberIds: readonly string[]): void {
    const { image } = this.#context;
    const stored = memberIds.filter((memberId) => image.members.has(memberId));
    if (stored.length > 0) this.#context.record({ type: "members-left", memberIds: stored });
    for (const memberId of memberIds) {
      const member = this.#members.get(memberId);
      if (!member) continue;
      this.#members.delete(memberId);
      failPending(member, "UNKNOWN_MEMBER_ID");
    }
    this.#rebalance.prepare();
    this.#rebalance.tryComplete();
  }

  /** An instance joins, or joins again. INCONSISTENT_GROUP_PROTOCOL, GROUP_MAX_SIZE_REACHED. */
  joinInstance(instanceId: string, instance: StoredInstance): Refusal | null {
    let member = this.#members.get(instanceId);
    if (!member) {
      if (this.#members.size === 0) this.#rebalance.protocolType = CONSUMER;
      const refusal = this.#admission.refusalOfInstance(instance.spec);
      if (refusal !== null) return refusal;
      member = instanceMember(instanceId, instance);
      this.#add(member);
    } else {
      this.#rebalance.prepare();
    }
    member.hasJoined = true;
    this.renew(member);
    this.#rebalance.tryComplete();
    return null;
  }

  /** Gives a member a whole session from now on: it was heard of. */
  renew(member: Member): void {
    member.deadlineMs = this.#context.nowMs() + member.sessionTimeoutMs;
  }

  /** Ends sessions, rebalances and pending members whose time is over. */
  expire(): void {
    const nowMs = this.#context.nowMs();
    for (const [memberId, untilMs] of this.#rebalance.pendingMembers) {
      if (untilMs <= nowMs) this.#rebalance.pendingMembers.delete(memberId);
    }
    // rule: sessions-end
    const isOver = ({ deadlineMs, answerJoin, answerSync }: Member): boolean =>
      deadlineMs <= nowMs && answerJoin === null && answerSync === null;
    const over = [...this.#members.values()].filter(isOver);
    const overdue = [...over, ...this.#rebalance.overdueMembers()];
    const gone = new Set(overdue.map(({ memberId }) => memberId));
    if (gone.size > 0) this.remove([...gone]);
    // A member that waits for an answer is alive as long as it waits.
    for (const member of this.#members.values()) if (member.deadlineMs <= nowMs) this.renew(member);
    this.#rebalance.tryComplete();
  }

  /** Why offsets may not be committed in this member's name; null where they may. */
  refusalOfCommit(request: HeartbeatRequest): Refusal | null {
    const { memberId, groupInstanceId, generationId } = request;
    // A consumer that assigns its partitions by hand may send a member id: only whether the group is empty counts.
    if (generationId < 0 && this.#members.size === 0) return null;
    if (generationId < 0 && memberId === "" && groupInstanceId === null) {
      return refuse("UNKNOWN_MEMBER_ID");
    }
    if (this.#context.image.sinceMs === 0) return refuse("GROUP_ID_NOT_FOUND");
    const member = this.#currentMember(request);
    if ("error" in member) return member;
    this.renew(member);
    // rule: members-commit-in-their-generation
    return this.#rebalance.state === "CompletingRebalance" ? refuse("REBALANCE_IN_PROGRESS") : null;
  }

  /** The member that sends a request of the present generation, or the refusal of the request. */
  #currentMember(request: HeartbeatRequest): Member | Refusal {
    const { memberId, groupInstanceId, generationId } = request;
    const member = this.#members.get(memberId);
    if (groupInstanceId !== null) {
      const known = staticMemberOf(this.#members, groupInstanceId);
      if (!known) return refuse("UNKNOWN_MEMBER_ID");
      if (known !== member) return refuse("FENCED_INSTANCE_ID");
    }
    if (!member || !this.#context.image.members.has(memberId)) return refuse("UNKNOWN_MEMBER_ID");
    // rule: requests-are-of-this-generation
    const isCurrent = generationId === this.#context.image.generationId;
    return isCurrent ? member : refuse("ILLEGAL_GENERATION");
  }

  /** Gives the member an id to join with (KIP-394). */
  #requireMemberId(request: JoinGroupRequest): JoinRefusal {
    if (this.isFull) return refuse("GROUP_MAX_SIZE_REACHED");
    const memberId = this.#newId(request.clientId);
    const untilMs = this.#context.nowMs() + request.sessionTimeoutMs;
    this.#rebalance.pendingMembers.set(memberId, untilMs);
    this.#context.arm();
    return { ...refuse("MEMBER_ID_REQUIRED"), memberId };
  }

  #newId(prefix: string): string {
    // Ids are bounded in length; the random part makes them unique.
    return `${prefix.slice(0, 100)}-${this.#context.random.id()}`;
  }

  #admit(request: JoinGroupRequest, memberId?: string): Promise<JoinAnswer> | JoinAnswer {
    if (this.isFull) return refuse("GROUP_MAX_SIZE_REACHED");
    const { groupInstanceId, clientId } = request;
    const member = newMember(memberId ?? this.#newId(groupInstanceId ?? clientId), request);
    this.#rebalance.protocolType = request.protocolType;
    this.#add(member);
    return this.#untilJoined(member);
  }

  #add(member: Member): void {
    const isFirst = this.#members.size === 0;
    this.#members.set(member.memberId, member);
    this.renew(member);
    const delayMs = isFirst ? this.#context.config["group.initial.rebalance.delay.ms"] : 0;
    this.#rebalance.prepare(delayMs);
    this.#context.arm();
  }

  #rejoin(member: Member, request: JoinGroupRequest): Promise<JoinAnswer> | JoinAnswer {
    const { state } = this.#rebalance;
    const isSame = hasSameProtocols(member, request.protocols);
    this.renew(member);
    if (state === "CompletingRebalance" && isSame) return this.#rebalance.joined(member);
    const isLeader = member.memberId === this.#context.image.leader;
    if (state === "Stable" && isSame && !isLeader) return this.#rebalance.joined(member);
    const { clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request;
    const given = { clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols };
    Object.assign(member, given);
    this.#rebalance.prepare();
    return this.#untilJoined(member);
  }

  /** A static member came back: it gets a new id, and the old one's assignment where its protocols are the same. */
  #replace(known: Member, request: JoinGroupRequest): Promise<JoinAnswer> | JoinAnswer {
    const { image } = this.#context;
    const member = newMember(this.#newId(known.groupInstanceId!), request);
    const wasLeader = image.leader === known.memberId;
    const isSame = hasSameProtocols(known, request.protocols);
    if (image.members.has(known.memberId)) {
      const by = storedMember(member);
      const replaced = { type: "member-replaced", memberId: known.memberId, by } as const;
      this.#context.record(replaced, ...(isSame ? [] : [{ type: "rebalance-needed" } as const]));
    }
    this.#members.delete(known.memberId);
    this.#members.set(member.memberId, member);
    failPending(known, "FENCED_INSTANCE_ID");
    this.renew(member);
    if (this.#rebalance.state === "Stable" && isSame) {
      const joined = this.#rebalance.joined(member);
      if (!wasLeader) return joined;
      // It leads and is not asked to assign, since nothing has changed (KIP-814). Clients before JoinGroup 9 would
      // assign if they were told that they lead, so they are told that the old id does.
      return request.supportsSkippingAssignment === true
        ? { ...joined, skipAssignment: true }
        : { ...joined, leader: known.memberId, members: [] };
    }
    this.#rebalance.prepare();
    return this.#untilJoined(member);
  }

  #untilJoined(member: Member): Promise<JoinAnswer> {
    // The member joins again over another connection: its former request is abandoned.
    failPending(member, "REBALANCE_IN_PROGRESS");
    return new Promise((resolve) => {
      member.answerJoin = resolve;
      member.hasJoined = true;
      this.#rebalance.tryComplete();
    });
  }

  #synced({ memberId }: Member): SyncedGroup {
    const { protocolType, protocolName, assignments } = this.#context.image;
    const assignment = assignmentBytes(assignments.get(memberId));
    return { ok: true, protocolType, protocolName, assignment };
  }

  #takeAssignments({ assignments }: SyncGroupRequest): Refusal | null {
    const given = assignments.filter(({ memberId }) => this.#members.has(memberId));
    if (given.some(({ assignment }) => assignment.length > MEMBER_METADATA_BYTES_MAX)) {
      return refuse("INVALID_REQUEST", "An assignment is too long.");
    }
    this.#rebalance.assigned({
      type: "assigned",
      assignments: given.map(({ memberId, assignment }) => [memberId, toBase64(assignment)]),
      revoking: this.#rebalance.revokedFrom(given),
    });
    for (const member of this.#members.values()) {
      const { answerSync } = member;
      member.answerSync = null;
      answerSync?.(this.#synced(member));
    }
    return null;
  }
}
