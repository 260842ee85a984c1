/**
 * Reading a log: pages of whole batches for readers, whole chunks for other replicas. From the hot
 * tail where that reaches, else from storage. Writes nothing.
 */
import type { SqlRow, StoragePort } from "../../../base/ports.ts";
import type { Integrity, StoredFacts } from "./integrity.ts";
import { missing, missingFrom } from "./log-gaps.ts";
import { Page } from "../reads/page.ts";
import type { ReplicatedChunk } from "../../contracts/replication.ts";
import { chunkBaseAtOrBelow, chunksWithin, lastChunkOfPage } from "./tables.ts";
import type { HotTail } from "../reads/tail-memory.ts";

type StoredRow = StoredFacts & SqlRow & { readonly data: ArrayBuffer };

const STORED_WITHIN = `SELECT base_offset, last_offset, leader_epoch, size_bytes, data FROM chunks
  WHERE base_offset BETWEEN ? AND ? ORDER BY base_offset`;

/** Whole batches of [offset, below) from the one that holds `offset` on: see {@link Page}. */
export function readPage(
  storage: StoragePort,
  tail: HotTail,
  integrity: Integrity,
  offset: number,
  below: number,
  maxBytes: number,
): Uint8Array {
  const page = new Page(offset, maxBytes);
  if (offset >= below) return page.bytes();
  const hot = tail.from(offset);
  if (hot) {
    for (const { facts, data } of hot) {
      if (facts.base_offset >= below || page.isFull) break;
      page.add(facts.base_offset, data);
    }
    return page.bytes();
  }
  const base = chunkBaseAtOrBelow(storage, offset) ?? offset;
  const last = lastChunkOfPage(storage, base, below, maxBytes);
  let expected = offset;
  storage.each<StoredRow>(STORED_WITHIN, [base, last], (row) => {
    // What comes before is a page: the next one begins at what cannot be read.
    const isFirst = expected === offset;
    if (row.last_offset < expected) return true;
    if (row.base_offset > expected) {
      if (isFirst) throw missing(expected, row.base_offset - 1);
      return false;
    }
    const data = new Uint8Array(row.data);
    try {
      // rule: pages-are-verified
      integrity.check(row, data);
    } catch (error) {
      if (isFirst) throw error;
      return false;
    }
    page.add(row.base_offset, data);
    expected = row.last_offset + 1;
    return !page.isFull;
  });
  if (expected === offset) throw missingFrom(storage, offset, below);
  return page.bytes();
}

/**
 * Whole chunks from the one that begins at `from` up to the log's end, as another replica gets them:
 * at least one, then as many as fit. What was just written needs no look into storage.
 */
export function copyChunks(
  storage: StoragePort,
  tail: HotTail,
  integrity: Integrity,
  from: number,
  endOffset: number,
  maxBytes: number,
): readonly ReplicatedChunk[] {
  if (from === endOffset) return [];
  const hot = tail.from(from);
  const chunks = hot ?? storedChunks(storage, integrity, from, endOffset, maxBytes);
  let bytes = 0;
  const fits = chunks.findIndex(({ facts }, i) => (bytes += facts.size_bytes) > maxBytes && i > 0);
  return fits < 0 ? chunks : chunks.slice(0, fits);
}

/**
 * Looks at what is stored from the chunk that holds `from` on, at least one chunk, whatever was looked at before and
 * is in memory. Returns the offset behind it; throws CorruptLog at the first that is not what was written.
 */
export function verifyChunks(
  storage: StoragePort,
  integrity: Integrity,
  from: number,
  endOffset: number,
  maxBytes: number,
): number {
  if (from >= endOffset) return endOffset;
  const base = chunkBaseAtOrBelow(storage, from) ?? from;
  const last = lastChunkOfPage(storage, base, endOffset, maxBytes, 1);
  let expected = from;
  storage.each<StoredRow>(STORED_WITHIN, [base, last], (row) => {
    if (row.last_offset < expected) return true;
    if (row.base_offset > expected) throw missing(expected, row.base_offset - 1);
    // rule: scrubbing-verifies-anew
    integrity.check(row, new Uint8Array(row.data), true);
    expected = row.last_offset + 1;
    return true;
  });
  if (expected === from) throw missingFrom(storage, from, endOffset);
  return expected;
}

/** Nothing that is not what was written goes to another replica. */
function storedChunks(
  storage: StoragePort,
  integrity: Integrity,
  from: number,
  endOffset: number,
  maxBytes: number,
): readonly ReplicatedChunk[] {
  const last = lastChunkOfPage(storage, from, endOffset, maxBytes, 1);
  const chunks = chunksWithin(storage, from, last);
  if (chunks.length === 0) throw missingFrom(storage, from, endOffset);
  let expected = from;
  for (const [index, { facts, data }] of chunks.entries()) {
    try {
      if (facts.base_offset !== expected) throw missing(expected, facts.base_offset - 1);
      // rule: copies-are-verified
      integrity.check(facts, data);
    } catch (error) {
      // What comes before is as good as ever.
      if (index === 0) throw error;
      return chunks.slice(0, index);
    }
    expected = facts.last_offset + 1;
  }
  return chunks;
}
