/**
 * The membership of a group: Kafka's classic group protocol (JoinGroup, SyncGroup, Heartbeat,
 * LeaveGroup; KIP-62, KIP-345, KIP-394) as decisions over what is recorded and who waits. How a rebalance
 * ends is in rebalance.ts; instances become members through the same doors.
 */
import { toBase64 } from "../../../../base/bytes.ts";
import { refuse, type ErrorName, type Refusal } from "../../../../base/errors.ts";
import { groupNameProblem } from "../../../../base/ids.ts";
import { GROUP_METADATA_BYTES_MAX, MEMBER_METADATA_BYTES_MAX } from "../../../../base/limits.ts";
import { assignmentBytes } from "../assignments.ts";
import type { StoredInstance } from "../image.ts";
import {
  CONSUMER,
  newMember,
  saysTheSame,
  storedMember,
  turnAway,
  type Member,
} from "./members.ts";
import type { GroupContext } from "../ports.ts";
import type { Rebalance } from "./rebalance.ts";
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

type JoinAnswer = JoinedGroup | JoinRefusal;

export class Group {
  readonly #context: GroupContext;
  readonly #rebalance: Rebalance;

  constructor(context: GroupContext, rebalance: Rebalance) {
    this.#context = context;
    this.#rebalance = rebalance;
  }

