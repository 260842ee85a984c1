/**
 * The records of a JSON produce request and their outcomes. Records are put into batches by partition as they are read;
 * what the answer says of each is kept in columns.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { partitionForKey } from "../../records/index.ts";
import type { Appended, AppendRefusal } from "../../objects/contracts/partition.ts";
import { PartitionPart, type BatchRules } from "./partition-part.ts";
import { keylessPartition, sequenceAt } from "./producer-stamp.ts";
import type { DataType, RecordFields } from "./record-fields.ts";

/** The parameters that all records of a request share. */
export interface ProducePlan extends BatchRules {
  readonly partitions: number;
  /** The partition that the path names; -1: the service picks. */
  readonly partition: number;
  readonly nowMs: number;
  readonly bodyBytes: number;
  /** A record that is refused refuses them all. */
  readonly allOrNothing: boolean;
  /**
   * A malformed record (one that no topic would accept) refuses them all. Errors that depend on the topic (unknown
   * partition, missing key, size) still concern their record alone.
   */
  readonly malformedRefusesAll: boolean;
  /** Records without a key are refused with INVALID_RECORD. */
  readonly keysRequired: boolean;
  /** The error by which this version of the API reports an unknown partition. */
  readonly unknownPartition: "UNKNOWN_PARTITION" | "UNKNOWN_TOPIC_OR_PARTITION";
  /** A whole number in [0, below). */
  readonly random: (below: number) => number;
}

const KEYLESS = refuse("INVALID_RECORD", "A compacted topic takes no record without a key.");

const ELSEWHERE = refuse("INVALID_RECORD", "A record names another partition than the path.");

const WITH_OTHERS =
  "It was not written: another record of the request to this partition is not legal.";

/** Initial capacity of the second and further batches of a request, in bytes. */
const FURTHER_CAPACITY_BYTES = 4_096;

export class RequestRecords {
  count = 0;
  /** In the order of the request; -1 where a record was refused. */
  readonly partitions: number[] = [];
  /** Index among the records of the same partition. */
  readonly places: number[] = [];
  /** -1: the record has the time of the request. */
  readonly timestamps: number[] = [];
  readonly keyTypes: (DataType | null)[] = [];
  readonly keyBytes: number[] = [];
  readonly valueTypes: (DataType | null)[] = [];
  readonly valueBytes: number[] = [];
  readonly ids: (string | null)[] = [];
  /** By record. */
  readonly refusals = new Map<number, Refusal>();
  /** By partition. */
  readonly parts = new Map<number, PartitionPart>();
  /** By partition; filled when the parts were sent. */
  outcomes = new Map<number, Appended | AppendRefusal>();
  /** A record names a partition that this isolate does not know. */
  namesUnknownPartition = false;
  /** Why the whole request is refused. */
  refusal: Refusal | null = null;
  private readonly plan: ProducePlan;
  private keyless = -1;

  constructor(plan: ProducePlan) {
    this.plan = plan;
  }

  get nowMs(): number {
    return this.plan.nowMs;
  }

  /** Adds the record to the batch of its partition, or notes why it is refused. */
  add(record: RecordFields): void {
    const index = this.count++;
    const { key, value } = record;
    this.keyTypes.push(key.type);
    this.keyBytes.push(key.sizeBytes);
    this.valueTypes.push(value.type);
    this.valueBytes.push(value.sizeBytes);
    this.ids.push(record.id);
    this.timestamps.push(record.timestamp);
    if (record.refusal !== null) return this.refuseMalformed(index, record.refusal);
    if (this.plan.keysRequired && key.source === null) return this.refuse(index, KEYLESS);
    const { partition: named } = record;
    if (this.plan.partition >= 0 && named >= 0 && named !== this.plan.partition) {
      return this.refuseMalformed(index, ELSEWHERE);
    }
    const partition = this.choose(record);
    if (typeof partition !== "number") return this.refuse(index, partition);
    const part = this.parts.get(partition) ?? this.open(partition, index);
    const place = part.records;
    const refused = part.add(record, record.timestamp < 0 ? this.plan.nowMs : record.timestamp);
    if (refused !== null) {
      if (part.isFull) this.refusal ??= refused;
      // A part without records would be sent as an empty append.
      if (place === 0) this.parts.delete(partition);
      return this.refuse(index, refused);
    }
    this.partitions.push(partition);
    this.places.push(place);
  }

  /**
   * Copies the errors that leaders report for single records (KIP-467); the other records of such a part were not
   * written either. Does nothing for requests that fail as a whole.
   */
  blame(): void {
    if (this.plan.allOrNothing) return;
    for (const [partition, outcome] of this.outcomes) {
      if (outcome.ok || outcome.recordErrors === undefined) continue;
      const { error, recordErrors } = outcome;
      const messages = new Map(recordErrors.map(({ index, message }) => [index, message]));
      for (let index = 0; index < this.count; index++) {
        if (this.partitions[index] !== partition) continue;
        const message = messages.get(this.places[index]!) ?? WITH_OTHERS;
        this.refusals.set(index, refuse(error, message));
      }
    }
  }

  private refuse(index: number, refusal: Refusal, refusesAll = this.plan.allOrNothing): void {
    this.partitions.push(-1);
    this.places.push(-1);
    this.refusals.set(index, refusal);
    if (refusesAll) {
      this.refusal ??= { ...refusal, message: `Record ${index}: ${refusal.message}` };
    }
  }

  private refuseMalformed(index: number, refusal: Refusal): void {
    const { allOrNothing, malformedRefusesAll } = this.plan;
    this.refuse(index, refusal, allOrNothing || malformedRefusesAll);
  }

  private open(partition: number, index: number): PartitionPart {
    const { plan, parts } = this;
    const sequence = plan.stamp === null ? -1 : sequenceAt(plan.stamp, index);
    // Records are mostly shorter than their JSON; the buffer grows for the others.
    const capacity = parts.size === 0 ? plan.bodyBytes + 256 : FURTHER_CAPACITY_BYTES;
    const part = new PartitionPart(partition, plan, sequence, capacity);
    parts.set(partition, part);
    return part;
  }

  /** The named partition, else the one that Kafka's clients choose for the key, else one for the whole request. */
  private choose(record: RecordFields): number | Refusal {
    const { plan } = this;
    const named = record.partition;
    if (plan.partition >= 0) return plan.partition;
    if (named >= 0) {
      if (named < plan.partitions) return named;
      this.namesUnknownPartition = true;
      return refuse(plan.unknownPartition);
    }
    if (plan.partitions === 1) return 0;
    const { source, start, end } = record.key;
    if (source !== null) return partitionForKey(source.subarray(start, end), plan.partitions);
    if (this.keyless < 0) {
      this.keyless =
        plan.stamp === null
          ? plan.random(plan.partitions)
          : keylessPartition(plan.stamp, plan.partitions);
    }
    return this.keyless;
  }
}
