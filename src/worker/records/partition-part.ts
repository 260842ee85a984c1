/**
 * The records of a produce request that go to one partition, in one batch or, if the topic's `max.message.bytes`
 * requires it, in several. They are sent in one call, which appends all of them or none.
 */
import { joinBytes } from "../../base/bytes.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { CHUNK_BYTES_MAX, REQUEST_BYTES_MAX } from "../../base/limits.ts";
import { BatchBuilder, type BatchFields, type Compression } from "../../records/index.ts";
import type { ProducerStamp } from "./producer-stamp.ts";
import type { RecordFields } from "./record-fields.ts";

/** How batches are made for one topic and request. */
export interface BatchRules {
  /**
   * `max.message.bytes` of the topic. Does not bound idempotent batches: one may have been written before the setting
   * was lowered. The leader checks their size, after it has looked for a repeat.
   */
  readonly batchBytesMax: number;
  readonly compression: Compression;
  /** Set for idempotent requests: the part is then one batch, because a repeat is recognised by its batch. */
  readonly stamp: ProducerStamp | null;
}

export class PartitionPart {
  readonly partition: number;
  /** Records added. */
  records = 0;
  private readonly rules: BatchRules;
  /** Largest uncompressed batch. */
  private readonly maxBytes: number;
  private readonly builder: BatchBuilder;
  private readonly finished: Uint8Array[] = [];
  private bytes = 0;
  private readonly fields: BatchFields;

  /** `sequence`: of the part's first record; not used without a stamp. */
  constructor(partition: number, rules: BatchRules, sequence: number, capacityBytes: number) {
    const { batchBytesMax, compression, stamp } = rules;
    this.partition = partition;
    this.rules = rules;
    this.maxBytes = stamp === null ? batchBytesMax : CHUNK_BYTES_MAX;
    this.builder = new BatchBuilder({
      maxBytes: this.maxBytes,
      capacityBytes: Math.min(capacityBytes, this.maxBytes),
    });
    this.fields =
      stamp === null
        ? { compression }
        : {
            compression,
            producerId: stamp.producerId,
            producerEpoch: stamp.producerEpoch,
            baseSequence: sequence,
          };
  }

  /** Adds a record. After a refusal nothing has changed. */
  add(record: RecordFields, timestamp: number): Refusal | null {
    if (this.append(record, timestamp)) return null;
    if (this.builder.count > 0 && this.rules.stamp === null) {
      this.close();
      if (this.append(record, timestamp)) return null;
    }
    return refuse("MESSAGE_TOO_LARGE", `A record batch here has at most ${this.maxBytes} bytes.`);
  }

  /** Whether a record was refused because an idempotent part may not have a second batch. */
  get isFull(): boolean {
    return this.rules.stamp !== null && this.builder.count > 0;
  }

  /** The batches, concatenated. Requires at least one record. */
  batches(): Uint8Array | Refusal {
    if (this.builder.count > 0) this.close();
    if (this.bytes > REQUEST_BYTES_MAX) {
      const text = `The records of one partition are more than ${REQUEST_BYTES_MAX} bytes.`;
      return refuse("MESSAGE_TOO_LARGE", text);
    }
    return joinBytes(this.finished);
  }

  private append({ key, value, headers }: RecordFields, timestamp: number): boolean {
    const taken = this.builder.append(
      timestamp,
      key.source,
      key.start,
      key.end,
      value.source,
      value.start,
      value.end,
      headers,
    );
    if (taken) this.records++;
    return taken;
  }

  private close(): void {
    let batch = this.builder.finish(this.fields);
    // Data that does not compress may grow by a few bytes; uncompressed it fits.
    if (batch.length > this.rules.batchBytesMax) {
      batch = this.builder.finish({ ...this.fields, compression: "none" });
    }
    this.finished.push(batch);
    this.bytes += batch.length;
    this.builder.reset();
  }
}
