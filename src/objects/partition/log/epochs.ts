/**
 * Where leader epochs end in a log (KIP-101, KIP-279). There is no table of epochs: they never
 * decrease along a log, so a search by halves over the chunks' small columns finds them. Where the
 * answer depends on a row that storage has lost, there is none. Reads only.
 */
import type { SqlRow, StoragePort } from "../../../base/ports.ts";
import { missing, type Extent } from "./log-gaps.ts";
import type { LogPoint } from "../../contracts/replication.ts";

/** What the search needs to know of a log. */
interface Epochs extends Extent {
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
 * The chunk that holds `offset`; where that is missing, the one before or behind the gap that lies on
 * the same side of the end of `epoch` as both do. Throws CorruptLog where they lie on either side.
 */
function chunkNear(storage: StoragePort, log: Extent, offset: number, epoch: number): EpochOfChunk {
  const before = chunkAtOrBelow(storage, offset);
  if (before && before.last_offset >= offset) return before;
  const isBefore = before !== undefined && before.last_offset >= log.startOffset;
  if (isBefore && before.leader_epoch > epoch) return before;
  const behind = firstAtOrAbove(storage, offset);
  if (behind && behind.leader_epoch <= epoch) return behind;
  const from = isBefore ? before.last_offset + 1 : log.startOffset;
  // rule: epochs-end-in-rows-that-are-there
  throw missing(from, (behind?.base_offset ?? log.endOffset) - 1);
}

/**
 * The largest leader epoch not above `epoch` that the log has, and the offset behind its last
 * record. Where it has none: the start of what is held, and -1.
 */
export function endOfEpoch(storage: StoragePort, log: Epochs, epoch: number): LogPoint {
  if (epoch >= log.lastEpoch) return { offset: log.endOffset, leaderEpoch: log.lastEpoch };
  if (log.startOffset === log.endOffset) return { offset: log.startOffset, leaderEpoch: -1 };
  const first = chunkNear(storage, log, log.startOffset, epoch);
  if (first.leader_epoch > epoch) return { offset: first.base_offset, leaderEpoch: -1 };
  let below = first;
  let above = log.endOffset;
  // `below` is of an epoch not above the one asked for; the chunk that begins at `above`, or the
  // last one where that is the end, is of a later one.
  while (below.last_offset + 1 < above) {
    const middle = below.last_offset + 1 + Math.floor((above - below.last_offset - 1) / 2);
    const chunk = chunkNear(storage, log, middle, epoch);
    if (chunk.leader_epoch <= epoch) below = chunk;
    else above = chunk.base_offset;
  }
  return { offset: below.last_offset + 1, leaderEpoch: below.leader_epoch };
}

/** Whether two logs that end there may be the same: by log matching they are, where epochs are of one cluster. */
export function isSamePoint(a: LogPoint, b: LogPoint): boolean {
  return a.offset === b.offset && a.leaderEpoch === b.leaderEpoch;
}
