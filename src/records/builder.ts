/**
 * Builds record batches. Records are written directly into one growing buffer, so that no object is made for them. Sizes
 * are computed before anything is written, since a record begins with its own length.
 */

import { assert } from "../base/errors.ts";
import { compress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import {
  varintBytes,
  varlongBytes,
  writeI16,
  writeI32,
  writeI64,
  writeVarint,
  writeVarlong,
} from "./integers.ts";
import {
  ATTRIBUTES_AT,
  BASE_OFFSET_AT,
  BASE_SEQUENCE_AT,
  BASE_TIMESTAMP_AT,
  BATCH_LENGTH_AT,
  BATCH_OVERHEAD_BYTES,
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

export interface RecordHeader {
  readonly name: Uint8Array;
  readonly value: Uint8Array | null;
}

/** The header fields of a batch that do not follow from its records. */
export interface BatchFields {
  /** Default "none". */
  readonly compression?: Compression;
  /** Default 0: the leader assigns it. */
  readonly baseOffset?: number;
  /** Default −1: the leader assigns it. */
  readonly leaderEpoch?: number;
  /** Default −1, as for producerEpoch and baseSequence: not idempotent. */
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  /** Set to make it a batch of LogAppendTime, whose records all have this timestamp. */
  readonly logAppendTimeMs?: number;
}

/** Up to this size a loop is faster than `set` with the view that it needs. */
const LOOP_BYTES_MAX = 48;

function copy(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
): number {
  if (end - start > LOOP_BYTES_MAX) {
    target.set(source.subarray(start, end), at);
    return at + (end - start);
  }
  for (let i = start; i < end; i++) target[at++] = source[i]!;
  return at;
}

function headersBytes(headers: readonly RecordHeader[]): number {
  let bytes = varintBytes(headers.length);
  for (const { name, value } of headers) {
    bytes += varintBytes(name.length) + name.length;
    bytes += value === null ? 1 : varintBytes(value.length) + value.length;
  }
  return bytes;
}

const CAPACITY_BYTES = 4_096;
const NO_BYTES = new Uint8Array(0);

/**
 * Builds one batch after another: `append` … `finish`, `reset`, `append` … . The buffer grows by doubling, and is handed
 * over with a batch that is not compressed.
 */
export class BatchBuilder {
  private buffer: Uint8Array<ArrayBuffer>;
  private readonly maxBytes: number;
  private isHandedOver = false;
  private at = BATCH_OVERHEAD_BYTES;
  private records = 0;
  private baseTimestamp = 0;
  private latestTimestamp = 0;

  /** @param options `maxBytes` bounds the uncompressed batch: `append` refuses what would exceed it */
  constructor(options: { readonly maxBytes?: number; readonly capacityBytes?: number } = {}) {
    this.maxBytes = options.maxBytes ?? 0x7fff_ffff;
    this.buffer = new Uint8Array(
      Math.max(options.capacityBytes ?? CAPACITY_BYTES, BATCH_OVERHEAD_BYTES),
    );
  }

  /** Records so far. */
  get count(): number {
    return this.records;
  }

  /** The whole batch so far, uncompressed, its header included. */
  get sizeBytes(): number {
    return this.at;
  }

  /** The largest timestamp so far, in milliseconds. */
  get maxTimestamp(): number {
    return this.latestTimestamp;
  }

  /** Begins the next batch. */
  reset(): void {
    if (this.isHandedOver) this.buffer = NO_BYTES;
    this.isHandedOver = false;
    this.at = BATCH_OVERHEAD_BYTES;
    this.records = 0;
  }

  /**
   * Appends a record whose key and value are bytes [start, end) of their sources; a null source stands for a null key or
   * value. The timestamp is a safe integer, in milliseconds.
   *
   * Returns false and writes nothing if the batch would exceed `maxBytes`: finish it, reset, and append again. If the
   * batch is empty, the record is too large for any batch.
   */
  append(
    timestamp: number,
    keySource: Uint8Array | null,
    keyStart: number,
    keyEnd: number,
    valueSource: Uint8Array | null,
    valueStart: number,
    valueEnd: number,
    headers: readonly RecordHeader[] | null,
  ): boolean {
    const first = this.records === 0;
    const timestampDelta = first ? 0 : timestamp - this.baseTimestamp;
    const keyBytes = keySource === null ? -1 : keyEnd - keyStart;
    const valueBytes = valueSource === null ? -1 : valueEnd - valueStart;
    const bodyBytes =
      1 +
      varlongBytes(timestampDelta) +
      varintBytes(this.records) +
      varintBytes(keyBytes) +
      (keyBytes < 0 ? 0 : keyBytes) +
      varintBytes(valueBytes) +
      (valueBytes < 0 ? 0 : valueBytes) +
      (headers === null ? 1 : headersBytes(headers));
    const end = this.at + varintBytes(bodyBytes) + bodyBytes;
    if (end > this.maxBytes) return false;
    if (end > this.buffer.length) this.grow(end);
    const out = this.buffer;
    let at = writeVarint(out, this.at, bodyBytes);
    out[at++] = 0;
    at = writeVarlong(out, at, timestampDelta);
    at = writeVarint(out, at, this.records);
    at = writeVarint(out, at, keyBytes);
    if (keySource !== null) at = copy(out, at, keySource, keyStart, keyEnd);
    at = writeVarint(out, at, valueBytes);
    if (valueSource !== null) at = copy(out, at, valueSource, valueStart, valueEnd);
    if (headers === null) out[at++] = 0;
    else at = this.writeHeaders(at, headers);
    this.at = at;
    if (first) this.baseTimestamp = timestamp;
    if (first || timestamp > this.latestTimestamp) this.latestTimestamp = timestamp;
    this.records++;
    return true;
  }

  /**
   * The whole batch, which has at least one record. Uncompressed, it is a view of the builder's buffer, which belongs to
   * the caller from then on: copy it before RPC, which would send the whole buffer.
   */
  finish(fields: BatchFields = {}): Uint8Array<ArrayBuffer> {
    assert(this.records > 0, "a batch without records is not built");
    const compression = fields.compression ?? "none";
    let batch: Uint8Array<ArrayBuffer>;
    if (compression === "none") {
      batch = this.buffer.subarray(0, this.at);
      this.isHandedOver = true;
    } else {
      const payload = compress(compression, this.buffer.subarray(BATCH_OVERHEAD_BYTES, this.at));
      batch = new Uint8Array(BATCH_OVERHEAD_BYTES + payload.length);
      batch.set(payload, BATCH_OVERHEAD_BYTES);
    }
    this.writeBatchHeader(batch, fields, compression);
    return batch;
  }

  private writeBatchHeader(out: Uint8Array, fields: BatchFields, compression: Compression): void {
    let attributes = CODECS.indexOf(compression);
    if (fields.logAppendTimeMs !== undefined) attributes |= LOG_APPEND_TIME_BIT;
    if (fields.isTransactional === true) attributes |= TRANSACTIONAL_BIT;
    if (fields.isControl === true) attributes |= CONTROL_BIT;
    writeI64(out, BASE_OFFSET_AT, fields.baseOffset ?? 0);
    writeI32(out, BATCH_LENGTH_AT, out.length - LOG_OVERHEAD_BYTES);
    writeI32(out, LEADER_EPOCH_AT, fields.leaderEpoch ?? -1);
    out[MAGIC_AT] = MAGIC_V2;
    writeI16(out, ATTRIBUTES_AT, attributes);
    writeI32(out, LAST_OFFSET_DELTA_AT, this.records - 1);
    writeI64(out, BASE_TIMESTAMP_AT, this.baseTimestamp);
    writeI64(out, MAX_TIMESTAMP_AT, fields.logAppendTimeMs ?? this.latestTimestamp);
    writeI64(out, PRODUCER_ID_AT, fields.producerId ?? -1);
    writeI16(out, PRODUCER_EPOCH_AT, fields.producerEpoch ?? -1);
    writeI32(out, BASE_SEQUENCE_AT, fields.baseSequence ?? -1);
    writeI32(out, RECORD_COUNT_AT, this.records);
    writeI32(out, CRC_AT, crc32c(out, ATTRIBUTES_AT));
  }

  private writeHeaders(start: number, headers: readonly RecordHeader[]): number {
    const out = this.buffer;
    let at = writeVarint(out, start, headers.length);
    for (const { name, value } of headers) {
      at = writeVarint(out, at, name.length);
      at = copy(out, at, name, 0, name.length);
      at = writeVarint(out, at, value === null ? -1 : value.length);
      if (value !== null) at = copy(out, at, value, 0, value.length);
    }
    return at;
  }

  private grow(neededBytes: number): void {
    const larger = new Uint8Array(Math.max(neededBytes, 2 * this.buffer.length, CAPACITY_BYTES));
    if (this.records > 0) larger.set(this.buffer.subarray(0, this.at));
    this.buffer = larger;
  }
}
