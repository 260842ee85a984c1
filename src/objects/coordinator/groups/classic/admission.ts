/**
 * Whether a member may join: bounds of its request, a protocol in common with the others, and room in the group.
 * Reads the members, alters nothing.
 */
import { refuse, type Refusal } from "../../../../base/errors.ts";
import { groupNameProblem } from "../../../../base/ids.ts";
import { GROUP_METADATA_BYTES_MAX, MEMBER_METADATA_BYTES_MAX } from "../../../../base/limits.ts";
import type { InstanceSpec } from "../../../contracts/instances.ts";
import type { JoinGroupRequest } from "../../../contracts/members.ts";
import type { GroupContext } from "../ports.ts";
import { CONSUMER, metadataBytes, staticMemberOf } from "./members.ts";
import type { Rebalance } from "./rebalance.ts";

export class Admission {
  readonly #context: GroupContext;
  readonly #rebalance: Rebalance;

  constructor(context: GroupContext, rebalance: Rebalance) {
    this.#context = context;
    this.#rebalance = rebalance;
  }

  get isFull(): boolean {
    return this.#rebalance.members.size >= this.#context.config["group.max.size"];
  }

  /**
   * What is wrong with a request by itself, whatever the group's state; null when nothing is.
   * INVALID_SESSION_TIMEOUT, INVALID_REQUEST, INCONSISTENT_GROUP_PROTOCOL.
   */
  refusalOfRequest(request: JoinGroupRequest): Refusal | null {
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
    if (metadataBytes(protocols) > MEMBER_METADATA_BYTES_MAX) {
      return refuse("INVALID_REQUEST", "The member's metadata is too long.");
    }
    if (protocolType === "" || protocols.length === 0) {
      return refuse("INCONSISTENT_GROUP_PROTOCOL", "A member names a protocol type and protocols.");
    }
    return null;
  }

  /**
   * Why the group as it is cannot take the member; null where it can. GROUP_MAX_SIZE_REACHED (metadata),
   * INCONSISTENT_GROUP_PROTOCOL.
   */
  refusalOfMember(request: JoinGroupRequest): Refusal | null {
    if (!this.#hasRoomFor(request)) {
      return refuse("GROUP_MAX_SIZE_REACHED", "Together the members' metadata is too long.");
    }
    return this.#supports(request) ? null : refuse("INCONSISTENT_GROUP_PROTOCOL");
  }

  /** The same for an instance that is no member yet. INCONSISTENT_GROUP_PROTOCOL, GROUP_MAX_SIZE_REACHED. */
  refusalOfInstance({ assignors }: InstanceSpec): Refusal | null {
    const { protocolType } = this.#rebalance;
    const isFit = protocolType === CONSUMER && this.#sharesProtocol(assignors, null);
    if (!isFit) return refuse("INCONSISTENT_GROUP_PROTOCOL");
    return this.isFull ? refuse("GROUP_MAX_SIZE_REACHED") : null;
  }

  #supports(request: JoinGroupRequest): boolean {
    const { members, protocolType } = this.#rebalance;
    if (members.size === 0) return true;
    if (request.protocolType !== protocolType) return false;
    const { groupInstanceId, memberId } = request;
    const self =
      groupInstanceId === null
        ? memberId
        : (staticMemberOf(members, groupInstanceId)?.memberId ?? null);
    return this.#sharesProtocol(
      request.protocols.map(({ name }) => name),
      self,
    );
  }

  /** Whether the metadata of all members stays within what the object can record and answer at once. */
  #hasRoomFor({ memberId, groupInstanceId, protocols }: JoinGroupRequest): boolean {
    let bytes = metadataBytes(protocols);
    for (const member of this.#rebalance.members.values()) {
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
    const members = [...this.#rebalance.members.values()];
    const others = members.filter(({ memberId }) => memberId !== self);
    const lists = others.map((member) => this.#rebalance.protocolNames(member));
    return names.some((name) => lists.every((list) => list.includes(name)));
  }
}
