/** Which names are legal, and how the names of Durable Objects are built. */
import { toHex } from "./bytes.ts";
import {
  GROUP_ID_BYTES_MAX,
  GROUP_NAME_LENGTH_MAX,
  INT_MAX,
  TOPIC_NAME_LENGTH_MAX,
} from "./limits.ts";

/** The one controller object's name. */
export const CONTROLLER_NAME = "controller";

/** Stands for no topic where an id could be. */
export const NO_TOPIC_ID = "0".repeat(32);

/** The place of one replica: what its object's name is made of. */
export interface ReplicaName {
  /** Unique per creation of a topic: 32 lower-case hexadecimal digits. */
  readonly topicId: string;
  readonly partition: number;
  readonly brokerId: number;
  /** Counts the replicas that a (partition, broker) pair has had; a moved replica is a new object. */
  readonly generation: number;
}

/** `<topicId>/<partition>/<brokerId>/<generation>` */
export function replicaObjectName(name: ReplicaName): string {
  return `${name.topicId}/${name.partition}/${name.brokerId}/${name.generation}`;
}

/** The reverse of {@link replicaObjectName}; null where the text is not such a name. */
export function parseReplicaObjectName(text: string): ReplicaName | null {
  const match = /^([0-9a-f]{32})\/(\d{1,10})\/(\d{1,10})\/(\d{1,10})$/.exec(text);
  if (!match) return null;
  return {
    topicId: match[1]!,
    partition: Number(match[2]),
    brokerId: Number(match[3]),
    generation: Number(match[4]),
  };
}

/** Kafka's rule for topic names (org.apache.kafka.common.internals.Topic): null when legal, else what is wrong. */
export function topicNameProblem(name: string): string | null {
  if (name.length === 0) return "A topic name must not be empty.";
  if (name === "." || name === "..") return "A topic name must not be '.' or '..'.";
  if (name.length > TOPIC_NAME_LENGTH_MAX) {
    return `A topic name has at most ${TOPIC_NAME_LENGTH_MAX} characters.`;
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return "A topic name consists of ASCII letters, digits, '.', '_' and '-'.";
  }
  return null;
}

/**
 * Parses decimal digits as a whole number of 0 … 2^53 - 1; null for anything else (signs, blanks, exponents, too
 * large).
 */
export function parseWhole(text: string): number | null {
  if (!/^\d{1,16}$/.test(text)) return null;
  const n = Number(text);
  return n <= INT_MAX ? n : null;
}

const GROUP_PREFIX = "group/";
const NOT_WELL_FORMED = "The name is not well-formed text.";

/** The name of a group's object. Transactional ids would get a prefix of their own. */
export function groupObjectName(groupId: string): string {
  return GROUP_PREFIX + groupId;
}

/** Whether the id is too long to be part of its object's name: the object is told the id, and stores it. */
export function isLongGroupId(groupId: string): boolean {
  return groupId.length > GROUP_NAME_LENGTH_MAX;
}

/** As {@link groupObjectName} for a long id, by its digest: the platform returns names of up to 1,024 bytes. */
export function longGroupObjectName(digest: Uint8Array): string {
  return `long-group/${toHex(digest)}`;
}

/** The reverse of {@link groupObjectName}; null where the text is not such a name. */
export function parseGroupObjectName(text: string): string | null {
  return text.startsWith(GROUP_PREFIX) ? text.slice(GROUP_PREFIX.length) : null;
}

/** What is wrong with a group's id, which may be empty where the group has only offsets; null when it is legal. */
export function groupIdProblem(groupId: string): string | null {
  const isLong =
    groupId.length * 3 > GROUP_ID_BYTES_MAX &&
    new TextEncoder().encode(groupId).length > GROUP_ID_BYTES_MAX;
  if (isLong) return `A group's id has at most ${GROUP_ID_BYTES_MAX} bytes.`;
  return groupId.isWellFormed() ? null : NOT_WELL_FORMED;
}

/** What is wrong with the name of a member or an instance; null when it is legal. */
export function groupNameProblem(name: string): string | null {
  if (name.length === 0) return "The name must not be empty.";
  if (name.length > GROUP_NAME_LENGTH_MAX) {
    return `The name has at most ${GROUP_NAME_LENGTH_MAX} characters.`;
  }
  // Lone surrogates cannot be encoded as UTF-8: two names would become the same.
  return name.isWellFormed() ? null : NOT_WELL_FORMED;
}
