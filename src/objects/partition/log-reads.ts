/**
 * Reading a log: pages of whole batches for readers, whole chunks for other replicas. From the hot
 * tail where that reaches, else from storage. Writes nothing.
 */
import { assert } from "../../base/errors.ts";
import type { StoragePort } from "../../base/ports.ts";
import { Page } from "./page.ts";
import type { ReplicatedChunk } from "./peers.ts";
import { chunkBaseAtOrBelow, chunksWithin, lastChunkOfPage } from "./tables.ts";
import type { HotTail } from "./tail-memory.ts";

/** Whole batches of [offset, below) from the one that holds `offset` on: see {@link Page}. */
export function readPage(
  storage: StoragePort,
  tail: HotTail,
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
  storage.each<{ base_offset: number; last_offset: number; data: ArrayBuffer }>(
    `SELECT base_offset, last_offset, data FROM chunks
     WHERE base_offset BETWEEN ? AND ? ORDER BY base_offset`,
    [base, last],
    (row) => {
      if (row.last_offset >= offset) page.add(row.base_offset, new Uint8Array(row.data));
      return !page.isFull;
    },
  );
  return page.bytes();
}

/**
 * Whole chunks from the one that begins at `from` up to the log's end, as another replica gets them:
 * at least one, then as many as fit. What was just written needs no look into storage.
 */
export function copyChunks(
  storage: StoragePort,
  tail: HotTail,
  from: number,
  endOffset: number,
  maxBytes: number,
): readonly ReplicatedChunk[] {
  if (from === endOffset) return [];
  const hot = tail.from(from);
  const chunks =
    hot ?? chunksWithin(storage, from, lastChunkOfPage(storage, from, endOffset, maxBytes, 1));
  assert(chunks[0]?.facts.base_offset === from, "copies begin where a chunk does");
  let bytes = 0;
  const fits = chunks.findIndex(({ facts }, i) => (bytes += facts.size_bytes) > maxBytes && i > 0);
  return fits < 0 ? chunks : chunks.slice(0, fits);
}
