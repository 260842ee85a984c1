/**
 * Record batches encoded by a producer: validated to their last byte, then stored as they came, or in the compression
 * that the topic asks for.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import { joinBytes } from "../base/bytes.ts";
import type { EffectiveConfig } from "../base/config.ts";
import { CHUNK_BYTES_MAX, DECOMPRESSED_BYTES_MAX } from "../base/limits.ts";
import {
  decodeBatch,
  encodeBatch,
  setMaxTimestamp,
  splitBatches,
  validateProducedBatch,
  type BatchHeader,
  type Compression,
  type RecordsRefusal,
} from "../records/index.ts";

export type RawBatches =
  | {
      readonly ok: true;
      readonly bytes: Uint8Array;
      readonly records: number;
      /** Every batch carries a producer's sequence. */
      readonly sequenced: boolean;
      /** Batches that are refused with this unless they were already appended before a setting was changed. */
      readonly unlessRepeated?: Refusal;
    }
  | RecordsRefusal;

/** The most that the topic's own setting can be. */
const ROW_LIMITS = {
  maxMessageBytes: CHUNK_BYTES_MAX,
  maxDecompressedBytes: DECOMPRESSED_BYTES_MAX,
} as const;

/** The compression that a topic's batches are stored in; null: the producer's own. */
export function topicCompression(config: EffectiveConfig): Compression | null {
  const type = config["compression.type"];
  if (type === "producer") return null;
  return type === "uncompressed" ? "none" : type;
}

/**
 * Validates all batches of a body before any is used, by rules that hold at every attempt. What depends on the
 * topic's settings is left to the leader, which knows whether a numbered batch is already in the log. Errors: those
 * of the batch codec; without `takesZstd` UNSUPPORTED_COMPRESSION_TYPE (KIP-110).
 */
export function readRawBatches(
  body: Uint8Array,
  config: EffectiveConfig,
  takesZstd = true,
): RawBatches {
  const split = splitBatches(body);
  if (!split.ok) return split;
  const compression = topicCompression(config);
  const limits = {
    maxMessageBytes: config["max.message.bytes"],
    maxDecompressedBytes: DECOMPRESSED_BYTES_MAX,
  };
  let records = 0;
  let sequenced = true;
  let unchanged = true;
  for (const header of split.batches) {
    // A numbered batch may have been appended before the setting was lowered: the leader recognizes it, or refuses
    // it.
    const isNumbered = header.producerId >= 0;
    const valid = validateProducedBatch(body, header, isNumbered ? ROW_LIMITS : limits);
    if (!valid.ok) return behind(valid, records);
    if (!takesZstd && header.compression === "zstd") return refuse("UNSUPPORTED_COMPRESSION_TYPE");
    if (header.isTransactional) {
      return refuse("INVALID_RECORD", "Transactional batches are not taken.");
    }
    // Look-ups by time rely on the header, and the headers of producers are not always right.
    if (valid.maxTimestamp !== header.maxTimestamp) {
      setMaxTimestamp(body, header.position, valid.maxTimestamp);
    }
    records += header.recordCount;
    sequenced &&= header.producerId >= 0;
    unchanged &&= compression === null || header.compression === compression;
  }
  if (unchanged || compression === null) return { ok: true, bytes: body, records, sequenced };
  const { maxMessageBytes } = sequenced ? ROW_LIMITS : limits;
  const bytes = recompress(body, split.batches, compression, maxMessageBytes);
  if (bytes instanceof Uint8Array) return { ok: true, bytes, records, sequenced };
  // The topic may have had another compression when it was written.
  return sequenced ? { ok: true, bytes: body, records, sequenced, unlessRepeated: bytes } : bytes;
}

/** The refusal of a batch, with the index of its first record added to those of the refusal. */
function behind(refusal: RecordsRefusal, records: number): RecordsRefusal {
  if (refusal.recordErrors === undefined || records === 0) return refusal;
  const moved = refusal.recordErrors.map((error) => ({ ...error, index: error.index + records }));
  return { ...refusal, recordErrors: moved };
}

function recompress(
  body: Uint8Array,
  headers: readonly BatchHeader[],
  compression: Compression,
  batchBytesMax: number,
): Uint8Array | Refusal {
  const parts: Uint8Array[] = [];
  for (const header of headers) {
    const part = recompressBatch(body, header, compression);
    if (!(part instanceof Uint8Array)) return part;
    if (part.length > batchBytesMax) {
      const text = `In the topic's compression the batch has ${part.length} bytes, more than ${batchBytesMax}.`;
      return refuse("MESSAGE_TOO_LARGE", text);
    }
    parts.push(part);
  }
  return joinBytes(parts);
}

function recompressBatch(
  body: Uint8Array,
  header: BatchHeader,
  compression: Compression,
): Uint8Array | Refusal {
  const { position, sizeBytes } = header;
  if (header.compression === compression) return body.subarray(position, position + sizeBytes);
  const options = { maxDecompressedBytes: DECOMPRESSED_BYTES_MAX };
  const decoded = decodeBatch(body, position, options);
  if (!decoded.ok) return decoded;
  const { producerId, producerEpoch, baseSequence } = header;
  return encodeBatch(decoded.records, { compression, producerId, producerEpoch, baseSequence });
}
