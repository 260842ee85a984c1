/**
 * Reads a log: pages of whole batches for readers, whole chunks for other replicas, and where leader epochs end. Takes
 * the newest chunks from memory, older ones from storage, where it verifies what it reads. Writes nothing.
 *
 * Every method throws {@link CorruptLog} if what it was asked for is not what was written, after it has said so to
 * whoever owns the log.
 */
import { assert } from "../../../base/errors.ts";
import type { SqlRow, StoragePort } from "../../../base/ports.ts";
import { StorageFailure } from "../../../base/storage-failure.ts";
import type { LogPoint, ReplicatedChunk } from "../../contracts/replication.ts";
import { Page } from "../reads/page.ts";
import type { HotTail } from "../reads/tail-memory.ts";
import { endOfEpoch } from "./epochs.ts";
import type { Fencing } from "./fencing.ts";
import { CorruptLog, type Integrity, type StoredFacts } from "./integrity.ts";
import { chunkHolding, epochBefore, missing, missingFrom, type Extent } from "./missing-chunks.ts";
import {
  chunkBaseAtOrBelow,
  chunksWithin,
  lastChunkOfPage,
  positionOfChunk,
  type ChunkFacts,
} from "./tables.ts";

type StoredRow = StoredFacts & SqlRow & { readonly data: ArrayBuffer };

const STORED_WITHIN = `SELECT base_offset, last_offset, leader_epoch, size_bytes, data FROM chunks
  WHERE base_offset BETWEEN ? AND ? ORDER BY base_offset`;

/** The log that is read, as it is at the moment. */
interface ReadableLog extends Extent {
  readonly fencing: Fencing;
  readonly endPosition: number;
  readonly lastEpoch: number;
}

export class LogReader {
  readonly #log: ReadableLog;
  readonly #storage: StoragePort;
  readonly #tail: HotTail;
  readonly #integrity: Integrity;
  readonly #foundCorrupt: () => void;

  /** @param foundCorrupt called before a CorruptLog is thrown */
  constructor(
    log: ReadableLog,
    storage: StoragePort,
    tail: HotTail,
    integrity: Integrity,
    foundCorrupt: () => void,
  ) {
    this.#log = log;
    this.#storage = storage;
    this.#tail = tail;
    this.#integrity = integrity;
    this.#foundCorrupt = foundCorrupt;
  }

