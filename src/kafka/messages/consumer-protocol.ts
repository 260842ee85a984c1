/**
 * What consumers tell each other through their group (the protocol type "consumer"): a subscription travels in the
 * metadata of JoinGroup, an assignment in SyncGroup. Shapes as of KIP-429 (owned partitions, version 1), KIP-792
 * (generation, version 2) and KIP-881 (rack, version 3); never the compact encoding. Both are opaque bytes to the
 * group itself.
 */
import { readSafely, MalformedMessage, Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

export interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

export interface ConsumerSubscription {
  readonly topics: readonly string[];
  readonly userData: Uint8Array | null;
  /** What the member owned when it sent this; used by the cooperative assignors. */
  readonly ownedPartitions: readonly TopicPartitions[];
  /** The generation in which it owned them; -1: none. */
  readonly generationId: number;
  readonly rackId: string | null;
}

export interface ConsumerAssignment {
  readonly partitions: readonly TopicPartitions[];
  readonly userData: Uint8Array | null;
}

/** The versions that are defined; each contains the fields of the ones before. */
export type ConsumerProtocolVersion = 0 | 1 | 2 | 3;

const VERSION_LATEST = 3;

/** Encodes a subscription; fields that `version` does not have are left out. */
export function encodeSubscription(
  subscription: ConsumerSubscription,
  version: ConsumerProtocolVersion = VERSION_LATEST,
): Uint8Array {
  const out = new Writer();
  out.int16(version);
  out.count(subscription.topics.length, false);
  for (const topic of subscription.topics) out.string(topic, false);
  out.blob(subscription.userData, false);
  if (version >= 1) writeTopics(out, subscription.ownedPartitions);
  if (version >= 2) out.int32(subscription.generationId);
  if (version >= 3) out.string(subscription.rackId, false);
  return out.bytes();
}

/**
 * Decodes a subscription; null where it is malformed. A version above 3 is read as 3, because later ones only append.
 * Fields that the version does not have, or that are cut off at the end, have their defaults. `userData` is a view of
 * `bytes`.
 */
export function decodeSubscription(bytes: Uint8Array): ConsumerSubscription | null {
  return readSafely(() => {
    const from = new Reader(bytes);
    const version = readVersion(from);
    const topics = readList(from, 2, readName);
    const userData = from.blob(false);
    const has = (since: number): boolean => version >= since && from.remaining > 0;
    const ownedPartitions = has(1) ? readTopics(from) : [];
    const generationId = has(2) ? from.int32() : -1;
    const rackId = has(3) ? from.string(false) : null;
    return { topics, userData, ownedPartitions, generationId, rackId };
  });
}

/** Encodes an assignment; all versions have the same fields. */
export function encodeAssignment(
  assignment: ConsumerAssignment,
  version: ConsumerProtocolVersion = VERSION_LATEST,
): Uint8Array {
  const out = new Writer();
  out.int16(version);
  writeTopics(out, assignment.partitions);
  out.blob(assignment.userData, false);
  return out.bytes();
}

/**
 * Decodes an assignment; null where it is malformed. Empty bytes mean that nothing is assigned: a member gets them if
 * its leader left it out. `userData` is a view of `bytes`.
 */
export function decodeAssignment(bytes: Uint8Array): ConsumerAssignment | null {
  if (bytes.byteLength === 0) return { partitions: [], userData: null };
  return readSafely(() => {
    const from = new Reader(bytes);
    readVersion(from);
    const partitions = readTopics(from);
    const userData = from.remaining > 0 ? from.blob(false) : null;
    return { partitions, userData };
  });
}

function readVersion(from: Reader): number {
  const version = from.int16();
  if (version < 0) throw new MalformedMessage("a negative version");
  return version;
}

function readName(from: Reader): string {
  const name = from.string(false);
  if (name === null) throw new MalformedMessage("a topic without a name");
  return name;
}

function readTopics(from: Reader): TopicPartitions[] {
  return readList(from, 6, () => ({
    topic: readName(from),
    partitions: readList(from, 4, () => from.int32()),
  }));
}

function readList<T>(from: Reader, bytesMin: number, read: (from: Reader) => T): T[] {
  const count = from.count(false, bytesMin);
  if (count === null) throw new MalformedMessage("a list that is missing");
  const list: T[] = [];
  for (let i = 0; i < count; i++) list.push(read(from));
  return list;
}

function writeTopics(out: Writer, topics: readonly TopicPartitions[]): void {
  out.count(topics.length, false);
  for (const { topic, partitions } of topics) {
    out.string(topic, false);
    out.count(partitions.length, false);
    for (const partition of partitions) out.int32(partition);
  }
}
