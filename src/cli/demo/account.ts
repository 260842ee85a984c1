/**
 * Compares what was acknowledged with what was read: every record at its offset, once, and each key's records in the
 * order in which they were produced.
 */
import type { Delivered, Read } from "./api.ts";
import type { NumberedFlight } from "./flights.ts";

export class Account {
  readonly #acknowledged = new Map<string, NumberedFlight>();
  readonly #read: Read[][];
  #readCount = 0;

  constructor(partitions: number) {
    this.#read = Array.from({ length: partitions }, () => []);
  }

  get readCount(): number {
    return this.#readCount;
  }

  acknowledged({ partition, offset }: Delivered, flight: NumberedFlight): void {
    this.#acknowledged.set(`${partition}/${offset}`, flight);
  }

  read(record: Read): void {
    this.#read[record.partition]!.push(record);
    this.#readCount += 1;
  }

  recordsByPartition(): number[] {
    return this.#read.map((records) => records.length);
  }

  keysByPartition(): number[] {
    return this.#read.map((records) => new Set(records.map(({ key }) => key)).size);
  }

  /** What is wrong, in words; empty when every record is accounted for. */
  problems(): string[] {
    const problems: string[] = [];
    const numbers = new Map<string, number>();
    for (const [partition, records] of this.#read.entries()) {
      for (const [expectedOffset, { offset, key, value }] of records.entries()) {
        const place = `partition ${partition}, offset ${offset}`;
        if (offset !== expectedOffset) problems.push(`${place}: ${expectedOffset} was due.`);
        const sent = this.#acknowledged.get(`${partition}/${offset}`);
        if (key !== value.origin || JSON.stringify(sent) !== JSON.stringify(value)) {
          problems.push(`${place}: not what was acknowledged there.`);
        }
        const due = numbers.get(key) ?? 0;
        if (value.number !== due) problems.push(`${place}: ${key} ${due} was due.`);
        numbers.set(key, value.number + 1);
      }
    }
    const missing = this.#acknowledged.size - this.#readCount;
    if (missing !== 0) problems.push(`${missing} acknowledged records were not read.`);
    return problems;
  }
}
