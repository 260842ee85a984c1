/** Who gets which partitions, where the object itself computes it: for instances. Pure. */
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

/** The topics and partitions of an assignment's bytes; none where they are not readable. */
export function partitionsOf(assignment: Uint8Array): readonly TopicPartitions[] {
  return assignment.length === 0 ? [] : (decodeAssignment(assignment)?.partitions ?? []);
}

/** One by one. */
export function flat(topics: readonly TopicPartitions[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}

export function assignmentBytes(stored: string | undefined): Uint8Array {
  return stored === undefined ? EMPTY : fromBase64(stored);
}

export function storedAssignment(partitions: readonly TopicPartitions[]): string {
  return toBase64(encodeAssignment({ partitions, userData: null }, 1));
}

/** What an instance says of itself to a leader that brings its own assignor. */
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
  /** Of those who had more: what they have no more and may still be reading. */
  readonly revoking: (readonly [string, string])[];
}

/**
 * Under the cooperative assignor a partition that moves goes to nobody in this generation: its owner
 * gives it up first. Under the others everybody has given up everything when it joined.
 */
export function compute(
  assignor: AssignorName,
  members: readonly AssignedMember[],
  generationId: number,
  partitionCounts: ReadonlyMap<string, number>,
): Computed {
  const asked = members.map((member) => ({
    ...member,
    groupInstanceId: null,
    generation: generationId,
  }));
  // rule: partitions-move-when-given-up
  const found = assignPartitions(assignor, asked, partitionCounts);
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

/** What is owned and not given. */
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
