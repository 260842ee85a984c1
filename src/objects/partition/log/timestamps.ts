/**
 * Finds offsets by time: the first record at or after a time, and the record with the newest
 * timestamp. Segments narrow the search, then chunks by their small columns; one chunk is read.
 */
import type { StoragePort } from "../../../base/ports.ts";
import { recordsFrom } from "../../../records/index.ts";
import type { Log } from "./log.ts";
import { allSegments, chunkBaseAtOrBelow, firstChunkSince, maxTimestampWithin } from "./tables.ts";

export interface TimedOffset {
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly maxTimestamp: number;
}

/**
 * Closed segments that reach above the log start, then the active one, with the newest time of each;
 * of all only what lies below `below`, which readers may see.
 */
function ranges(storage: StoragePort, log: Log, below: number): Range[] {
  const all: Range[] = allSegments(storage).map((segment) => ({
    from: segment.base_offset,
    to: segment.last_offset,
    maxTimestamp: segment.max_timestamp,
  }));
  const active = { from: log.segment.baseOffset, to: log.endOffset - 1 };
  const newest = maxTimestampWithin(storage, active.from, active.to);
  if (newest !== null) all.push({ ...active, maxTimestamp: newest });
  return all
    .filter((range) => range.to >= log.startOffset && range.from < below)
    .flatMap((range) => (range.to >= below ? belowEnd(storage, range, below) : [range]))
    .flatMap((range) => (range.from < log.startOffset ? aboveStart(storage, log, range) : [range]));
}

/** What readers may see of a range that reaches above: `below` lies between chunks. */
function belowEnd(storage: StoragePort, range: Range, below: number): Range[] {
  const to = below - 1;
  const newest = maxTimestampWithin(storage, range.from, to);
  return newest === null ? [] : [{ from: range.from, to, maxTimestamp: newest }];
}

/** What is left of a range that the log start cuts: the rest of the chunk it lies in, then the others. */
function aboveStart(storage: StoragePort, log: Log, range: Range): Range[] {
  const base = chunkBaseAtOrBelow(storage, log.startOffset);
  if (base === null) return [range];
  let from = log.startOffset;
  let newest = -1;
  for (const record of recordsFrom(log.chunkData(base), log.startOffset)) {
    if (!record.ok) break;
    newest = Math.max(newest, record.timestamp);
    from = record.offset + 1;
  }
  const rest = maxTimestampWithin(storage, from, range.to);
  return [
    { from: base, to: from - 1, maxTimestamp: newest },
    ...(rest === null ? [] : [{ from, to: range.to, maxTimestamp: rest }]),
  ];
}

/** Looks within one range, chunk by chunk: the first fitting chunk may fit only below the log start. */
function findIn(
  storage: StoragePort,
  log: Log,
  range: Range,
  timestampMs: number,
  below: number,
): TimedOffset | null {
  let from = range.from;
  for (;;) {
    const chunk = firstChunkSince(storage, from, range.to, timestampMs);
    if (!chunk || chunk.base_offset >= below) return null;
    if (chunk.last_offset >= log.startOffset) {
      const data = log.chunkData(chunk.base_offset);
      for (const record of recordsFrom(data, log.startOffset)) {
        if (!record.ok) break;
        if (record.timestamp < timestampMs) continue;
        return {
          offset: record.offset,
          timestampMs: record.timestamp,
          leaderEpoch: chunk.leader_epoch,
        };
      }
    }
    from = chunk.last_offset + 1;
  }
}

/** The first record below `below` whose timestamp is at or after `timestampMs`; null when there is none. */
export function offsetAtTime(
  storage: StoragePort,
  log: Log,
  timestampMs: number,
  below: number,
): TimedOffset | null {
  for (const range of ranges(storage, log, below)) {
    if (range.maxTimestamp < timestampMs) continue;
    const found = findIn(storage, log, range, timestampMs, below);
    if (found) return found;
  }
  return null;
}

/** The first record that carries the newest timestamp of the log (KIP-734); null for an empty log. */
export function offsetOfMaxTimestamp(
  storage: StoragePort,
  log: Log,
  below: number,
): TimedOffset | null {
  const newestFirst = ranges(storage, log, below).toSorted(
    (a, b) => b.maxTimestamp - a.maxTimestamp,
  );
  for (const range of newestFirst) {
    const found = findIn(storage, log, range, range.maxTimestamp, below);
    if (found) return found;
  }
  return null;
}
