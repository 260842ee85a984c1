/**
 * The cluster image as text: pieces of JSON, gathered into rows of a bounded size. Kinds of pieces and their fields
 * are only ever added, like those of changes.
 */
import { assert } from "../../../base/errors.ts";
import type {
  BrokerDescription,
  PartitionMetadata,
  TopicMetadata,
} from "../../contracts/controller.ts";
import type { ReplicaKey } from "./changes.ts";
import {
  insertTopic,
  knownTopic,
  replaceTopic,
  type ClusterImage,
  type ImageCounts,
} from "./cluster.ts";
import type { Pending } from "./pending.ts";

/** Fields that few partitions have. */
type Rare = Pick<PartitionMetadata, "adding" | "removing" | "uncleanEpoch" | "unfounded">;

/** Leader, leader epoch, partition epoch, [broker id, generation, …] of the replicas, in-sync set, rare fields. */
type PackedPartition = readonly [
  number,
  number,
  number,
  readonly number[],
  readonly number[],
  Rare?,
];

type Piece =
  | {
      readonly type: "cluster";
      readonly version: number;
      readonly placedCount: number;
      readonly nextProducerId: number;
      /** Absent in older snapshots, when nothing was counted. */
      readonly counts?: ImageCounts;
    }
  | ({ readonly type: "broker" } & BrokerDescription)
  | ({ readonly type: "topic" } & Omit<TopicMetadata, "partitions">)
  | {
      /** Further partitions of a topic that stands before; their numbers follow those it has. */
      readonly type: "partitions";
      readonly topicId: string;
      readonly partitions: readonly PackedPartition[];
    }
  | {
      /** Of one topic; where it has very many there are several such pieces. */
      readonly type: "assignments" | "purges";
      readonly topicId: string;
      readonly sinceMs: number;
      readonly replicas: readonly ReplicaKey[];
      /** Those that are unconfirmed, see {@link Pending}. Absent in older ones, whose assignments all were the first. */
      readonly marked?: readonly ReplicaKey[];
    }
  | {
      /** Of one topic; there may be several such pieces. */
      readonly type: "generations";
      readonly topicId: string;
      readonly last: readonly (readonly [string, number])[];
    }
  | { readonly type: "groups"; readonly groups: readonly (readonly [string, number])[] };

/** Partitions with the same placement share their lists in memory. */
type SharedLists = Map<string, Pick<PartitionMetadata, "replicas" | "inSync">>;

/** Partitions of one piece: even with a hundred replicas each they stay far below the size of a row. */
const PIECE_PARTITIONS_MAX = 250;
const PIECE_GENERATIONS_MAX = 2_000;
/** Replicas of one piece: more than a topic has at a time, but removed ones that wait to be purged add up. */
const PIECE_REPLICAS_MAX = 20_000;
/** Bytes of one piece of groups: ids may be long, and JSON may write each of their UTF-16 units as six bytes. */
const PIECE_GROUPS_BYTES_MAX = 500_000;
const UNIT_BYTES_MAX = 6;
const GROUP_BYTES = 30;

/** The image as texts of at most `bytesMax` UTF-8 bytes each, in order: the rows of a snapshot. */
export function* encodeSnapshot(image: ClusterImage, bytesMax: number): Generator<string> {
  const utf8 = new TextEncoder();
  let gathered: string[] = [];
  // Two brackets; each piece adds its comma.
  let bytes = 2;
  for (const piece of pieces(image)) {
    const text = JSON.stringify(piece);
    const added = utf8.encode(text).length + 1;
    assert(added + 2 <= bytesMax, `a piece of a snapshot takes ${added} bytes`);
    if (bytes + added > bytesMax) {
      yield `[${gathered.join(",")}]`;
      gathered = [];
      bytes = 2;
    }
    gathered.push(text);
    bytes += added;
  }
  yield `[${gathered.join(",")}]`;
}

/** Loads one row of a snapshot into an image that has the rows before it. */
export function loadSnapshotRow(image: ClusterImage, text: string): void {
  const lists: SharedLists = new Map();
  for (const piece of JSON.parse(text) as Piece[]) loadPiece(image, piece, lists);
}

