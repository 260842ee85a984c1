/**
 * The part of a produce request that goes to one partition: its records, in one batch or, where the
 * topic's `max.message.bytes` asks for it, several. They leave in one call, which takes all or none.
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
   * `max.message.bytes` of the topic. A numbered batch may be in the log since before it was lowered: the leader
   * judges its size, which recognises it first.
   */
  readonly batchBytesMax: number;
  readonly compression: Compression;
  /** Set for idempotent requests: then a part is one batch, since a repeat must be recognized whole. */
  readonly stamp: ProducerStamp | null;
}

export class PartitionPart {
  readonly partition: number;
  /** Records taken. */
  records = 0;
  private readonly rules: BatchRules;
  /** Of an uncompressed batch. */
  private readonly maxBytes: number;
  private readonly builder: BatchBuilder;
  private readonly finished: Uint8Array[] = [];
  private bytes = 0;
  private readonly fields: BatchFields;

  /** `sequence` is that of the part's first record; unused without a stamp. */
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

  /** Takes a record, or says why it cannot be taken; then nothing has changed. */
  add(record: RecordFields, timestamp: number): Refusal | null {
    if (this.append(record, timestamp)) return null;
    if (this.builder.count > 0 && this.rules.stamp === null) {
      this.close();
      if (this.append(record, timestamp)) return null;
    }
    return refuse("MESSAGE_TOO_LARGE", `A record batch here has at most ${this.maxBytes} bytes.`);
  }

  /** Whether the record at hand could only be taken by a second batch that may not be. */
  get isFull(): boolean {
    return this.rules.stamp !== null && this.builder.count > 0;
  }

  /** The batches, one behind the other. At least one record was taken. */
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
    // What does not compress may grow by some bytes; plain, it fits.
    if (batch.length > this.rules.batchBytesMax) {
      batch = this.builder.finish({ ...this.fields, compression: "none" });
    }
    this.finished.push(batch);
    this.bytes += batch.length;
    this.builder.reset();
  }
}
