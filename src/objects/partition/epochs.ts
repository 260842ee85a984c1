/**
 * Where leader epochs end in a log (KIP-101, KIP-279). There is no table of epochs: they never
 * decrease along a log, so a search by halves over the chunks' small columns finds them. Reads only.
 */
import type { SqlRow, StoragePort } from "../../base/ports.ts";
import type { LogPoint } from "./peers.ts";

/** What the search needs to know of a log. */
interface Extent {
  readonly startOffset: number;
  readonly endOffset: number;
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

/**
 * The largest leader epoch not above `epoch` that the log has, and the offset behind its last
 * record. Where it has none: the start of what is held, and -1.
 */
export function endOfEpoch(storage: StoragePort, log: Extent, epoch: number): LogPoint {
  if (epoch >= log.lastEpoch) return { offset: log.endOffset, leaderEpoch: log.lastEpoch };
  const first =
    log.startOffset < log.endOffset ? chunkAtOrBelow(storage, log.startOffset) : undefined;
  if (!first) return { offset: log.startOffset, leaderEpoch: -1 };
  if (first.leader_epoch > epoch) return { offset: first.base_offset, leaderEpoch: -1 };
  let below = first;
  let above = log.endOffset;
  // `below` is of an epoch not above the one asked for; the chunk that begins at `above`, or the
  // last one where that is the end, is of a later one.
  while (below.last_offset + 1 < above) {
    const middle = below.last_offset + 1 + Math.floor((above - below.last_offset - 1) / 2);
    const chunk = chunkAtOrBelow(storage, middle)!;
    if (chunk.leader_epoch <= epoch) below = chunk;
    else above = chunk.base_offset;
  }
  return { offset: below.last_offset + 1, leaderEpoch: below.leader_epoch };
}

/** Whether two logs that end there may be the same: by log matching they are, where epochs are of one cluster. */
export function isSamePoint(a: LogPoint, b: LogPoint): boolean {
  return a.offset === b.offset && a.leaderEpoch === b.leaderEpoch;
}
