/**
 * The record batch codec: pure functions over bytes. No I/O, no clock, no randomness; errors
 * are refusals, never exceptions.
 */

export { BatchBuilder, type BatchFields, type RecordHeader } from "./builder.ts";
export { compress, decompress } from "./compression.ts";
export { crc32c } from "./crc32c.ts";
export {
  decodeBatch,
  recordsFrom,
  type DecodeOptions,
  type DecodeResult,
  type LogRecord,
  type RecordsOptions,
} from "./decode.ts";
export { encodeBatch, type ProducerRecord } from "./encode.ts";
export {
  readBatchHeader,
  splitBatches,
  type BatchHeader,
  type HeaderResult,
  type TimestampType,
} from "./header.ts";
export { BATCH_OVERHEAD_BYTES, type Compression } from "./layout.ts";
export { murmur2, partitionForKey } from "./murmur2.ts";
export { type BytesResult } from "./plain-bytes.ts";
export { assignOffsets, setMaxTimestamp, stampLogAppendTime } from "./rewrite.ts";
export { validateProducedBatch, type ProduceLimits, type ValidationResult } from "./validate.ts";
export { JSON_DEPTH_MAX, JsonCursor, type JsonKind } from "./json-slices.ts";
