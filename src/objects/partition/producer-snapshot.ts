/**
 * How what is known of producers survives: a snapshot of the state at some offset, and the entries
 * of the chunks since. A snapshot never tells of what lies above the high watermark, so whatever
 * truncation takes away, the state before it is read again as waking up reads it.
 */
import type { StoragePort } from "../../base/ports.ts";
import { parseStored } from "../../base/storage-failure.ts";
import type { LogEnd } from "./log-end.ts";
import type { ProducerBatch } from "./peers.ts";
import type { ProducerStates } from "./producers.ts";
import { chunkBaseAtOrBelow } from "./tables.ts";

/** Entries of one row: some 60 bytes each, far below the platform's 2 MB a row. */
const ENTRIES_PER_ROW = 10_000;

interface Snapshot {
  /** It covers the log below. */
  readonly nextOffset: number;
  readonly entries: readonly ProducerBatch[];
}

/** Replaces the snapshot by one that covers the log below `nextOffset`. */
export function writeProducerSnapshot(
  storage: StoragePort,
  nextOffset: number,
  entries: readonly ProducerBatch[],
): void {
  const parts = Math.max(1, Math.ceil(entries.length / ENTRIES_PER_ROW));
  storage.all("DELETE FROM producer_snapshot WHERE part >= ?", parts);
  for (let part = 0; part < parts; part++) {
    const at = part * ENTRIES_PER_ROW;
    storage.all(
      "INSERT OR REPLACE INTO producer_snapshot (part, next_offset, entries) VALUES (?, ?, ?)",
      part,
      nextOffset,
      JSON.stringify(entries.slice(at, at + ENTRIES_PER_ROW)),
    );
  }
}

/**
 * Writes a snapshot of the state below the chunk that holds `committed`, or of `states`, the state at
 * the end, where all is committed. What expired before `nowMs` is left out. Returns the base offset
 * of the first chunk with entries that the snapshot lacks; null when it lacks none.
 */
export function snapshotProducers(
  storage: StoragePort,
  end: Pick<LogEnd, "offset" | "producersFrom">,
  states: ProducerStates,
  committed: number,
  nowMs: number,
): number | null {
  if (committed >= end.offset) {
    writeProducerSnapshot(storage, end.offset, states.entries());
    return null;
  }
  const below = chunkBaseAtOrBelow(storage, committed);
  if (below === null) return end.producersFrom;
  const snapshot = readSnapshot(storage);
  if (below <= snapshot.nextOffset) return end.producersFrom;
  const known = states.fresh();
  fold(storage, snapshot, end.producersFrom, below, known);
  known.expire(nowMs);
  writeProducerSnapshot(storage, below, known.entries());
  return firstProducersFrom(storage, below);
}

/**
 * What is to be known of the log below its first chunk: by the snapshot, since what has been written
 * above the high watermark may have pushed entries out of memory that count again if it is cut off.
 */
export function producersBelow(storage: StoragePort, offset: number): readonly ProducerBatch[] {
  return readSnapshot(storage).entries.filter((batch) => batch[4] < offset);
}

export interface RecoveredProducers {
  readonly producersFrom: number | null;
  /** Read beside the snapshot. */
  readonly chunks: number;
}

/**
 * Folds into `states`, which are empty, what storage tells of producers up to the end of the log.
 * A snapshot that covers more than the log (it was cut below the high watermark: an unclean election)
 * counts for what it tells of the log before its chunks, and is replaced.
 */
export function recoverProducers(
  storage: StoragePort,
  startOffset: number,
  end: Pick<LogEnd, "offset" | "producersFrom">,
  states: ProducerStates,
): RecoveredProducers {
  const snapshot = readSnapshot(storage);
  if (snapshot.nextOffset <= end.offset) {
    const chunks = fold(storage, snapshot, end.producersFrom, end.offset, states);
    return { producersFrom: end.producersFrom, chunks };
  }
  const isEmpty = startOffset === end.offset;
  const from = (isEmpty ? null : chunkBaseAtOrBelow(storage, startOffset)) ?? end.offset;
  const entries = snapshot.entries.filter((batch) => batch[4] < from);
  fold(storage, { nextOffset: from, entries }, from, end.offset, states);
  writeProducerSnapshot(storage, end.offset, states.entries());
  return { producersFrom: null, chunks: 0 };
}

export function parseProducers(producers: string | null): readonly ProducerBatch[] {
  if (producers === null) return [];
  return parseStored(producers, "the producers' state") as ProducerBatch[];
}

/** The snapshot's entries, then those of the chunks below `below` that it lacks; how many chunks it read. */
function fold(
  storage: StoragePort,
  snapshot: Snapshot,
  producersFrom: number | null,
  below: number,
  states: ProducerStates,
): number {
  for (const batch of snapshot.entries) states.apply(batch);
  if (producersFrom === null) return 0;
  let chunks = 0;
  storage.each<{ producers: string | null }>(
    "SELECT producers FROM chunks WHERE base_offset >= ? AND base_offset < ? ORDER BY base_offset",
    [Math.max(producersFrom, snapshot.nextOffset), below],
    ({ producers }) => {
      chunks += 1;
      for (const batch of parseProducers(producers)) states.apply(batch);
      return true;
    },
  );
  return chunks;
}

/** Base offset of the first chunk from `offset` on with entries; null when there is none. */
function firstProducersFrom(storage: StoragePort, offset: number): number | null {
  const sql = `SELECT base_offset FROM chunks
    WHERE base_offset >= ? AND producers IS NOT NULL ORDER BY base_offset LIMIT 1`;
  return storage.all<{ base_offset: number }>(sql, offset)[0]?.base_offset ?? null;
}

function readSnapshot(storage: StoragePort): Snapshot {
  const parts = storage.all<{ next_offset: number; entries: string }>(
    "SELECT next_offset, entries FROM producer_snapshot ORDER BY part",
  );
  const entries = parts.flatMap((part) => parseProducers(part.entries));
  return { nextOffset: parts[0]?.next_offset ?? 0, entries };
}
