/**
 * The positions of the fields of a RecordBatch v2, and the meaning of its attribute bits (KIP-98, and the section on
 * record batches in Kafka's documentation). Numbers only: nothing is parsed here.
 */

/** Header of a batch, from baseOffset to the record count. */
export const BATCH_OVERHEAD_BYTES = 61;

/** baseOffset and batchLength, which batchLength does not count. */
export const LOG_OVERHEAD_BYTES = 12;

/** The smallest legal batchLength: a header without records. */
export const BATCH_LENGTH_MIN = BATCH_OVERHEAD_BYTES - LOG_OVERHEAD_BYTES;

/** Length, attributes, two deltas, two lengths and a header count, one byte each. */
export const RECORD_BYTES_MIN = 7;

export const MAGIC_V2 = 2;

export const BASE_OFFSET_AT = 0;
export const BATCH_LENGTH_AT = 8;
export const LEADER_EPOCH_AT = 12;
export const MAGIC_AT = 16;
export const CRC_AT = 17;
/** The CRC covers everything from here on, so offset and leader epoch can be rewritten without it. */
export const ATTRIBUTES_AT = 21;
export const LAST_OFFSET_DELTA_AT = 23;
export const BASE_TIMESTAMP_AT = 27;
export const MAX_TIMESTAMP_AT = 35;
export const PRODUCER_ID_AT = 43;
export const PRODUCER_EPOCH_AT = 51;
export const BASE_SEQUENCE_AT = 53;
export const RECORD_COUNT_AT = 57;

export const CODEC_MASK = 0x07;
export const LOG_APPEND_TIME_BIT = 0x08;
export const TRANSACTIONAL_BIT = 0x10;
export const CONTROL_BIT = 0x20;
/** Set by compaction only: baseTimestamp then holds the delete horizon (KIP-534). */
export const DELETE_HORIZON_BIT = 0x40;
export const KNOWN_ATTRIBUTE_BITS = 0x7f;

export type Compression = "none" | "gzip" | "snappy" | "lz4" | "zstd";

/** Indexed by the codec bits. */
export const CODECS: readonly Compression[] = ["none", "gzip", "snappy", "lz4", "zstd"];

/** "This record has no timestamp" (KIP-32). */
export const NO_TIMESTAMP = -1;

/** The last instant that a JavaScript `Date` can hold; later timestamps are refused. */
export const TIMESTAMP_MS_MAX = 8_640_000_000_000_000;
