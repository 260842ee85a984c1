/**
 * Verifies that stored chunks are what was written: their batches fill the row exactly, have the offsets and the leader
 * epoch that the row states (neither is covered by a batch's checksum), and match their CRC-32C. A chunk is verified when
 * it is first read from storage, and again from time to time.
 */
import { StorageFailure } from "../../../base/storage-failure.ts";
import { hasValidCrc, readBatchHeader } from "../../../records/index.ts";

/** What a row states about its data. */
export interface StoredFacts {
  readonly base_offset: number;
  readonly last_offset: number;
  readonly leader_epoch: number;
  readonly size_bytes: number;
}

/** Offsets [firstOffset, lastOffset] cannot be read from this replica; those before and after can. */
export class CorruptLog extends StorageFailure {
  override readonly name = "CorruptLog";
  override readonly shown: string;
  readonly lastOffset: number;

  constructor(firstOffset: number, lastOffset: number, why: string) {
    const shown = `Offsets ${firstOffset} to ${lastOffset} cannot be read: ${why}.`;
    super("corrupt", shown);
    this.shown = shown;
    this.lastOffset = lastOffset;
  }
}

/** Chunks that are remembered as verified; beyond that number, all are verified again. */
const VERIFIED_MAX = 100_000;
/** Of the reads of chunks that are remembered, one in so many verifies again. */
const REVERIFY_EVERY = 64;

export class Integrity {
  readonly #verified = new Set<number>();
  #remembered = 0;

  /** Throws {@link CorruptLog} if the data is not what was written. `anew`: also if it is remembered as verified. */
  check(facts: StoredFacts, data: Uint8Array, anew = false): void {
    if (!anew && this.#verified.has(facts.base_offset)) {
      this.#remembered += 1;
      if (this.#remembered % REVERIFY_EVERY !== 0) return;
    }
    const why = damageOf(facts, data);
    if (why !== null) throw new CorruptLog(facts.base_offset, facts.last_offset, why);
    if (this.#verified.size >= VERIFIED_MAX) this.#verified.clear();
    this.#verified.add(facts.base_offset);
  }

  /** Forgets what was verified: other chunks may be written at the same offsets. */
  forget(): void {
    this.#verified.clear();
  }
}

/** What is wrong with a chunk; null if nothing is. */
function damageOf(facts: StoredFacts, data: Uint8Array): string | null {
  if (data.byteLength !== facts.size_bytes) return "the stored chunk has another size";
  let next = facts.base_offset;
  for (let at = 0; at < data.byteLength;) {
    const read = readBatchHeader(data, at);
    if (!read.ok) return "the stored chunk does not hold whole batches";
    const { header } = read;
    if (at + header.sizeBytes > data.byteLength) return "a stored batch is cut short";
    if (header.baseOffset !== next) return "a stored batch has another offset";
    if (header.partitionLeaderEpoch !== facts.leader_epoch)
      return "a stored batch has another epoch";
    if (!hasValidCrc(data, header)) return "the checksum of a stored batch does not match";
    next = header.baseOffset + header.lastOffsetDelta + 1;
    at += header.sizeBytes;
  }
  return next === facts.last_offset + 1 ? null : "the stored chunk ends at another offset";
}
