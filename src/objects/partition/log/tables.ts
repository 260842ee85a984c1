/**
 * The persisted shapes of a partition replica: tables, rows, and how they are read and written. Append-only: a column or
 * a table may be added, none may change its meaning.
 *
 * Storage is billed by rows written, so a flush is one row and there is no secondary index. The table of fencing tokens is
 * in fencing.ts, because it is not made before there is one.
 */
import { assert } from "../../../base/errors.ts";
import type { SqlRow, StoragePort } from "../../../base/ports.ts";
import { parseStored } from "../../../base/storage-failure.ts";
import type { CopiedFacts, ReplicatedChunk } from "../../contracts/replication.ts";
import type { ReplicaAssignment } from "../../contracts/assignment.ts";

const TABLES = [
  `CREATE TABLE IF NOT EXISTS replica (id INTEGER PRIMARY KEY CHECK (id = 0), state TEXT NOT NULL)`,
  // The small columns precede the blob: reading them never touches its overflow pages.
  `CREATE TABLE IF NOT EXISTS chunks (
     base_offset INTEGER PRIMARY KEY,
     last_offset INTEGER NOT NULL,
     leader_epoch INTEGER NOT NULL,
     max_timestamp INTEGER NOT NULL,
     position INTEGER NOT NULL,
     size_bytes INTEGER NOT NULL,
     segment_base INTEGER NOT NULL,
     segment_position INTEGER NOT NULL,
     segment_started_ms INTEGER NOT NULL,
     segment_chunks INTEGER NOT NULL,
     producers_from INTEGER,
     producers TEXT,
     high_watermark INTEGER NOT NULL,
     data BLOB NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS segments (
     base_offset INTEGER PRIMARY KEY,
     last_offset INTEGER NOT NULL,
     position INTEGER NOT NULL,
     size_bytes INTEGER NOT NULL,
     max_timestamp INTEGER NOT NULL,
     closed_ms INTEGER NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS producer_snapshot (
     part INTEGER PRIMARY KEY,
     next_offset INTEGER NOT NULL,
     entries TEXT NOT NULL)`,
];

/** The latest pass of scrubbing: see scrub.ts. */
export interface ScrubState {
  readonly beganMs: number;
  /** The offset at which the pass continues; absent once it is complete. */
  readonly next?: number;
}

/** The one row of `replica`: everything that is not derived from the chunks. */
export interface ReplicaState {
  readonly version: 1;
  readonly assignment: ReplicaAssignment;
  /** The first offset that readers may ask for. Also the first that the replica stores: see starts.ts. */
  readonly logStartOffset: number;
  /** The end of the log when the row was written. It is the present end only while there is no chunk. */
  readonly emptyAt: {
    readonly offset: number;
    readonly position: number;
    /** Of the last chunk there was; absent in rows from before replication. */
    readonly leaderEpoch?: number;
  };
  /** The storage was lost, and the log is not copied completely yet. */
  readonly wasReset?: boolean;
  /** A stored chunk is not what was written, and the log is not given up yet. */
  readonly isCorrupt?: boolean;
  /**
   * The pending in-sync set, which this leader has asked for under the assignment's partition epoch: it may have been
   * decided while the object was reset.
   */
  readonly wished?: readonly number[];
  /**
   * The exact high watermark of a leader, while it stalls because its in-sync set is smaller than min.insync.replicas.
   * Absent if it may move, or is not known.
   */
  readonly standsAt?: number;
  /** How far stored chunks were verified. Absent if the topic has never asked for it. */
  readonly scrub?: ScrubState;
}

/** The row of a chunk without its data, which is whole batches. */
export interface ChunkFacts extends CopiedFacts, SqlRow {
  /** Base offset of the first chunk with producers' entries that the snapshot lacks; null if it lacks none. */
  readonly producers_from: number | null;
  /** The high watermark that the replica knew when it wrote the row: its first one after waking up. */
  readonly high_watermark: number;
}

/** A closed segment, as retention and look-ups by time use it. */
export interface SegmentFacts extends SqlRow {
  readonly base_offset: number;
  readonly last_offset: number;
  readonly position: number;
  readonly size_bytes: number;
  /** -1 if none of its records has a timestamp. */
  readonly max_timestamp: number;
  readonly closed_ms: number;
}