function* pieces(image: ClusterImage): Generator<Piece> {
  const { version, placedCount, nextProducerId, counts } = image;
  yield { type: "cluster", version, placedCount, nextProducerId, counts };
  for (const broker of image.brokers.values()) yield { type: "broker", ...broker };
  for (const { partitions, ...topic } of image.topics.values()) {
    yield { type: "topic", ...topic };
    for (let first = 0; first < partitions.length; first += PIECE_PARTITIONS_MAX) {
      const some = partitions.slice(first, first + PIECE_PARTITIONS_MAX);
      yield { type: "partitions", topicId: topic.topicId, partitions: some.map(packPartition) };
    }
  }
  for (const type of ["assignments", "purges"] as const) {
    for (const [topicId, { sinceMs, replicas, unconfirmed }] of image[type]) {
      const [all, marked] = [[...replicas], [...unconfirmed]];
      for (let first = 0; first === 0 || first < all.length; first += PIECE_REPLICAS_MAX) {
        const end = first + PIECE_REPLICAS_MAX;
        const some = { replicas: all.slice(first, end), marked: marked.slice(first, end) };
        yield { type, topicId, sinceMs, ...some };
      }
    }
  }
  for (const [topicId, generations] of image.generations) {
    const last = [...generations];
    for (let first = 0; first < last.length; first += PIECE_GENERATIONS_MAX) {
      const some = last.slice(first, first + PIECE_GENERATIONS_MAX);
      yield { type: "generations", topicId, last: some };
    }
  }
  yield* groupPieces(image.groups);
}

function* groupPieces(groups: ClusterImage["groups"]): Generator<Piece> {
  let some: [string, number][] = [];
  let bytes = 0;
  for (const entry of groups) {
    const added = entry[0].length * UNIT_BYTES_MAX + GROUP_BYTES;
    if (bytes + added > PIECE_GROUPS_BYTES_MAX && some.length > 0) {
      yield { type: "groups", groups: some };
      some = [];
      bytes = 0;
    }
    some.push([...entry]);
    bytes += added;
  }
  if (some.length > 0) yield { type: "groups", groups: some };
}

function loadPiece(image: ClusterImage, piece: Piece, lists: SharedLists): void {
  switch (piece.type) {
    case "cluster":
      image.version = piece.version;
      image.placedCount = piece.placedCount;
      image.nextProducerId = piece.nextProducerId;
      image.counts = { ...image.counts, ...piece.counts };
      return;
    case "broker": {
      const { type: _, ...broker } = piece;
      image.brokers.set(broker.brokerId, broker);
      return;
    }
    case "topic": {
      const { type: _, ...topic } = piece;
      insertTopic(image, { ...topic, partitions: [] });
      return;
    }
    case "partitions": {
      const topic = knownTopic(image, piece.topicId);
      const first = topic.partitions.length;
      const more = piece.partitions.map((packed, n) => unpackPartition(first + n, packed, lists));
      replaceTopic(image, topic, { ...topic, partitions: [...topic.partitions, ...more] });
      return;
    }
    case "assignments":
    case "purges": {
      const { type, topicId, sinceMs, replicas } = piece;
      const unconfirmed = piece.marked ?? (type === "assignments" ? replicas : []);
      const before: Pending | undefined = image[type].get(topicId);
      image[type].set(topicId, {
        sinceMs,
        replicas: new Set([...(before?.replicas ?? []), ...replicas]),
        unconfirmed: new Set([...(before?.unconfirmed ?? []), ...unconfirmed]),
      });
      return;
    }
    case "generations": {
      const generations = image.generations.get(piece.topicId) ?? new Map<string, number>();
      for (const [key, last] of piece.last) generations.set(key, last);
      image.generations.set(piece.topicId, generations);
      return;
    }
    case "groups":
      for (const [groupId, sinceMs] of piece.groups) image.groups.set(groupId, sinceMs);
      return;
    default:
      piece satisfies never;
      assert(false, "a snapshot was written by newer code");
  }
}

function packPartition(partition: PartitionMetadata): PackedPartition {
  const { leader, leaderEpoch, partitionEpoch, replicas, inSync } = partition;
  const { adding, removing, uncleanEpoch, unfounded } = partition;
  const packed = replicas.flatMap(({ brokerId, generation }) => [brokerId, generation]);
  const usual = [leader, leaderEpoch, partitionEpoch, packed, inSync] as const;
  const rare: Rare = {
    ...(adding ? { adding } : {}),
    ...(removing ? { removing } : {}),
    ...(uncleanEpoch === undefined ? {} : { uncleanEpoch }),
    ...(unfounded && { unfounded }),
  };
  return Object.keys(rare).length === 0 ? usual : [...usual, rare];
}

function unpackPartition(
  partition: number,
  packed: PackedPartition,
  lists: SharedLists,
): PartitionMetadata {
  const [leader, leaderEpoch, partitionEpoch, replicas, inSync, rare] = packed;
  const key = `${replicas.join()};${inSync.join()}`;
  let shared = lists.get(key);
  if (!shared) {
    shared = { replicas: unpackReplicas(replicas), inSync };
    lists.set(key, shared);
  }
  return { partition, leader, leaderEpoch, partitionEpoch, ...shared, ...rare };
}

function unpackReplicas(packed: readonly number[]): PartitionMetadata["replicas"] {
  const replicas: { brokerId: number; generation: number }[] = [];
  for (let at = 0; at < packed.length; at += 2) {
    replicas.push({ brokerId: packed[at]!, generation: packed[at + 1]! });
  }
  return replicas;
}
