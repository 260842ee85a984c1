/**
 * Reads the headers of record batches, of one or of many that are concatenated. Reads no record and computes no checksum:
 * followers and readers step through many batches with this.
 */

import { refuse, type Refusal } from "../base/errors.ts";
import { readI16, readI32, readI64 } from "./integers.ts";
import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  BATCH_LENGTH_AT,
  BATCH_LENGTH_MIN,
  BATCH_OVERHEAD_BYTES,
  CODEC_MASK,
  CODECS,
  CONTROL_BIT,
  CRC_AT,
  LAST_OFFSET_DELTA_AT,
  LEADER_EPOCH_AT,
  LOG_APPEND_TIME_BIT,
  LOG_OVERHEAD_BYTES,
  MAGIC_AT,
  MAGIC_V2,
  MAX_TIMESTAMP_AT,
  PRODUCER_EPOCH_AT,
  PRODUCER_ID_AT,
  RECORD_COUNT_AT,
  TRANSACTIONAL_BIT,
  type Compression,
} from "./layout.ts";

type TimestampType = "CreateTime" | "LogAppendTime";

export interface BatchHeader {
  /** Index of the batch's first byte in the buffer that it was read from. */
  readonly position: number;
  /** The whole batch in bytes: 12 + batchLength. */
  readonly sizeBytes: number;
  readonly baseOffset: number;
  readonly batchLength: number;
  readonly partitionLeaderEpoch: number;
  readonly magic: number;
  readonly crc: number;
  readonly attributes: number;
  /** Null if the codec bits name no codec that exists. */
  readonly compression: Compression | null;
  readonly timestampType: TimestampType;
  readonly isTransactional: boolean;
  readonly isControl: boolean;
  readonly lastOffsetDelta: number;
  /** Milliseconds since 1970, like maxTimestamp. */
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  /** −1 if the producer is not idempotent; the same holds for epoch and sequence. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

type HeaderResult = { readonly ok: true; readonly header: BatchHeader } | Refusal;

function corrupt(at: number, what: string): Refusal {
  return refuse("CORRUPT_MESSAGE", `Record batch at byte ${at}: ${what}.`);
}

/** Checks what the first bytes tell, before the rest of the header is read. */
function checkFrame(bytes: Uint8Array, at: number): Refusal | undefined {
  const left = bytes.length - at;
  if (left < MAGIC_AT + 1) return corrupt(at, `${left} bytes are too few for a batch header`);
  // The magic byte is at the same position in all three message formats.
  const magic = bytes[at + MAGIC_AT]!;
  if (magic !== MAGIC_V2) {
    const text = `Record batch at byte ${at}: message format ${magic} is not supported, only 2 is.`;
    return refuse("UNSUPPORTED_FOR_MESSAGE_FORMAT", text);
  }
  if (left < BATCH_OVERHEAD_BYTES) {
    return corrupt(at, `${left} bytes are too few for a batch header`);
  }
  const batchLength = readI32(bytes, at + BATCH_LENGTH_AT);
  if (batchLength < BATCH_LENGTH_MIN) return corrupt(at, `a length of ${batchLength} is too short`);
  return undefined;
}

function checkNumbers(header: BatchHeader): Refusal | undefined {
  const at = header.position;
  if (!Number.isSafeInteger(header.baseOffset + header.lastOffsetDelta)) {
    return corrupt(at, "the offsets are beyond 2^53");
  }
  if (header.lastOffsetDelta < 0) return corrupt(at, "the last offset delta is negative");
  if (header.recordCount < 0) return corrupt(at, "the record count is negative");
  if (Number.isNaN(header.baseTimestamp) || Number.isNaN(header.maxTimestamp)) {
    const text = `Record batch at byte ${at}: a timestamp is beyond 2^53 milliseconds.`;
    return refuse("INVALID_TIMESTAMP", text);
  }
  if (Number.isNaN(header.producerId)) return corrupt(at, "the producer id is beyond 2^53");
  return undefined;
}

/**
 * Reads the 61 bytes at `at`. The records after them need not be in the buffer.
 *
 * Errors: CORRUPT_MESSAGE (too short, impossible lengths, numbers beyond ±2^53), INVALID_TIMESTAMP (timestamps beyond
 * ±2^53), UNSUPPORTED_FOR_MESSAGE_FORMAT (message sets of magic 0 and 1, and magics of the future).
 */
export function readBatchHeader(bytes: Uint8Array, at: number): HeaderResult {
  const wrongFrame = checkFrame(bytes, at);
  if (wrongFrame !== undefined) return wrongFrame;
  const batchLength = readI32(bytes, at + BATCH_LENGTH_AT);
  const attributes = readI16(bytes, at + ATTRIBUTES_AT);
  const header: BatchHeader = {
    position: at,
    sizeBytes: LOG_OVERHEAD_BYTES + batchLength,
    baseOffset: readI64(bytes, at + BASE_OFFSET_AT),
    batchLength,
    partitionLeaderEpoch: readI32(bytes, at + LEADER_EPOCH_AT),
    magic: MAGIC_V2,
    crc: readI32(bytes, at + CRC_AT) >>> 0,
    attributes,
    compression: CODECS[attributes & CODEC_MASK] ?? null,
    timestampType: (attributes & LOG_APPEND_TIME_BIT) === 0 ? "CreateTime" : "LogAppendTime",
    isTransactional: (attributes & TRANSACTIONAL_BIT) !== 0,
    isControl: (attributes & CONTROL_BIT) !== 0,
    lastOffsetDelta: readI32(bytes, at + LAST_OFFSET_DELTA_AT),
    baseTimestamp: readI64(bytes, at + BASE_TIMESTAMP_AT),
    maxTimestamp: readI64(bytes, at + MAX_TIMESTAMP_AT),
    producerId: readI64(bytes, at + PRODUCER_ID_AT),
    producerEpoch: readI16(bytes, at + PRODUCER_EPOCH_AT),
    baseSequence: readI32(bytes, at + BASE_SEQUENCE_AT),
    recordCount: readI32(bytes, at + RECORD_COUNT_AT),
  };
  return checkNumbers(header) ?? { ok: true, header };
}

/** Refuses a batch of which the buffer holds only a part. */
export function checkWhole(bytes: Uint8Array, header: BatchHeader): Refusal | undefined {
  const left = bytes.length - header.position;
  if (header.sizeBytes <= left) return undefined;
  const text = `it says ${header.sizeBytes} bytes and ${left} are there`;
  return corrupt(header.position, text);
}

/**
 * Reads the headers of concatenated whole batches; none if the buffer is empty. The work is bounded by the buffer, since
 * every step consumes at least a header.
 *
 * Errors: those of `readBatchHeader`; CORRUPT_MESSAGE if a batch is cut short or bytes follow the last one.
 */
export function splitBatches(
  bytes: Uint8Array,
): { readonly ok: true; readonly batches: readonly BatchHeader[] } | Refusal {
  const batches: BatchHeader[] = [];
  let at = 0;
  while (at < bytes.length) {
    const read = readBatchHeader(bytes, at);
    if (!read.ok) return read;
    const cut = checkWhole(bytes, read.header);
    if (cut !== undefined) return cut;
    batches.push(read.header);
    at += read.header.sizeBytes;
  }
  return { ok: true, batches };
}
