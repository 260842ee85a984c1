/**
 * Where leader epochs end in a log (KIP-101, KIP-279). There is no leader epoch cache: epochs never decrease along a
 * log, so a binary search over the small columns of the chunks finds where one ends. Reads only; throws
 * {@link CorruptLog} where the answer depends on a row that storage has lost.
 */
import type { SqlRow, StoragePort } from "../../../base/ports.ts";
import { missing, type Extent } from "./missing-chunks.ts";
import type { LogPoint } from "../../contracts/replication.ts";

/** What the search needs to know of a log. */
interface Epochs extends Extent {
  /** Leader epoch of the last chunk; -1 if there is none. */
  readonly lastEpoch: number;
}

interface EpochOfChunk extends SqlRow {
  readonly base_offset: number;
  readonly last_offset: number;
  readonly leader_epoch: number;
}

function chunkAtOrBelow(storage: StoragePort, offset: number): EpochOfChunk | undefined {
  const sql = `SELECT base_offset, last_offset, leader_epoch FROM chunks
    WHERE base_offset <= ? ORDER BY base_offset DESC LIMIT 1`;
  return storage.all<EpochOfChunk>(sql, offset)[0];
}

function firstAtOrAbove(storage: StoragePort, offset: number): EpochOfChunk | undefined {
  const sql = `SELECT base_offset, last_offset, leader_epoch FROM chunks
    WHERE base_offset >= ? ORDER BY base_offset LIMIT 1`;
  return storage.all<EpochOfChunk>(sql, offset)[0];
}

/**
 * The chunk that holds `offset`. If its row is missing, one of its neighbours answers in its place, provided that the
 * end of `epoch` lies on the same side of both.
 */
function chunkNear(storage: StoragePort, log: Extent, offset: number, epoch: number): EpochOfChunk {
  const before = chunkAtOrBelow(storage, offset);
  if (before && before.last_offset >= offset) return before;
  const isBefore = before !== undefined && before.last_offset >= log.localStartOffset;
  if (isBefore && before.leader_epoch > epoch) return before;
  const behind = firstAtOrAbove(storage, offset);
  if (behind && behind.leader_epoch <= epoch) return behind;
  const from = isBefore ? before.last_offset + 1 : log.localStartOffset;
  // rule: epochs-end-in-rows-that-are-there
  throw missing(from, (behind?.base_offset ?? log.endOffset) - 1);
}

/**
 * The largest leader epoch of the log that is not above `epoch`, and the offset after its last record. If there is
 * none: the base offset of the first chunk (or the local start of an empty log), and epoch -1.
 */
export function endOfEpoch(storage: StoragePort, log: Epochs, epoch: number): LogPoint {
  const { localStartOffset, endOffset, lastEpoch } = log;
  if (epoch >= lastEpoch) return { offset: endOffset, leaderEpoch: lastEpoch };
  if (localStartOffset === endOffset) return { offset: localStartOffset, leaderEpoch: -1 };
  const first = chunkNear(storage, log, localStartOffset, epoch);
  if (first.leader_epoch > epoch) return { offset: first.base_offset, leaderEpoch: -1 };
  let below = first;
  let above = endOffset;
  // Invariant: `below` has an epoch not above the one asked for; the chunk that begins at `above` (the last chunk if
  // that is the end of the log) has a later one.
  while (below.last_offset + 1 < above) {
    const middle = below.last_offset + 1 + Math.floor((above - below.last_offset - 1) / 2);
    const chunk = chunkNear(storage, log, middle, epoch);
    if (chunk.leader_epoch <= epoch) below = chunk;
    else above = chunk.base_offset;
  }
  return { offset: below.last_offset + 1, leaderEpoch: below.leader_epoch };
}

/** Whether two logs end at the same offset and epoch: then, by log matching, they hold the same records. */
export function isSamePoint(a: LogPoint, b: LogPoint): boolean {
  return a.offset === b.offset && a.leaderEpoch === b.leaderEpoch;
}