  /**
   * Whole batches of [offset, below), beginning with the one that holds `offset`: see {@link Page}. `offset` lies within
   * what the replica stores.
   */
  page(offset: number, below: number, maxBytes: number): Uint8Array {
    return this.noticing(offset, () => this.#page(offset, below, maxBytes));
  }

  /**
   * Whole chunks from the one that begins at `from` to the end of the log, as another replica takes them: at least one,
   * then as many as fit into `maxBytes`.
   */
  copyChunks(from: number, maxBytes: number): readonly ReplicatedChunk[] {
    if (from === this.#log.endOffset) return [];
    return this.noticing(from, () => {
      const chunks = this.#tail.from(from) ?? this.#storedChunks(from, maxBytes);
      let bytes = 0;
      const fits = chunks.findIndex(
        ({ facts }, i) => (bytes += facts.size_bytes) > maxBytes && i > 0,
      );
      return fits < 0 ? chunks : chunks.slice(0, fits);
    });
  }

  /**
   * Verifies stored chunks from the one that holds `from` on, about `maxBytes` of them and at least one, even if they
   * were verified before or are in memory. Returns the offset after the last.
   */
  verify(from: number, maxBytes: number): number {
    return this.noticing(from, () => this.#verify(from, maxBytes));
  }

  /** The batches of the chunk that begins at `baseOffset`, which has just been looked up. */
  chunkData(baseOffset: number): Uint8Array {
    return this.noticing(baseOffset, () => {
      const chunk = chunksWithin(this.#storage, baseOffset, baseOffset)[0];
      assert(chunk, "a chunk that was found is read");
      this.#integrity.check(chunk.facts, chunk.data);
      return chunk.data;
    });
  }

  /** The chunk that holds the local start; null if the log is empty. */
  firstChunk(): ChunkFacts | null {
    const { localStartOffset, endOffset } = this.#log;
    if (localStartOffset === endOffset) return null;
    return this.noticing(localStartOffset, () =>
      chunkHolding(this.#storage, this.#log, localStartOffset),
    );
  }

  /** Base offset of the chunk that holds the local start; the end of an empty log. */
  firstChunkOffset(): number {
    return this.firstChunk()?.base_offset ?? this.#log.endOffset;
  }

  /** See {@link endOfEpoch}. */
  endOfEpoch(epoch: number): LogPoint {
    return this.noticing(this.#log.localStartOffset, () =>
      endOfEpoch(this.#storage, this.#log, epoch),
    );
  }

  /** See {@link epochBefore}. */
  epochBefore(offset: number): number {
    return this.noticing(offset, () => epochBefore(this.#storage, this.#log, offset));
  }

  /**
   * The byte position of a chunk boundary: of the chunk that begins at `offset`, or of the end of the log; null if
   * `offset` is no boundary.
   */
  positionAt(offset: number): number | null {
    const { endOffset, endPosition } = this.#log;
    return offset === endOffset ? endPosition : positionOfChunk(this.#storage, offset);
  }

  /** Runs a read of what is stored around `offset`, and reports what it finds corrupt. */
  noticing<T>(offset: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof StorageFailure) || error.kind !== "corrupt") throw error;
      this.#foundCorrupt();
      if (error instanceof CorruptLog) throw error;
      throw new CorruptLog(offset, offset, "the database is damaged there");
    }
  }

  #page(offset: number, below: number, maxBytes: number): Uint8Array {
    const page = new Page(offset, maxBytes);
    if (offset >= below) return page.bytes();
    const hot = this.#tail.from(offset);
    if (hot) {
      for (const { facts, data } of hot) {
        if (facts.base_offset >= below || page.isFull) break;
        page.add(facts.base_offset, data);
      }
      return page.bytes();
    }
    const base = chunkBaseAtOrBelow(this.#storage, offset) ?? offset;
    const last = lastChunkOfPage(this.#storage, base, below, maxBytes);
    let expected = offset;
    this.#storage.each<StoredRow>(STORED_WITHIN, [base, last], (row) => {
      // A page ends before what cannot be read; only a page that begins there fails.
      const isFirst = expected === offset;
      if (row.last_offset < expected) return true;
      if (row.base_offset > expected) {
        if (isFirst) throw missing(expected, row.base_offset - 1);
        return false;
      }
      const data = new Uint8Array(row.data);
      try {
        // rule: pages-are-verified
        this.#integrity.check(row, data);
      } catch (error) {
        if (isFirst) throw error;
        return false;
      }
      page.add(row.base_offset, data);
      expected = row.last_offset + 1;
      return !page.isFull;
    });
    if (expected === offset) throw missingFrom(this.#storage, offset, below);
    return page.bytes();
  }

  /** Nothing corrupt is copied to another replica: the chunks end before the first that is. */
  #storedChunks(from: number, maxBytes: number): readonly ReplicatedChunk[] {
    const { endOffset } = this.#log;
    const last = lastChunkOfPage(this.#storage, from, endOffset, maxBytes, 1);
    // rule: copies-carry-fencing-tokens
    const chunks = this.#log.fencing.withTokens(chunksWithin(this.#storage, from, last));
    if (chunks.length === 0) throw missingFrom(this.#storage, from, endOffset);
    let expected = from;
    for (const [index, { facts, data }] of chunks.entries()) {
      try {
        if (facts.base_offset !== expected) throw missing(expected, facts.base_offset - 1);
        // rule: copies-are-verified
        this.#integrity.check(facts, data);
      } catch (error) {
        if (index === 0) throw error;
        return chunks.slice(0, index);
      }
      expected = facts.last_offset + 1;
    }
    return chunks;
  }

  #verify(from: number, maxBytes: number): number {
    const { endOffset } = this.#log;
    if (from >= endOffset) return endOffset;
    const base = chunkBaseAtOrBelow(this.#storage, from) ?? from;
    const last = lastChunkOfPage(this.#storage, base, endOffset, maxBytes, 1);
    let expected = from;
    this.#storage.each<StoredRow>(STORED_WITHIN, [base, last], (row) => {
      if (row.last_offset < expected) return true;
      if (row.base_offset > expected) throw missing(expected, row.base_offset - 1);
      // rule: scrubbing-verifies-anew
      this.#integrity.check(row, new Uint8Array(row.data), true);
      expected = row.last_offset + 1;
      return true;
    });
    if (expected === from) throw missingFrom(this.#storage, from, endOffset);
    return expected;
  }
}
