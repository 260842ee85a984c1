/** Assignments as they are recorded and sent, and how the object computes them for instances. Pure. */
import { fromBase64, toBase64 } from "../../../base/bytes.ts";
import {
  decodeAssignment,
  encodeAssignment,
  encodeSubscription,
} from "../../../kafka/messages/consumer-protocol.ts";
import { assignPartitions, type AssignorName } from "./assignors/index.ts";
import type { TopicPartitions } from "./assignors/types.ts";
import type { TopicPartition } from "../../contracts/offsets.ts";

const EMPTY = new Uint8Array(0);

/** The topics and partitions of an assignment's bytes; none where they cannot be decoded. */
export function partitionsOf(assignment: Uint8Array): readonly TopicPartitions[] {
  return assignment.length === 0 ? [] : (decodeAssignment(assignment)?.partitions ?? []);
}

/** One entry for each partition. */
export function flat(topics: readonly TopicPartitions[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}

/** The bytes of a recorded assignment (base64); none without one. */
export function assignmentBytes(stored: string | undefined): Uint8Array {
  return stored === undefined ? EMPTY : fromBase64(stored);
}

/** An assignment as it is recorded: base64. */
export function storedAssignment(partitions: readonly TopicPartitions[]): string {
  return toBase64(encodeAssignment({ partitions, userData: null }, 1));
}

/** An instance's metadata, for a leader that computes the assignment itself. */
export function instanceMetadata(
  topics: readonly string[],
  owned: readonly TopicPartitions[],
  generationId: number,
): Uint8Array {
  const userData = null;
  return encodeSubscription(
    { topics, userData, ownedPartitions: owned, generationId, rackId: null },
    owned.length === 0 ? 0 : 2,
  );
}

export interface AssignedMember {
  readonly memberId: string;
  readonly topics: readonly string[];
  readonly owned: readonly TopicPartitions[];
}

export interface Computed {
  /** As {@link storedAssignment}, by member id. */
  readonly assignments: (readonly [string, string])[];
  /** Partitions that members have lost and may still be reading, encoded alike; of members that have lost any. */
  readonly revoking: (readonly [string, string])[];
}

/**
 * Computes an assignment. Under the cooperative assignor a partition that moves has no owner in this
 * generation, because its owner has to give it up first (KIP-429). Under the others every member has given up all
 * its partitions by joining.
 */
export function compute(
  assignor: AssignorName,
  members: readonly AssignedMember[],
  generationId: number,
  partitionCounts: ReadonlyMap<string, number>,
): Computed {
  const assignorMembers = members.map((member) => ({
    ...member,
    groupInstanceId: null,
    generation: generationId,
  }));
  // rule: partitions-move-when-given-up
  const found = assignPartitions(assignor, assignorMembers, partitionCounts);
  const assignments: [string, string][] = [];
  const revoking: [string, string][] = [];
  for (const { memberId, owned } of members) {
    const given = found.get(memberId) ?? [];
    assignments.push([memberId, storedAssignment(given)]);
    const lost = assignor === "cooperative-sticky" ? without(owned, given) : [];
    // rule: what-moves-is-given-up-first
    if (lost.length > 0) revoking.push([memberId, storedAssignment(lost)]);
  }
  return { assignments, revoking };
}

/** The owned partitions that are not among the given. */
export function without(
  owned: readonly TopicPartitions[],
  given: readonly TopicPartitions[],
): TopicPartitions[] {
  const kept = new Map(given.map(({ topic, partitions }) => [topic, new Set(partitions)]));
  return owned
    .map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.filter((partition) => kept.get(topic)?.has(partition) !== true),
    }))
    .filter(({ partitions }) => partitions.length > 0);
}
