/** Compares what was acknowledged with the log: each record at its offset, as it was sent, and none twice. */
import { recordOf, type ProducedRecord } from "./produced-record.ts";

interface Sent {
  readonly producer: number;
  readonly number: number;
}

export interface Balance {
  readonly acknowledged: number;
  /** Acknowledged, and not found at their offset as they were sent. */
  readonly lost: number;
  /** Read a second time. */
  readonly duplicates: number;
  /** In words, what is wrong; empty when all is well. */
  readonly problems: readonly string[];
}

export class Ledger {
  /** By partition, by offset. */
  readonly #acknowledged: Map<number, Sent>[];
  readonly #found: Set<number>[];
  /** By producer: the numbers of its records that were read. */
  readonly #read = new Map<number, Set<number>>();
  readonly #problems: string[] = [];
  #duplicates = 0;

  constructor(partitions: number) {
    this.#acknowledged = Array.from({ length: partitions }, () => new Map());
    this.#found = Array.from({ length: partitions }, () => new Set());
  }

  acknowledged(partition: number, offset: number, { producer, number }: ProducedRecord): void {
    const place = this.#acknowledged[partition]!;
    if (place.has(offset)) {
      this.#problems.push(`partition ${partition}, offset ${offset}: acknowledged twice.`);
    }
    place.set(offset, { producer, number });
  }

  /** A record of the log as it is in the end. */
  read(partition: number, offset: number, value: ProducedRecord): void {
    const place = `partition ${partition}, offset ${offset}`;
    const { producer, number } = value;
    const numbers = this.#read.get(producer) ?? new Set();
    if (numbers.has(number)) {
      this.#duplicates += 1;
      this.#problems.push(`${place}: record ${number} of producer ${producer} once more.`);
    }
    this.#read.set(producer, numbers.add(number));
    const sent = this.#acknowledged[partition]!.get(offset);
    // Never acknowledged, which is no fault of the log.
    if (sent === undefined) return;
    const due = recordOf(sent.producer, sent.number);
    if (JSON.stringify(due) === JSON.stringify(value)) this.#found[partition]!.add(offset);
    else this.#problems.push(`${place}: not what was acknowledged there.`);
  }

  get balance(): Balance {
    const problems = [...this.#problems];
    let acknowledged = 0;
    let lost = 0;
    for (const [partition, sent] of this.#acknowledged.entries()) {
      const missing = sent.size - this.#found[partition]!.size;
      acknowledged += sent.size;
      lost += missing;
      if (missing > 0) {
        problems.push(`partition ${partition}: ${missing} acknowledged records are not there.`);
      }
    }
    return { acknowledged, lost, duplicates: this.#duplicates, problems };
  }
}