const COPIED_FACTS = `base_offset, last_offset, leader_epoch, max_timestamp, position, size_bytes,
  segment_base, segment_position, segment_started_ms, segment_chunks, producers`;

const CHUNK_FACTS = `${COPIED_FACTS}, producers_from, high_watermark`;

const SEGMENT_FACTS = "base_offset, last_offset, position, size_bytes, max_timestamp, closed_ms";

export function createTables(storage: StoragePort): void {
  for (const table of TABLES) storage.all(table);
}

/** Null for an object that was never assigned, or was purged: it has no tables, and this creates none. */
export function readReplicaState(storage: StoragePort): ReplicaState | null {
  const table = storage.all("SELECT 1 AS found FROM sqlite_master WHERE name = 'replica'");
  if (table.length === 0) return null;
  const row = storage.all<{ state: string }>("SELECT state FROM replica WHERE id = 0")[0];
  if (!row) return null;
  const state = parseStored(row.state, "the replica's state") as ReplicaState;
  assert(state.version === 1, "the replica's state row has a version this code knows");
  return state;
}

export function writeReplicaState(storage: StoragePort, state: ReplicaState): void {
  storage.all("INSERT OR REPLACE INTO replica (id, state) VALUES (0, ?)", JSON.stringify(state));
}

export function insertChunk(storage: StoragePort, chunk: ChunkFacts, data: Uint8Array): void {
  storage.all(
    `INSERT INTO chunks (${CHUNK_FACTS}, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    chunk.base_offset,
    chunk.last_offset,
    chunk.leader_epoch,
    chunk.max_timestamp,
    chunk.position,
    chunk.size_bytes,
    chunk.segment_base,
    chunk.segment_position,
    chunk.segment_started_ms,
    chunk.segment_chunks,
    chunk.producers,
    chunk.producers_from,
    chunk.high_watermark,
    data,
  );
}

export function lastChunk(storage: StoragePort): ChunkFacts | null {
  const sql = `SELECT ${CHUNK_FACTS} FROM chunks ORDER BY base_offset DESC LIMIT 1`;
  return storage.all<ChunkFacts>(sql)[0] ?? null;
}

/** The first chunk that begins at or above `from`. */
export function firstChunk(storage: StoragePort, from = 0): ChunkFacts | null {
  const sql = `SELECT ${CHUNK_FACTS} FROM chunks WHERE base_offset >= ? ORDER BY base_offset LIMIT 1`;
  return storage.all<ChunkFacts>(sql, from)[0] ?? null;
}

/** Byte position of the chunk that begins at `offset`; null if none does. */
export function positionOfChunk(storage: StoragePort, offset: number): number | null {
  const sql = "SELECT position FROM chunks WHERE base_offset = ?";
  return storage.all<{ position: number }>(sql, offset)[0]?.position ?? null;
}

/** Leader epoch of the chunk that ends right before `offset`; -1 if none does. */
export function epochBelow(storage: StoragePort, offset: number): number {
  const chunk = chunkAtOrBelow(storage, offset - 1);
  return chunk?.last_offset === offset - 1 ? chunk.leader_epoch : -1;
}

/** The chunk that holds `offset`, or else the one before it; null if there is neither. */
export function chunkAtOrBelow(storage: StoragePort, offset: number): ChunkFacts | null {
  const sql = `SELECT ${CHUNK_FACTS} FROM chunks WHERE base_offset <= ? ORDER BY base_offset DESC LIMIT 1`;
  return storage.all<ChunkFacts>(sql, offset)[0] ?? null;
}

/** Base offset of the chunk that holds `offset`, or else of the one before it; null if there is neither. */
export function chunkBaseAtOrBelow(storage: StoragePort, offset: number): number | null {
  const sql = `SELECT base_offset FROM chunks WHERE base_offset <= ? ORDER BY base_offset DESC LIMIT 1`;
  return storage.all<{ base_offset: number }>(sql, offset)[0]?.base_offset ?? null;
}

/**
 * Base offset of the last chunk to read for a page of `maxBytes` that begins in the chunk at `base`. A chunk that does
 * not fit as a whole is left to the next page, so that its blob is not read twice, unless this page would then have
 * fewer bytes than `leastBytes`: half a page for readers.
 */
export function lastChunkOfPage(
  storage: StoragePort,
  base: number,
  below: number,
  maxBytes: number,
  leastBytes = maxBytes / 2,
): number {
  let last = base;
  let bytes = 0;
  storage.each<{ base_offset: number; size_bytes: number }>(
    `SELECT base_offset, size_bytes FROM chunks
     WHERE base_offset >= ? AND base_offset < ? ORDER BY base_offset`,
    [base, below],
    (row) => {
      const fits = bytes + row.size_bytes <= maxBytes;
      if (fits || bytes < leastBytes) last = row.base_offset;
      bytes += row.size_bytes;
      return fits;
    },
  );
  return last;
}

/** The chunks with base offsets in [from, to] and their data, as another replica gets them. */
export function chunksWithin(storage: StoragePort, from: number, to: number): ReplicatedChunk[] {
  const chunks: ReplicatedChunk[] = [];
  storage.each<CopiedFacts & SqlRow & { data: ArrayBuffer }>(
    `SELECT ${COPIED_FACTS}, data FROM chunks
     WHERE base_offset BETWEEN ? AND ? ORDER BY base_offset`,
    [from, to],
    ({ data, ...facts }) => {
      chunks.push({ facts, data: new Uint8Array(data) });
      return true;
    },
  );
  return chunks;
}

/** The first chunk with a base offset in [from, to] whose newest record is not older than `timestampMs`. */
export function firstChunkSince(
  storage: StoragePort,
  from: number,
  to: number,
  timestampMs: number,
): ChunkFacts | null {
  const sql = `SELECT ${CHUNK_FACTS} FROM chunks
    WHERE base_offset BETWEEN ? AND ? AND max_timestamp >= ? ORDER BY base_offset LIMIT 1`;
  return storage.all<ChunkFacts>(sql, from, to, timestampMs)[0] ?? null;
}

/** The newest timestamp in chunks with base offsets in [from, to]; null if there are none. Reads small columns only. */
export function maxTimestampWithin(storage: StoragePort, from: number, to: number): number | null {
  const sql = "SELECT max(max_timestamp) AS newest FROM chunks WHERE base_offset BETWEEN ? AND ?";
  return storage.all<{ newest: number | null }>(sql, from, to)[0]?.newest ?? null;
}

/** Deletes the chunks that end below `offset`, at most `most`, from the first on; returns how many. */
export function deleteChunksBelow(storage: StoragePort, offset: number, most: number): number {
  const found: number[] = [];
  storage.each<{ base_offset: number; last_offset: number }>(
    "SELECT base_offset, last_offset FROM chunks ORDER BY base_offset LIMIT ?",
    [most],
    (row) => {
      if (row.last_offset >= offset) return false;
      found.push(row.base_offset);
      return true;
    },
  );
  const last = found.at(-1);
  if (last !== undefined) storage.all("DELETE FROM chunks WHERE base_offset <= ?", last);
  return found.length;
}

/** Deletes the chunks that begin at or above `offset`. */
export function deleteChunksFrom(storage: StoragePort, offset: number): void {
  storage.all("DELETE FROM chunks WHERE base_offset >= ?", offset);
}

export function insertSegment(storage: StoragePort, segment: SegmentFacts): void {
  // If storage has lost the rows after a closed segment, that segment is closed a second time.
  storage.all(
    `INSERT OR REPLACE INTO segments (${SEGMENT_FACTS}) VALUES (?, ?, ?, ?, ?, ?)`,
    segment.base_offset,
    segment.last_offset,
    segment.position,
    segment.size_bytes,
    segment.max_timestamp,
    segment.closed_ms,
  );
}

/** The closed segments, oldest first. */
export function allSegments(storage: StoragePort): SegmentFacts[] {
  return storage.all<SegmentFacts>(`SELECT ${SEGMENT_FACTS} FROM segments ORDER BY base_offset`);
}

export function deleteSegmentsBelow(storage: StoragePort, offset: number): void {
  storage.all("DELETE FROM segments WHERE last_offset < ?", offset);
}

/** Deletes the segments that begin at or above `offset`. */
export function deleteSegmentsFrom(storage: StoragePort, offset: number): void {
  storage.all("DELETE FROM segments WHERE base_offset >= ?", offset);
}
