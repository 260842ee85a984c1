/**
 * How the state of producers is stored: a snapshot of the state at some offset, and the entries in the rows of the chunks
 * since. A snapshot never covers what lies above the high watermark, so that after a truncation the state can be read as
 * it is when the object wakes up.
 */
import type { StoragePort } from "../../../base/ports.ts";
import { parseStored } from "../../../base/storage-failure.ts";
import type { LogEnd } from "./log-end.ts";
import type { ProducerBatch } from "../../contracts/replication.ts";
import type { ProducerStates } from "./producers.ts";
import { chunkBaseAtOrBelow } from "./tables.ts";

/** Entries in one row: of about 60 bytes each, far below the platform's limit of 2 MB for a row. */
const ENTRIES_PER_ROW = 10_000;

interface Snapshot {
  /** The snapshot covers the log below this offset. */
  readonly nextOffset: number;
  readonly entries: readonly ProducerBatch[];
}

/** Replaces the snapshot by one of the log below `nextOffset`. */
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

interface Snapshotted {
  /** Base offset of the first chunk with entries that the snapshot lacks; null if it lacks none. */
  readonly producersFrom: number | null;
  /** False if chunks that the state was to be read from are missing. */
  readonly isWhole: boolean;
}

/**
 * Writes a snapshot of the state before the chunk that holds `committed`; if everything is committed, of `states`, the
 * state at the end. Leaves out producers that have expired by `nowMs`.
 */
export function snapshotProducers(
  storage: StoragePort,
  startOffset: number,
  end: Pick<LogEnd, "offset" | "producersFrom">,
  states: ProducerStates,
  committed: number,
  nowMs: number,
): Snapshotted {
  if (committed >= end.offset) {
    writeProducerSnapshot(storage, end.offset, states.entries());
    return { producersFrom: null, isWhole: true };
  }
  const asBefore = { producersFrom: end.producersFrom, isWhole: true };
  const below = chunkBaseAtOrBelow(storage, committed);
  if (below === null) return asBefore;
  const snapshot = readSnapshot(storage);
  if (below <= snapshot.nextOffset) return asBefore;
  const known = states.fresh();
  const from = firstToFold(storage, startOffset, snapshot, end.producersFrom);
  const { isWhole } = fold(storage, snapshot, from, below, known);
  known.expire(nowMs);
  writeProducerSnapshot(storage, below, known.entries());
  return { producersFrom: firstProducersFrom(storage, below), isWhole };
}

/**
 * The entries below `offset`, where the first chunk begins. From the snapshot, not from memory: batches above the high
 * watermark may have replaced entries in memory that count again if those batches are truncated.
 */
export function producersBelow(storage: StoragePort, offset: number): readonly ProducerBatch[] {
  return readSnapshot(storage).entries.filter((batch) => batch[4] < offset);
}

export interface RecoveredProducers extends Snapshotted {
  /** How many chunks were read in addition to the snapshot. */
  readonly chunks: number;
}

/**
 * Folds what storage tells of producers, up to the end of the log, into the empty `states`. A snapshot that covers more
 * than the log (after an unclean election, which truncates below the high watermark) is used for what lies before the
 * first chunk, and replaced.
 */
export function recoverProducers(
  storage: StoragePort,
  startOffset: number,
  end: Pick<LogEnd, "offset" | "producersFrom">,
  states: ProducerStates,
): RecoveredProducers {
  const snapshot = readSnapshot(storage);
  if (snapshot.nextOffset <= end.offset) {
    const from = firstToFold(storage, startOffset, snapshot, end.producersFrom);
    const folded = fold(storage, snapshot, from, end.offset, states);
    return { producersFrom: end.producersFrom, ...folded };
  }
  const isEmpty = startOffset === end.offset;
  const from = (isEmpty ? null : chunkBaseAtOrBelow(storage, startOffset)) ?? end.offset;
  const entries = snapshot.entries.filter((batch) => batch[4] < from);
  const { isWhole } = fold(storage, { entries }, from, end.offset, states);
  writeProducerSnapshot(storage, end.offset, states.entries());
  return { producersFrom: null, chunks: 0, isWhole };
}

/** The entries in a chunk's row. */
export function parseProducers(producers: string | null): readonly ProducerBatch[] {
  if (producers === null) return [];
  return parseStored(producers, "the producers' state") as ProducerBatch[];
}

/**
 * Base offset of the first chunk to fold; null if the snapshot lacks none. What was deleted from the start of the log
 * has no entry that the snapshot lacks, although the row of a chunk behind it may name one: the row remembers what was
 * so when it was written.
 */
function firstToFold(
  storage: StoragePort,
  startOffset: number,
  snapshot: Snapshot,
  producersFrom: number | null,
): number | null {
  if (producersFrom === null) return null;
  const from = Math.max(producersFrom, snapshot.nextOffset);
  // rule: deleted-chunks-are-not-missing
  if (from >= startOffset) return from;
  return Math.max(from, chunkBaseAtOrBelow(storage, startOffset) ?? startOffset);
}

/**
 * Folds the snapshot's entries into `states`, then those of the chunks in [from, below). Returns how many chunks were
 * read, and whether none was missing.
 */
function fold(
  storage: StoragePort,
  snapshot: Pick<Snapshot, "entries">,
  from: number | null,
  below: number,
  states: ProducerStates,
): { readonly chunks: number; readonly isWhole: boolean } {
  for (const batch of snapshot.entries) states.apply(batch);
  if (from === null) return { chunks: 0, isWhole: true };
  let chunks = 0;
  let isWhole = true;
  let expected = from;
  storage.each<{ base_offset: number; last_offset: number; producers: string | null }>(
    `SELECT base_offset, last_offset, producers FROM chunks
     WHERE base_offset >= ? AND base_offset < ? ORDER BY base_offset`,
    [expected, below],
    (row) => {
      chunks += 1;
      // rule: producers-are-of-every-chunk
      isWhole &&= row.base_offset === expected;
      expected = row.last_offset + 1;
      for (const batch of parseProducers(row.producers)) states.apply(batch);
      return true;
    },
  );
  return { chunks, isWhole: isWhole && expected >= below };
}

/** Base offset of the first chunk with entries from `offset` on; null if there is none. */
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
