/** The codec of record batches: pure functions over bytes. Errors are refusals, never exceptions. */

export { BatchBuilder, type BatchFields, type RecordHeader } from "./builder.ts";
export { compress, decompress } from "./compression.ts";
export { crc32c } from "./crc32c.ts";
export { decodeBatch, recordsFrom, type LogRecord } from "./decode.ts";
export { encodeBatch, type ProducerRecord } from "./encode.ts";
export { readBatchHeader, splitBatches, type BatchHeader } from "./header.ts";
export { BATCH_OVERHEAD_BYTES, type Compression } from "./layout.ts";
export { murmur2, partitionForKey } from "./murmur2.ts";
export { RECORD_ERRORS_MAX, type RecordError, type RecordsRefusal } from "./record-errors.ts";
export { assignOffsets, setMaxTimestamp, stampLogAppendTime } from "./rewrite.ts";
export { hasValidCrc, validateProducedBatch } from "./validate.ts";
