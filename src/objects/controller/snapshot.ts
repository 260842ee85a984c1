/**
 * The cluster image as text, in rows that the platform takes: pieces of JSON, gathered up to a bound
 * of bytes. Like changes, kinds of pieces and their fields are only added.
 */
import { assert } from "../../base/errors.ts";
import type { BrokerDescription, PartitionMetadata, TopicMetadata } from "./api.ts";
import type { ReplicaPlace } from "./changes.ts";
import {
  insertTopic,
  knownTopic,
  replaceTopic,
  type ClusterImage,
  type Pending,
} from "./cluster.ts";

/** leader, leader epoch, partition epoch, [broker id, generation, …] of the replicas, in-sync set */
type PackedPartition = readonly [number, number, number, readonly number[], readonly number[]];

type Piece =
  | {
      readonly type: "cluster";
      readonly version: number;
      readonly placedCount: number;
      readonly nextProducerId: number;
    }
  | ({ readonly type: "broker" } & BrokerDescription)
  | ({ readonly type: "topic" } & Omit<TopicMetadata, "partitions">)
  | {
      /** Partitions of a topic that comes before, numbered on from those that it has. */
      readonly type: "partitions";
      readonly topicId: string;
      readonly partitions: readonly PackedPartition[];
    }
  | {
      readonly type: "assignments" | "purges";
      readonly topicId: string;
      readonly sinceMs: number;
      readonly replicas: readonly ReplicaPlace[];
    };

/** Partitions placed alike share their lists in memory. */
type SharedLists = Map<string, Pick<PartitionMetadata, "replicas" | "inSync">>;

/** Partitions of one piece: even with a hundred replicas each they stay far below a row's bound. */
const PIECE_PARTITIONS_MAX = 250;

/** The image as texts of at most `bytesMax` UTF-8 bytes each, in order: the rows of a snapshot. */
export function* encodeSnapshot(image: ClusterImage, bytesMax: number): Generator<string> {
  const utf8 = new TextEncoder();
  let gathered: string[] = [];
  // The brackets; each piece brings its comma.
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

/** Adds one row of a snapshot to an image that has the rows before it. */
export function loadSnapshotRow(image: ClusterImage, text: string): void {
  const lists: SharedLists = new Map();
  for (const piece of JSON.parse(text) as Piece[]) loadPiece(image, piece, lists);
}

function* pieces(image: ClusterImage): Generator<Piece> {
  const { version, placedCount, nextProducerId } = image;
  yield { type: "cluster", version, placedCount, nextProducerId };
  for (const broker of image.brokers.values()) yield { type: "broker", ...broker };
  for (const { partitions, ...topic } of image.topics.values()) {
    yield { type: "topic", ...topic };
    for (let first = 0; first < partitions.length; first += PIECE_PARTITIONS_MAX) {
      const some = partitions.slice(first, first + PIECE_PARTITIONS_MAX);
      yield { type: "partitions", topicId: topic.topicId, partitions: some.map(packPartition) };
    }
  }
  for (const type of ["assignments", "purges"] as const) {
    for (const [topicId, { sinceMs, replicas }] of image[type]) {
      yield { type, topicId, sinceMs, replicas: [...replicas] };
    }
  }
}

function loadPiece(image: ClusterImage, piece: Piece, lists: SharedLists): void {
  switch (piece.type) {
    case "cluster":
      image.version = piece.version;
      image.placedCount = piece.placedCount;
      image.nextProducerId = piece.nextProducerId;
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
      const pending: Pending = { sinceMs: piece.sinceMs, replicas: new Set(piece.replicas) };
      image[piece.type].set(piece.topicId, pending);
      return;
    }
    default:
      piece satisfies never;
      assert(false, "a snapshot was written by newer code");
  }
}

function packPartition(partition: PartitionMetadata): PackedPartition {
  const { leader, leaderEpoch, partitionEpoch, replicas, inSync } = partition;
  const packed = replicas.flatMap(({ brokerId, generation }) => [brokerId, generation]);
  return [leader, leaderEpoch, partitionEpoch, packed, inSync];
}

function unpackPartition(
  partition: number,
  packed: PackedPartition,
  lists: SharedLists,
): PartitionMetadata {
  const [leader, leaderEpoch, partitionEpoch, replicas, inSync] = packed;
  const key = `${replicas.join()};${inSync.join()}`;
  let shared = lists.get(key);
  if (!shared) {
    shared = { replicas: unpackReplicas(replicas), inSync };
    lists.set(key, shared);
  }
  return { partition, leader, leaderEpoch, partitionEpoch, ...shared };
}

function unpackReplicas(packed: readonly number[]): PartitionMetadata["replicas"] {
  const replicas: { brokerId: number; generation: number }[] = [];
  for (let at = 0; at < packed.length; at += 2) {
    replicas.push({ brokerId: packed[at]!, generation: packed[at + 1]! });
  }
  return replicas;
}
