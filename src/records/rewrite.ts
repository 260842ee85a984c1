/**
 * Rewrites header fields of a batch in place. The CRC does not cover the fields that the leader assigns (base offset,
 * leader epoch); it covers timestamps.
 */

import { crc32c } from "./crc32c.ts";
import { readI16, readI32, writeI16, writeI32, writeI64 } from "./integers.ts";
import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BATCH_LENGTH_AT,
  CRC_AT,
  LEADER_EPOCH_AT,
  LOG_APPEND_TIME_BIT,
  LOG_OVERHEAD_BYTES,
  MAX_TIMESTAMP_AT,
} from "./layout.ts";

/** Sets the base offset and the leader epoch of the batch at `at`; the CRC stays valid. */
export function assignOffsets(
  bytes: Uint8Array,
  at: number,
  baseOffset: number,
  leaderEpoch: number,
): void {
  writeI64(bytes, at + BASE_OFFSET_AT, baseOffset);
  writeI32(bytes, at + LEADER_EPOCH_AT, leaderEpoch);
}

/**
 * Makes the batch at `at` one of LogAppendTime (KIP-32): sets the bit and the maximum timestamp, and recomputes the CRC.
 * As in Kafka, base timestamp and deltas stay as the producer wrote them: readers of such a batch give every record the
 * maximum timestamp.
 */
export function stampLogAppendTime(bytes: Uint8Array, at: number, timestampMs: number): void {
  const attributes = readI16(bytes, at + ATTRIBUTES_AT);
  writeI16(bytes, at + ATTRIBUTES_AT, attributes | LOG_APPEND_TIME_BIT);
  setMaxTimestamp(bytes, at, timestampMs);
}

/** Sets the maximum timestamp of the batch at `at` and recomputes the CRC. */
export function setMaxTimestamp(bytes: Uint8Array, at: number, timestampMs: number): void {
  writeI64(bytes, at + MAX_TIMESTAMP_AT, timestampMs);
  const end = at + LOG_OVERHEAD_BYTES + readI32(bytes, at + BATCH_LENGTH_AT);
  writeI32(bytes, at + CRC_AT, crc32c(bytes, at + ATTRIBUTES_AT, end));
}
