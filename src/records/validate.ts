/**
 * Validates batches of producers before anything is written. Refuses what Kafka's LogValidator refuses, and what would
 * make a stored batch unreadable.
 */

import { refuse, type ErrorName, type Refusal } from "../base/errors.ts";
import { decompress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { checkWhole, type BatchHeader } from "./header.ts";
import type { RecordsRefusal } from "./record-errors.ts";
import {
  ATTRIBUTES_AT,
  BATCH_OVERHEAD_BYTES,
  DELETE_HORIZON_BIT,
  KNOWN_ATTRIBUTE_BITS,
  NO_TIMESTAMP,
  RECORD_BYTES_MIN,
  TIMESTAMP_MS_MAX,
} from "./layout.ts";
import { RecordWalker } from "./walker.ts";

interface ProduceLimits {
  /** The largest batch as it travels and is stored (`max.message.bytes`). */
  readonly maxMessageBytes: number;
  /** How large a batch may be once decompressed; default 16 × maxMessageBytes. */
  readonly maxDecompressedBytes?: number;
}

/** By what factor a batch may grow when it is decompressed, unless the caller sets a limit. */
const EXPANSION_MAX = 16;

/**
 * `maxTimestamp` is computed from the records. The header that a producer sends may state another one; Kafka corrects it
 * (see `setMaxTimestamp`), since look-ups by time depend on it.
 */
type ValidationResult = { readonly ok: true; readonly maxTimestamp: number } | RecordsRefusal;

function wrong(error: ErrorName, header: BatchHeader, what: string): Refusal {
  return refuse(error, `Record batch at byte ${header.position}: ${what}.`);
}

/** Refuses a batch because of the record at `index` in it (KIP-467). */
function ofRecord(
  error: ErrorName,
  header: BatchHeader,
  index: number,
  what: string,
): RecordsRefusal {
  const recordErrors = [{ index, message: `It ${what}.` }];
  return { ...wrong(error, header, `record ${index} ${what}`), recordErrors };
}

/**
 * Validates one batch that a producer sent, to its last byte. Uncompressed records are checked in place, without an
 * allocation for each.
 *
 * Errors: CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, INVALID_RECORD, INVALID_TIMESTAMP,
 * UNSUPPORTED_COMPRESSION_TYPE.
 */
export function validateProducedBatch(
  bytes: Uint8Array,
  header: BatchHeader,
  limits: ProduceLimits,
): ValidationResult {
  const refused =
    checkWhole(bytes, header) ??
    checkSize(header, limits) ??
    checkCrc(bytes, header) ??
    checkAttributes(header) ??
    checkProducer(header) ??
    checkCount(header) ??
    checkHeaderTimestamps(header);
  if (refused !== undefined) return refused;
  const start = header.position + BATCH_OVERHEAD_BYTES;
  const end = header.position + header.sizeBytes;
  if (header.compression === "none") return walk(bytes, start, end, header);
  if (header.compression === null) {
    return wrong("UNSUPPORTED_COMPRESSION_TYPE", header, "its codec does not exist");
  }
  const maxBytes = limits.maxDecompressedBytes ?? EXPANSION_MAX * limits.maxMessageBytes;
  const plain = decompress(header.compression, bytes.subarray(start, end), maxBytes);
  if (!plain.ok) return wrong(plain.error, header, plain.message.replace(/\.$/, ""));
  return walk(plain.bytes, 0, plain.bytes.length, header);
}

function checkSize(header: BatchHeader, limits: ProduceLimits): Refusal | undefined {
  if (header.sizeBytes <= limits.maxMessageBytes) return undefined;
  const text = `${header.sizeBytes} bytes are more than the ${limits.maxMessageBytes} allowed`;
  return wrong("MESSAGE_TOO_LARGE", header, text);
}

/** Whether a whole batch matches its checksum, which covers everything after it. */
export function hasValidCrc(bytes: Uint8Array, header: BatchHeader): boolean {
  const at = header.position;
  return crc32c(bytes, at + ATTRIBUTES_AT, at + header.sizeBytes) === header.crc;
}

function checkCrc(bytes: Uint8Array, header: BatchHeader): Refusal | undefined {
  if (hasValidCrc(bytes, header)) return undefined;
  return wrong("CORRUPT_MESSAGE", header, "its CRC-32C does not match its bytes");
}

function checkAttributes(header: BatchHeader): Refusal | undefined {
  if ((header.attributes & ~KNOWN_ATTRIBUTE_BITS) !== 0) {
    return wrong("INVALID_RECORD", header, "it has attribute bits that are reserved");
  }
  if (header.isControl) {
    return wrong("INVALID_RECORD", header, "control batches are written by the service alone");
  }
  if ((header.attributes & DELETE_HORIZON_BIT) !== 0) {
    return wrong("INVALID_RECORD", header, "only compaction sets a delete horizon");
  }
  if (header.timestampType === "LogAppendTime") {
    return wrong("INVALID_TIMESTAMP", header, "producers do not set the append time");
  }
  return undefined;
}

/**
 * Epoch and sequence mean nothing without a producer id: Kafka ignores them then, and clients write different values
 * (kafkajs 0, most others −1).
 */
function checkProducer(header: BatchHeader): Refusal | undefined {
  const { producerId, producerEpoch, baseSequence } = header;
  if (producerId === -1) {
    if (!header.isTransactional) return undefined;
    return wrong("INVALID_RECORD", header, "it is transactional and names no producer id");
  }
  if (producerId >= 0 && producerEpoch >= 0 && baseSequence >= 0) return undefined;
  const text = "a producer id comes with an epoch and a sequence, none of them negative";
  return wrong("INVALID_RECORD", header, text);
}

/** Also refuses a batch without records, since a last offset delta is never negative. */
function checkCount(header: BatchHeader): Refusal | undefined {
  const { recordCount, lastOffsetDelta } = header;
  if (recordCount === lastOffsetDelta + 1) return undefined;
  const text = `${recordCount} records do not fit a last offset delta of ${lastOffsetDelta}`;
  return wrong("INVALID_RECORD", header, text);
}

function isTimestamp(timestamp: number): boolean {
  return timestamp >= NO_TIMESTAMP && timestamp <= TIMESTAMP_MS_MAX;
}

function checkHeaderTimestamps(header: BatchHeader): Refusal | undefined {
  if (isTimestamp(header.baseTimestamp) && isTimestamp(header.maxTimestamp)) return undefined;
  return wrong("INVALID_TIMESTAMP", header, "a timestamp of its header is out of bounds");
}

function walk(
  payload: Uint8Array,
  start: number,
  end: number,
  header: BatchHeader,
): ValidationResult {
  const { recordCount, baseTimestamp } = header;
  if (recordCount * RECORD_BYTES_MIN > end - start) {
    return wrong("CORRUPT_MESSAGE", header, `${recordCount} records do not fit into its bytes`);
  }
  const walker = new RecordWalker(payload, start, end);
  let maxTimestamp = NO_TIMESTAMP;
  for (let i = 0; i < recordCount; i++) {
    if (!walker.next()) return wrong("CORRUPT_MESSAGE", header, walker.problem ?? "it ends early");
    if (walker.offsetDelta !== i) {
      return ofRecord("INVALID_RECORD", header, i, `has offset delta ${walker.offsetDelta}`);
    }
    const timestamp = baseTimestamp + walker.timestampDelta;
    if (!isTimestamp(timestamp)) {
      return ofRecord("INVALID_TIMESTAMP", header, i, "has a timestamp out of bounds");
    }
    if (timestamp > maxTimestamp) maxTimestamp = timestamp;
  }
  if (!walker.atEnd) return wrong("CORRUPT_MESSAGE", header, "bytes follow its last record");
  return { ok: true, maxTimestamp };
}
