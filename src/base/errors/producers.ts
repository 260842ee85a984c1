/** Errors of producers and of offsets in a log. */
import { row } from "../error-row.ts";

export const PRODUCER_ERRORS = {
  END_OFFSET_MISMATCH: row(
    -1,
    409,
    40906,
    false,
    "The log does not end at the expected offset; nothing was written.",
  ),
  FENCING_TOKEN_MISMATCH: row(
    -1,
    409,
    40907,
    false,
    "Another fencing token is in force than the one given; nothing was written.",
  ),
  INVALID_FENCING_TOKEN: row(42, 422, 42208, false, "The fencing token is not legal."),
  // Producers.
  INVALID_PRODUCER_EPOCH: row(
    47,
    403,
    40302,
    false,
    "The producer was fenced: a newer epoch of its id has written.",
  ),
  OUT_OF_ORDER_SEQUENCE_NUMBER: row(
    45,
    409,
    40904,
    false,
    "The sequence does not follow the last one that was written by this producer, and is none of the last five batches.",
  ),
  UNKNOWN_PRODUCER_ID: row(
    59,
    409,
    40904,
    false,
    "The producer's state has expired and its sequence does not start at 0.",
  ),

  // Offsets.
  OFFSET_BELOW_LOG_START: row(
    1,
    410,
    41001,
    false,
    "The offset is below the log start: its records were deleted.",
  ),
  OFFSET_OUT_OF_RANGE: row(1, 416, 41601, false, "The offset is past the end of the log."),
  NO_OFFSET_FOR_PARTITION: row(
    1,
    409,
    40903,
    false,
    "Nothing is committed for the partition, and auto.offset.reset is none.",
  ),
  OFFSET_METADATA_TOO_LARGE: row(
    12,
    422,
    42206,
    false,
    "The metadata of a committed offset is longer than offset.metadata.max.bytes.",
  ),
  OFFSET_NOT_AVAILABLE: row(
    78,
    503,
    50302,
    true,
    "A new leader does not know yet how far the log is committed.",
  ),
} as const;
