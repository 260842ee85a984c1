/**
 * Decodes stored batches into records. Keys, values and headers are views of the given buffer, or of the decompressed
 * payload if the batch is compressed.
 *
 * Offsets may have gaps and batches may be empty: compaction leaves both.
 */

import { refuse, type Refusal } from "../base/errors.ts";
import type { RecordHeader } from "./builder.ts";
import { decompress } from "./compression.ts";
import { checkWhole, readBatchHeader, type BatchHeader } from "./header.ts";
import { BATCH_OVERHEAD_BYTES, NO_TIMESTAMP, RECORD_BYTES_MIN } from "./layout.ts";
import { RecordWalker } from "./walker.ts";

export interface LogRecord {
  readonly ok: true;
  readonly offset: number;
  /** Milliseconds since 1970; −1 if the record has none. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** A transaction marker, not a record of a producer. */
  readonly isControl: boolean;
}

interface DecodeOptions {
  /** How large one batch may be once decompressed; default 32 MiB. */
  readonly maxDecompressedBytes?: number;
}

interface RecordsOptions extends DecodeOptions {
  /** Which batches to skip. Default: control batches. */
  readonly skipBatch?: (header: BatchHeader) => boolean;
}

type DecodeResult =
  | { readonly ok: true; readonly header: BatchHeader; readonly records: readonly LogRecord[] }
  | Refusal;

const DECOMPRESSED_BYTES_MAX = 32 * 1024 * 1024;
const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);

interface Payload {
  readonly ok: true;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

function corrupt(header: BatchHeader, what: string): Refusal {
  return refuse("CORRUPT_MESSAGE", `Record batch at byte ${header.position}: ${what}.`);
}

function openPayload(
  bytes: Uint8Array,
  header: BatchHeader,
  options: DecodeOptions,
): Payload | Refusal {
  const start = header.position + BATCH_OVERHEAD_BYTES;
  const end = header.position + header.sizeBytes;
  if (header.compression === null) return refuse("UNSUPPORTED_COMPRESSION_TYPE");
  if (header.compression === "none") return { ok: true, bytes, start, end };
  const maxBytes = options.maxDecompressedBytes ?? DECOMPRESSED_BYTES_MAX;
  const plain = decompress(header.compression, bytes.subarray(start, end), maxBytes);
  if (!plain.ok) return plain;
  return { ok: true, bytes: plain.bytes, start: 0, end: plain.bytes.length };
}

function headersOf(walker: RecordWalker, bytes: Uint8Array): readonly RecordHeader[] {
  if (walker.headerCount === 0) return NO_HEADERS;
  const headers: RecordHeader[] = [];
  walker.eachHeader((nameStart, nameEnd, valueStart, valueEnd) => {
    const value = valueStart < 0 ? null : bytes.subarray(valueStart, valueEnd);
    headers.push({ name: bytes.subarray(nameStart, nameEnd), value });
  });
  return headers;
}

function recordAt(walker: RecordWalker, bytes: Uint8Array, header: BatchHeader): LogRecord {
  const { keyStart, keyEnd, valueStart, valueEnd } = walker;
  const created = header.baseTimestamp + walker.timestampDelta;
  return {
    ok: true,
    offset: header.baseOffset + walker.offsetDelta,
    timestamp:
      header.timestampType === "LogAppendTime"
        ? header.maxTimestamp
        : created < 0
          ? NO_TIMESTAMP
          : created,
    key: keyStart < 0 ? null : bytes.subarray(keyStart, keyEnd),
    value: valueStart < 0 ? null : bytes.subarray(valueStart, valueEnd),
    headers: headersOf(walker, bytes),
    isControl: header.isControl,
  };
}

/** Yields the records of one batch from an offset on; a refusal, if any, is the last item. Returns whether all was read. */
function* batchRecords(
  bytes: Uint8Array,
  header: BatchHeader,
  startOffset: number,
  options: DecodeOptions,
): Generator<LogRecord | Refusal, boolean> {
  const payload = openPayload(bytes, header, options);
  if (!payload.ok) {
    yield payload;
    return false;
  }
  if (header.recordCount * RECORD_BYTES_MIN > payload.end - payload.start) {
    yield corrupt(header, `${header.recordCount} records do not fit into its bytes`);
    return false;
  }
  const walker = new RecordWalker(payload.bytes, payload.start, payload.end);
  for (let i = 0; i < header.recordCount; i++) {
    if (!walker.next()) {
      yield corrupt(header, walker.problem ?? "it ends early");
      return false;
    }
    if (walker.offsetDelta < 0 || walker.offsetDelta > header.lastOffsetDelta) {
      yield corrupt(header, `record ${i} has offset delta ${walker.offsetDelta}`);
      return false;
    }
    if (header.baseOffset + walker.offsetDelta < startOffset) continue;
    yield recordAt(walker, payload.bytes, header);
  }
  if (!walker.atEnd) yield corrupt(header, "bytes follow its last record");
  return walker.atEnd;
}

/**
 * Decodes the whole batch at `at`, control records included. Does not verify the CRC: the leader did, before the batch was
 * stored.
 *
 * Errors: those of `readBatchHeader` and `decompress`, CORRUPT_MESSAGE.
 */
export function decodeBatch(
  bytes: Uint8Array,
  at: number,
  options: DecodeOptions = {},
): DecodeResult {
  const read = readBatchHeader(bytes, at);
  if (!read.ok) return read;
  const cut = checkWhole(bytes, read.header);
  if (cut !== undefined) return cut;
  const records: LogRecord[] = [];
  for (const item of batchRecords(bytes, read.header, Number.NEGATIVE_INFINITY, options)) {
    if (!item.ok) return item;
    records.push(item);
  }
  return { ok: true, header: read.header, records };
}

/**
 * Yields the records of concatenated batches whose offset is at least `startOffset`, in their order. Batches that end
 * before it are not decompressed. If something cannot be read, the refusal is the last item: one of `decodeBatch`.
 */
export function* recordsFrom(
  bytes: Uint8Array,
  startOffset: number,
  options: RecordsOptions = {},
): Generator<LogRecord | Refusal, void> {
  let at = 0;
  while (at < bytes.length) {
    const read = readBatchHeader(bytes, at);
    if (!read.ok) return yield read;
    const { header } = read;
    const cut = checkWhole(bytes, header);
    if (cut !== undefined) return yield cut;
    at += header.sizeBytes;
    if (header.baseOffset + header.lastOffsetDelta < startOffset) continue;
    if (options.skipBatch?.(header) ?? header.isControl) continue;
    const whole = yield* batchRecords(bytes, header, startOffset, options);
    if (!whole) return;
  }
}
