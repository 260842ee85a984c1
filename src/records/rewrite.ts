/**
 * Rewrites header fields of a batch where it lies. What the leader assigns (base offset, leader
 * epoch) lies before the bytes that the CRC covers; the append time does not.
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

/** Sets the base offset and the leader epoch of the batch at `at`; the CRC stays right. */
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
 * Makes the batch at `at` one of LogAppendTime (KIP-32): sets the bit and the maximum timestamp
 * and computes the CRC anew. Base timestamp and deltas stay as the producer wrote them, as they
 * do in Kafka: a reader of such a batch gives every record the maximum timestamp.
 */
export function stampLogAppendTime(bytes: Uint8Array, at: number, timestampMs: number): void {
  const attributes = readI16(bytes, at + ATTRIBUTES_AT);
  writeI16(bytes, at + ATTRIBUTES_AT, attributes | LOG_APPEND_TIME_BIT);
  setMaxTimestamp(bytes, at, timestampMs);
}

/** Corrects the maximum timestamp of the batch at `at` and computes the CRC anew. */
export function setMaxTimestamp(bytes: Uint8Array, at: number, timestampMs: number): void {
  writeI64(bytes, at + MAX_TIMESTAMP_AT, timestampMs);
  const end = at + LOG_OVERHEAD_BYTES + readI32(bytes, at + BATCH_LENGTH_AT);
  writeI32(bytes, at + CRC_AT, crc32c(bytes, at + ATTRIBUTES_AT, end));
}
