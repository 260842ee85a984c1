/**
 * What the next generation of a group is made of: its protocol, its leader, and, where all members are instances,
 * the assignments that the object computes itself. Returns changes, records none.
 */
import { assert } from "../../../../base/errors.ts";
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
import type { Change, TopicBaseline } from "../image/changes.ts";
import type { GroupContext } from "../ports.ts";
import { subscriptionKeys, type Topics } from "../topics.ts";
import { metadataUnder, storedMember, type Member, type Members } from "./members.ts";

export class Generations {
  readonly #context: GroupContext;
  readonly #topics: Topics;
  readonly #members: Members;
  /** The assignments of the generation before, while the present one has none yet; as the image's. */
  #previousAssignments: ReadonlyMap<string, string> = new Map();

  constructor(context: GroupContext, topics: Topics, members: Members) {
    this.#context = context;
    this.#topics = topics;
    this.#members = members;
  }

  get isOfInstances(): boolean {
    for (const { isInstance } of this.#members.values()) if (!isInstance) return false;
    return true;
  }

  /** The names of the protocols that a member supports, in order of preference. */
  protocolNames(member: Member): readonly string[] {
    if (!member.isInstance) return member.protocols.map(({ name }) => name);
    return this.#context.image.instances.get(member.memberId)?.spec.assignors ?? [];
  }

  /** The protocol that all members support and most prefer; among equals the one whose name comes first. */
  electProtocol(): string {
    const lists = [...this.#members.values()].map((member) => this.protocolNames(member));
    const common = (lists[0] ?? []).filter((name) => lists.every((list) => list.includes(name)));
    assert(common.length > 0, "members without a protocol in common");
    const votes = new Map<string, number>();
    for (const list of lists) {
      const vote = list.find((name) => common.includes(name))!;
      votes.set(vote, (votes.get(vote) ?? 0) + 1);
    }
    return [...votes].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]![0];
  }

  /** Begins the next generation, and assigns its partitions where all members are instances. */
  begin(protocolType: string, protocolName: string): readonly Change[] {
    const changes = [
      this.#generationChange(protocolType, protocolName),
      ...this.#ownAssignment(protocolName),
    ];
    this.#previousAssignments = new Map(this.#context.image.assignments);
    return changes;
  }

  /**
   * What the leader's assignments take from instances under a cooperative protocol; they may be reading it still.
   * By member id, encoded as an assignment. The leader assigns it to no other member before they have joined again (KIP-429).
   */
  revokedFrom(
    given: readonly { readonly memberId: string; readonly assignment: Uint8Array }[],
  ): readonly (readonly [string, string])[] {
    // rule: leaders-of-others-take-nothing-at-once
    if (this.#context.image.protocolName !== "cooperative-sticky") return [];
    return given.flatMap(({ memberId, assignment }) => {
      if (this.#members.get(memberId)?.isInstance !== true) return [];
      const held = partitionsOf(assignmentBytes(this.#previousAssignments.get(memberId)));
      const lost = without(held, partitionsOf(assignment));
      return lost.length === 0 ? [] : [[memberId, storedAssignment(lost)] as const];
    });
  }

  /** A member's metadata under the protocol; an instance's is made from its subscription. */
  metadataOf(member: Member, protocolName: string): Uint8Array {
    if (!member.isInstance) return metadataUnder(member, protocolName);
    const { topics, owned } = this.#assignedMember(member);
    return instanceMetadata(topics, owned, this.#context.image.generationId);
  }

  /**
   * {@link Topics.fingerprint} at the time of the recorded assignment, as far as the assignment shows it: `now`
   * where every partition of the topics is assigned, else a text that differs from it.
   */
  recordedFingerprint(now: string): string {
    const { assignments, revoking } = this.#context.image;
    const counts = new Map<string, number>();
    const count = (stored: string): void => {
      for (const { topic, partitions } of partitionsOf(assignmentBytes(stored))) {
        counts.set(topic, (counts.get(topic) ?? 0) + partitions.length);
      }
    };
    for (const stored of assignments.values()) count(stored);
    // rule: what-is-being-given-up-was-assigned
    for (const stored of revoking.values()) count(stored);
    const isWhole = now
      .split(" ")
      .filter((entry) => entry !== "")
      .every((entry) => {
        const [topic, , partitions] = entry.split(":");
        return (counts.get(topic!) ?? 0) === Number(partitions);
      });
    return isWhole ? now : "";
  }

  #generationChange(protocolType: string, protocolName: string): Change {
    const { image } = this.#context;
    const all = [...this.#members.values()];
    const joined = all.filter(({ hasJoined }) => hasJoined);
    const stays = joined.find(
      ({ memberId, isInstance }) => memberId === image.leader && !isInstance,
    );
    const leader = stays ?? joined.find(({ isInstance }) => !isInstance) ?? joined[0]!;
    return {
      type: "generation-began",
      generationId: image.generationId + 1,
      protocolType,
      protocolName,
      leader: leader.memberId,
      members: all.map(storedMember),
      seen: this.#newBaselines(),
      looked: this.#newlyResolved(),
    };
  }

  #ownAssignment(protocolName: string): Change[] {
    if (!this.isOfInstances) return [];
    assert((ASSIGNORS as readonly string[]).includes(protocolName), "an assignor is not known");
    const members = [...this.#members.values()].map((member) => this.#assignedMember(member));
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
    const assignments = image.isAssigned ? image.assignments : this.#previousAssignments;
    const stored = assignments.get(memberId);
    return { memberId, topics, owned: partitionsOf(assignmentBytes(stored)) };
  }

  /**
   * Baselines of topics that a subscription covers for the first time. A topic that did not exist when the
   * subscription was resolved before is new as a whole, and so is one that was created again (KAFKA-20035).
   */
  #newBaselines(): TopicBaseline[] {
    const { topicBaselines, resolvedSubscriptions, instances } = this.#context.image;
    const found = new Map<string, TopicBaseline>();
    for (const { subscription } of instances.values()) {
      if (subscription === null) continue;
      const keys = subscriptionKeys(subscription);
      const wasResolved = keys.every((key) => resolvedSubscriptions.has(key));
      for (const topic of this.#topics.covered(subscription)) {
        const { topicId = "", partitions = 0 } = this.#topics.get(topic) ?? {};
        const known = topicBaselines.get(topic);
        if (known !== undefined && (known.topicId === topicId || topicId === "")) continue;
        const isNew = wasResolved || known !== undefined;
        found.set(topic, { topic, topicId, partitions: isNew ? 0 : partitions });
      }
    }
    return [...found.values()];
  }

  #newlyResolved(): string[] {
    const { instances, resolvedSubscriptions } = this.#context.image;
    const keys = new Set<string>();
    for (const { subscription } of instances.values()) {
      if (subscription === null) continue;
      for (const key of subscriptionKeys(subscription)) {
        if (!resolvedSubscriptions.has(key)) keys.add(key);
      }
    }
    return [...keys];
  }
}