  get #members(): Map<string, Member> {
    return this.#rebalance.members;
  }

  /** What is wrong with a request to join, before anything of it is looked at; null when nothing is. */
  refusalOfJoin(request: JoinGroupRequest): Refusal | null {
    const { config } = this.#context;
    const { sessionTimeoutMs, protocolType, protocols, memberId, groupInstanceId } = request;
    if (
      !(sessionTimeoutMs >= config["group.min.session.timeout.ms"]) ||
      sessionTimeoutMs > config["group.max.session.timeout.ms"]
    ) {
      return refuse("INVALID_SESSION_TIMEOUT");
    }
    for (const name of [memberId, groupInstanceId]) {
      const problem = name === null || name === "" ? null : groupNameProblem(name);
      if (problem !== null) return refuse("INVALID_REQUEST", problem);
    }
    const bytes = metadataBytes(protocols);
    if (bytes > MEMBER_METADATA_BYTES_MAX) {
      return refuse("INVALID_REQUEST", "What the member says of itself is too long.");
    }
    if (protocolType === "" || protocols.length === 0) {
      return refuse("INCONSISTENT_GROUP_PROTOCOL", "A member names a protocol type and protocols.");
    }
    return null;
  }

  join(request: JoinGroupRequest): Promise<JoinAnswer> | JoinAnswer {
    const { memberId, groupInstanceId } = request;
    if (!this.#hasRoomFor(request)) {
      return refuse("GROUP_MAX_SIZE_REACHED", "Together the members say too much of themselves.");
    }
    if (!this.#canSupport(request)) return refuse("INCONSISTENT_GROUP_PROTOCOL");
    if (groupInstanceId !== null) {
      const known = this.#staticMember(groupInstanceId);
      if (memberId === "") return known ? this.#replace(known, request) : this.#admit(request);
      if (!known) return refuse("UNKNOWN_MEMBER_ID");
      if (known.memberId !== memberId) return refuse("FENCED_INSTANCE_ID");
    } else if (memberId === "") {
      return request.requireKnownMemberId ? this.#promise(request) : this.#admit(request);
    }
    const member = this.#members.get(memberId);
    if (member)
      return member.isInstance ? refuse("UNKNOWN_MEMBER_ID") : this.#rejoin(member, request);
    if (!this.#rebalance.promised.delete(memberId)) return refuse("UNKNOWN_MEMBER_ID");
    return this.#admit(request, memberId);
  }

  sync(request: SyncGroupRequest): Promise<SyncedGroup | Refusal> | SyncedGroup | Refusal {
    const { image } = this.#context;
    const member = this.#memberOf(request);
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
    turnAway(member, "REBALANCE_IN_PROGRESS");
    if (member.memberId === image.leader) {
      const refusal = this.#takeAssignments(request);
      return refusal ?? this.#synced(member);
    }
    return new Promise((resolve) => {
      member.answerSync = resolve;
    });
  }

  heartbeat(request: HeartbeatRequest): { readonly ok: true } | Refusal {
    const member = this.#memberOf(request);
    if ("error" in member) return member;
    this.renew(member);
    // An instance that was left less than it had polls again: that is its word that it has given it up.
    const isToRevoke = this.#context.image.revoking.has(member.memberId);
    return isToRevoke || this.#rebalance.state === "PreparingRebalance"
      ? refuse("REBALANCE_IN_PROGRESS")
      : { ok: true };
  }

  leave(leaving: readonly LeavingMember[]): LeftGroup {
    const gone = new Map<string, ErrorName>();
    const members = leaving.map((one) => {
      const { groupInstanceId, memberId } = one;
      const known =
        groupInstanceId === null
          ? this.#members.get(memberId)
          : this.#staticMember(groupInstanceId);
      if (!known && this.#rebalance.promised.delete(memberId)) return { ...one, error: null };
      if (!known || known.isInstance) return { ...one, error: "UNKNOWN_MEMBER_ID" as const };
      if (groupInstanceId !== null && memberId !== "" && known.memberId !== memberId) {
        return { ...one, error: "FENCED_INSTANCE_ID" as const };
      }
      gone.set(known.memberId, "UNKNOWN_MEMBER_ID");
      return { ...one, error: null };
    });
    if (gone.size > 0) this.remove([...gone.keys()]);
    else this.#rebalance.tryComplete();
    return { ok: true, members };
  }

  /** Takes members out, whatever they are doing; the others share anew. */
  remove(memberIds: readonly string[]): void {
    const { image } = this.#context;
    const stored = memberIds.filter((memberId) => image.members.has(memberId));
    if (stored.length > 0) this.#context.record({ type: "members-left", memberIds: stored });
    for (const memberId of memberIds) {
      const member = this.#members.get(memberId);
      if (!member) continue;
      this.#members.delete(memberId);
      turnAway(member, "UNKNOWN_MEMBER_ID");
    }
    this.#rebalance.prepare();
    this.#rebalance.tryComplete();
  }

  /** An instance joins, or joins again. INCONSISTENT_GROUP_PROTOCOL, GROUP_MAX_SIZE_REACHED. */
  joinInstance(instanceId: string, { spec }: StoredInstance): Refusal | null {
    let member = this.#members.get(instanceId);
    if (!member) {
      if (this.#members.size === 0) this.#rebalance.protocolType = CONSUMER;
      const { protocolType } = this.#rebalance;
      const isFit = protocolType === CONSUMER && this.#sharesProtocol(spec.assignors, null);
      if (!isFit) return refuse("INCONSISTENT_GROUP_PROTOCOL");
      if (this.isFull) return refuse("GROUP_MAX_SIZE_REACHED");
      member = {
        ...{ memberId: instanceId, groupInstanceId: null, isInstance: true, protocols: [] },
        ...{ clientId: spec.clientId, clientHost: spec.clientHost },
        ...{ sessionTimeoutMs: spec.sessionTimeoutMs, rebalanceTimeoutMs: spec.maxPollIntervalMs },
        ...{ deadlineMs: 0, hasJoined: false, readsOn: false, answerJoin: null, answerSync: null },
      };
      this.#add(member);
    } else {
      this.#rebalance.prepare();
    }
    member.hasJoined = true;
    this.renew(member);
    this.#rebalance.tryComplete();
    return null;
  }

  get isFull(): boolean {
    return this.#members.size >= this.#context.config["group.max.size"];
  }

  /** It was heard of. */
  renew(member: Member): void {
    member.deadlineMs = this.#context.nowMs() + member.sessionTimeoutMs;
  }

  /** Ends sessions, rebalances and promises that have run out. */
  expire(): void {
    const nowMs = this.#context.nowMs();
    for (const [memberId, untilMs] of this.#rebalance.promised) {
      if (untilMs <= nowMs) this.#rebalance.promised.delete(memberId);
    }
    // rule: sessions-end
    const isOver = ({ deadlineMs, answerJoin, answerSync }: Member): boolean =>
      deadlineMs <= nowMs && answerJoin === null && answerSync === null;
    const over = [...this.#members.values()].filter(isOver);
    const gone = new Set([...over, ...this.#rebalance.late()].map(({ memberId }) => memberId));
    if (gone.size > 0) this.remove([...gone]);
    // Whoever waits for others is alive as long as it waits.
    for (const member of this.#members.values()) if (member.deadlineMs <= nowMs) this.renew(member);
    this.#rebalance.tryComplete();
  }

  /** The member that a request is of: it, or why not. */
  #memberOf(request: HeartbeatRequest): Member | Refusal {
    const { memberId, groupInstanceId, generationId } = request;
    const member = this.#members.get(memberId);
    if (groupInstanceId !== null) {
      const known = this.#staticMember(groupInstanceId);
      if (!known) return refuse("UNKNOWN_MEMBER_ID");
      if (known !== member) return refuse("FENCED_INSTANCE_ID");
    }
    if (!member || !this.#context.image.members.has(memberId)) return refuse("UNKNOWN_MEMBER_ID");
    // rule: requests-are-of-this-generation
    const isCurrent = generationId === this.#context.image.generationId;
    return isCurrent ? member : refuse("ILLEGAL_GENERATION");
  }

  /** Whether offsets may be committed in this name: null when the commit may be made. */
  refusalOfCommit(request: HeartbeatRequest): Refusal | null {
    const { memberId, groupInstanceId, generationId } = request;
    // Of a group without members, whatever id the committer has: who assigns by hand may have one.
    if (generationId < 0 && this.#members.size === 0) return null;
    if (generationId < 0 && memberId === "" && groupInstanceId === null) {
      return refuse("UNKNOWN_MEMBER_ID");
    }
    if (this.#context.image.sinceMs === 0) return refuse("GROUP_ID_NOT_FOUND");
    const member = this.#memberOf(request);
    if ("error" in member) return member;
    this.renew(member);
    // rule: members-commit-in-their-generation
    return this.#rebalance.state === "CompletingRebalance" ? refuse("REBALANCE_IN_PROGRESS") : null;
  }

  #staticMember(groupInstanceId: string): Member | undefined {
    for (const member of this.#members.values()) {
      if (member.groupInstanceId === groupInstanceId) return member;
    }
    return undefined;
  }

  #canSupport(request: JoinGroupRequest): boolean {
    if (this.#members.size === 0) return true;
    if (request.protocolType !== this.#rebalance.protocolType) return false;
    const self = request.groupInstanceId === null ? request.memberId : null;
    const own =
      request.groupInstanceId === null ? null : this.#staticMember(request.groupInstanceId);
    return this.#sharesProtocol(
      request.protocols.map(({ name }) => name),
      own?.memberId ?? self,
    );
  }

  /** Whether what all say of themselves stays within what the object can record and answer at once. */
  #hasRoomFor({ memberId, groupInstanceId, protocols }: JoinGroupRequest): boolean {
    let bytes = metadataBytes(protocols);
    for (const member of this.#members.values()) {
      const isItself =
        groupInstanceId === null
          ? member.memberId === memberId
          : member.groupInstanceId === groupInstanceId;
      if (!isItself) bytes += metadataBytes(member.protocols);
    }
    return bytes <= GROUP_METADATA_BYTES_MAX;
  }

  /** Whether one of the names is among those of every other member. */
  #sharesProtocol(names: readonly string[], self: string | null): boolean {
    const others = [...this.#members.values()].filter(({ memberId }) => memberId !== self);
    const lists = others.map((member) => this.#rebalance.protocolNames(member));
    return names.some((name) => lists.every((list) => list.includes(name)));
  }

  #promise(request: JoinGroupRequest): JoinRefusal {
    if (this.isFull) return refuse("GROUP_MAX_SIZE_REACHED");
    const memberId = this.#newId(request.clientId);
    const untilMs = this.#context.nowMs() + request.sessionTimeoutMs;
    this.#rebalance.promised.set(memberId, untilMs);
    this.#context.arm();
    return { ...refuse("MEMBER_ID_REQUIRED"), memberId };
  }

  #newId(prefix: string): string {
    // Ids are bounded, and what follows makes them unique.
    return `${prefix.slice(0, 100)}-${this.#context.random.id()}`;
  }

  #admit(request: JoinGroupRequest, memberId?: string): Promise<JoinAnswer> | JoinAnswer {
    if (this.isFull) return refuse("GROUP_MAX_SIZE_REACHED");
    const { groupInstanceId, clientId } = request;
    const member = newMember(memberId ?? this.#newId(groupInstanceId ?? clientId), request);
    this.#rebalance.protocolType = request.protocolType;
    this.#add(member);
    return this.#await(member);
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
    const isSame = saysTheSame(member, request.protocols);
    this.renew(member);
    if (state === "CompletingRebalance" && isSame) return this.#rebalance.joined(member);
    const isLeader = member.memberId === this.#context.image.leader;
    if (state === "Stable" && isSame && !isLeader) return this.#rebalance.joined(member);
    this.#update(member, request);
    this.#rebalance.prepare();
    return this.#await(member);
  }

  #update(member: Member, request: JoinGroupRequest): void {
    const { clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request;
    Object.assign(member, {
      clientId,
      clientHost,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocols,
    });
  }

  /** A static member came back: under a new id, with the assignment of the old one where nothing changed. */
  #replace(known: Member, request: JoinGroupRequest): Promise<JoinAnswer> | JoinAnswer {
    const { image } = this.#context;
    const member = newMember(this.#newId(known.groupInstanceId!), request);
    const wasLeader = image.leader === known.memberId;
    const isSame = saysTheSame(known, request.protocols);
    if (image.members.has(known.memberId)) {
      const by = storedMember(member);
      const replaced = { type: "member-replaced", memberId: known.memberId, by } as const;
      this.#context.record(replaced, ...(isSame ? [] : [{ type: "rebalance-needed" } as const]));
    }
    this.#members.delete(known.memberId);
    this.#members.set(member.memberId, member);
    turnAway(known, "FENCED_INSTANCE_ID");
    this.renew(member);
    if (this.#rebalance.state === "Stable" && isSame) {
      const joined = this.#rebalance.joined(member);
      if (!wasLeader) return joined;
      // It leads, but is not asked to assign: nothing has changed (KIP-814; older ones are told of another leader).
      return request.supportsSkippingAssignment === true
        ? { ...joined, skipAssignment: true }
        : { ...joined, leader: known.memberId, members: [] };
    }
    this.#rebalance.prepare();
    return this.#await(member);
  }

  #await(member: Member): Promise<JoinAnswer> {
    // The same member over another connection: its former request is not waited for any more.
    turnAway(member, "REBALANCE_IN_PROGRESS");
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

function metadataBytes(protocols: JoinGroupRequest["protocols"]): number {
  let bytes = 0;
  for (const { name, metadata } of protocols) bytes += name.length + metadata.length;
  return bytes;
}
