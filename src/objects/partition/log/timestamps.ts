/**
 * Finds offsets by time: the first record at or after a time, and the record with the newest timestamp. The search is
 * narrowed by the facts of segments, then by the small columns of chunks; then one chunk is read.
 */
import type { StoragePort } from "../../../base/ports.ts";
import { recordsFrom } from "../../../records/index.ts";
import type { Log } from "./log.ts";
import { allSegments, chunkBaseAtOrBelow, firstChunkSince, maxTimestampWithin } from "./tables.ts";

/** A record, by its time. */
export interface TimedOffset {
  readonly offset: number;
  readonly timestampMs: number;
  readonly leaderEpoch: number;
}

/** Offsets [from, to] of whole chunks, unless the local start cuts the first, and the newest timestamp among them. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly maxTimestamp: number;
}

/**
 * The closed segments that reach above the local start, then the active one; of each only what is below `below`, which
 * readers may see.
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
    .filter((range) => range.to >= log.localStartOffset && range.from < below)
    .flatMap((range) => (range.to >= below ? belowEnd(storage, range, below) : [range]))
    .flatMap((range) =>
      range.from < log.localStartOffset ? aboveStart(storage, log, range) : [range],
    );
}

/** What readers may see of a range that reaches over `below`, a chunk boundary. */
function belowEnd(storage: StoragePort, range: Range, below: number): Range[] {
  const to = below - 1;
  const newest = maxTimestampWithin(storage, range.from, to);
  return newest === null ? [] : [{ from: range.from, to, maxTimestamp: newest }];
}

/** What is left of a range that the local start cuts: the rest of the chunk that it lies in, then the others. */
function aboveStart(storage: StoragePort, log: Log, range: Range): Range[] {
  const base = chunkBaseAtOrBelow(storage, log.localStartOffset);
  if (base === null) return [range];
  let from = log.localStartOffset;
  let newest = -1;
  for (const record of recordsFrom(log.reader.chunkData(base), log.localStartOffset)) {
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

/** Searches one range chunk by chunk: a chunk may owe its newest timestamp to a record below the local start. */
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
    if (chunk.last_offset >= log.localStartOffset) {
      const data = log.reader.chunkData(chunk.base_offset);
      for (const record of recordsFrom(data, log.localStartOffset)) {
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

/** The first record below `below` whose timestamp is at or after `timestampMs`; null if there is none. */
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

/** The first record below `below` with the newest timestamp there (KIP-734); null if there is none. */
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
