/**
 * What clients of a replicated partition have sent and seen, and the checks of it: acknowledged is
 * there, refused is absent, nothing twice, each producer's order is kept, an offset's bytes never
 * are others, and what was acknowledged or shown is visible to whoever asks for the end afterwards.
 * Every record carries a value of its own, so that a log is a list of names.
 */
import { createHash } from "node:crypto";
import { recordsFrom, splitBatches } from "../../../src/records/index.ts";
import { partitionPath, type Place } from "./brokers.ts";
import { RAW, type Client } from "./client.ts";

/** Record `n` of a producer: what it is called, and some bytes more. */
export function valueOf(stream: number, n: number): string {
  return `${stream}:${n}:${"x".repeat((stream * 31 + n * 17) % 160)}`;
}

function nameOf(value: string): { readonly stream: number; readonly n: number } {
  const [stream, n] = value.split(":");
  return { stream: Number(stream), n: Number(n) };
}

/** The value without its padding, for messages. */
const short = (value: string): string => value.slice(0, value.lastIndexOf(":"));

interface SeenBatch {
  readonly lastOffset: number;
  readonly digest: string;
  /** Who has shown it first. */
  readonly replica: string;
}

/** The history of one partition. */
export class LiveHistory {
  readonly place: Place;
  acknowledged = 0;
  readonly #values = new Map<number, string>();
  readonly #absent = new Set<string>();
  readonly #seen = new Map<number, SeenBatch>();
  /** Records as readers that are not given batches were shown them, and the first of whom. */
  readonly #shown = new Map<number, { readonly value: string; readonly reader: string }>();
  #visibleEnd = 0;
  #streams = 0;
  readonly #idempotent = new Set<number>();

  constructor(place: Place) {
    this.place = place;
  }

  /** A number for one more producer, which names its records. */
  begin(idempotent: boolean): number {
    const stream = this.#streams++;
    if (idempotent) this.#idempotent.add(stream);
    return stream;
  }

  /** The producers begun here that were repeated until acknowledged, or ended with what was not. */
  get idempotent(): ReadonlySet<number> {
    return this.#idempotent;
  }

  /** Behind everything that was acknowledged or shown so far: what a read that begins now has to know of. */
  get visibleEnd(): number {
    return this.#visibleEnd;
  }

  /**
   * A read of the partition's end was answered with `end`. `visible` is {@link visibleEnd} as it was
   * when the read began: a record acknowledged or shown before is not to be hidden from it (KIP-207).
   */
  ended(visible: number, end: number, reader: string): void {
    if (end < visible) {
      this.#broken(`${reader} was told that the log ends at ${end}, and ${visible} was visible`);
    }
    this.#makeVisible(end);
  }

  acknowledge(baseOffset: number, values: readonly string[]): void {
    for (const [i, value] of values.entries()) {
      const before = this.#values.get(baseOffset + i);
      if (before !== undefined) {
        const both = `${short(before)} and for ${short(value)}`;
        this.#broken(`offset ${baseOffset + i} was acknowledged for ${both}`);
      }
      this.#values.set(baseOffset + i, value);
    }
    this.acknowledged += values.length;
    this.#makeVisible(baseOffset + values.length);
  }

  /** The service has said that these were not written, and they were not sent again. */
  refuse(values: readonly string[]): void {
    for (const value of values) this.#absent.add(value);
  }

  /** Records a page; returns the offset after it. Pages begin where they were asked for. */
  see(page: Uint8Array, asked: number, replica: string): number {
    let next = asked;
    for (const batch of this.#batchesOf(page)) {
      const { baseOffset, lastOffset, digest } = batch;
      const goesOn = next === asked ? baseOffset <= next : baseOffset === next;
      if (!goesOn) this.#broken(`a page of ${replica} goes from ${next} to ${baseOffset}`);
      next = lastOffset + 1;
      this.#makeVisible(next);
      const before = this.#seen.get(baseOffset);
      if (before === undefined) this.#seen.set(baseOffset, { lastOffset, digest, replica });
      else if (before.digest !== digest) {
        this.#broken(`offset ${baseOffset} of ${replica} is not what ${before.replica} has shown`);
      }
    }
    return next;
  }

  /** Records one record. */
  show(offset: number, value: string, reader: string): void {
    const before = this.#shown.get(offset);
    if (before === undefined) this.#shown.set(offset, { value, reader });
    else if (before.value !== value) {
      const both = `${short(value)} to ${reader} and ${short(before.value)} to ${before.reader}`;
      this.#broken(`offset ${offset} was shown as ${both}`);
    }
    this.#makeVisible(offset + 1);
  }

  /** Proves the whole log, read from a replica. `idempotent`: producers that were repeated until acknowledged. */
  check(log: readonly Uint8Array[], idempotent: ReadonlySet<number>): void {
    const batches = log.flatMap((page) => this.#batchesOf(page));
    const byOffset = new Map(batches.map((batch) => [batch.baseOffset, batch]));
    for (const [offset, { digest, replica }] of this.#seen) {
      const found = byOffset.get(offset)?.digest;
      if (found !== digest) this.#broken(`offset ${offset}, shown by ${replica}, is not there`);
    }
    const last = new Map<number, number>();
    const settled = new Set(this.#values.values());
    const found = new Set<string>();
    let next = 0;
    for (const { offset, value } of log.flatMap((page) => [...valuesOf(page)])) {
      if (offset !== next) this.#broken(`offset ${offset} follows ${next - 1}`);
      next = offset + 1;
      const { stream, n } = nameOf(value);
      const before = last.get(stream) ?? -1;
      if (found.has(value)) this.#broken(`${short(value)} lies there twice, again at ${offset}`);
      // A producer without an answer continues with the next batch: both may be on their way.
      const wasToldOf = settled.has(value) || idempotent.has(stream);
      if (n <= before && wasToldOf) {
        this.#broken(`${short(value)} comes behind ${before} of its producer`);
      }
      if (idempotent.has(stream) && n !== before + 1) this.#broken(`${stream}: ${n} at ${offset}`);
      if (this.#absent.has(value)) this.#broken(`${short(value)} was refused and is at ${offset}`);
      const shown = this.#shown.get(offset);
      if (shown !== undefined && shown.value !== value) {
        const both = `${short(shown.value)} to ${shown.reader} and is ${short(value)}`;
        this.#broken(`offset ${offset} was shown as ${both}`);
      }
      found.add(value);
      last.set(stream, Math.max(n, before));
    }
    this.#checkAcknowledged(log);
    if (next < this.#visibleEnd) {
      this.#broken(`the log ends at ${next}, and ${this.#visibleEnd} was visible`);
    }
  }

  #checkAcknowledged(log: readonly Uint8Array[]): void {
    const missing = new Map(this.#values);
    for (const { offset, value } of log.flatMap((page) => [...valuesOf(page)])) {
      const expected = missing.get(offset) ?? value;
      if (expected !== value) {
        this.#broken(`offset ${offset} is ${short(value)}, not ${short(expected)}`);
      }
      missing.delete(offset);
    }
    const [first] = missing;
    if (!first) return;
    const where = `${short(first[1])} at ${first[0]}`;
    this.#broken(`${missing.size} acknowledged records are lost, the first: ${where}`);
  }

  #makeVisible(end: number): void {
    this.#visibleEnd = Math.max(this.#visibleEnd, end);
  }

  #batchesOf(page: Uint8Array) {
    const split = splitBatches(page);
    if (!split.ok) return this.#broken(split.message);
    return split.batches.map(({ baseOffset, lastOffsetDelta, position, sizeBytes }) => {
      const bytes = page.subarray(position, position + sizeBytes);
      const digest = createHash("sha1").update(bytes).digest("base64");
      return { baseOffset, lastOffset: baseOffset + lastOffsetDelta, digest };
    });
  }

  #broken(what: string): never {
    throw new Error(`${this.place.topic}/${this.place.partition}: ${what}`);
  }
}

function* valuesOf(page: Uint8Array): Generator<{ offset: number; value: string }> {
  for (const record of recordsFrom(page, 0)) {
    if (!record.ok) throw new Error(record.message);
    yield { offset: record.offset, value: Buffer.from(record.value!).toString() };
  }
}

/** The whole log as one replica has it, each page from it and no other. */
export async function logOf(
  client: Client,
  place: Place,
  end: number,
  broker: { readonly id: number; readonly rack: string },
): Promise<Uint8Array[]> {
  const pages: Uint8Array[] = [];
  for (let next = 0; next < end;) {
    const query = `offset=${next}&max_bytes=4000000&client.rack=${broker.rack}`;
    const path = `${partitionPath(place)}/records?${query}`;
    const answer = await client.ask(path, { headers: { accept: RAW } });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    const servedBy = Number(answer.header("x-odradek-replica"));
    if (servedBy !== broker.id) throw new Error(`${path}: served by ${servedBy}`);
    const behind = Number(answer.header("x-next-offset"));
    if (!(behind > next)) throw new Error(`${path}: ${behind} after ${next} of ${end}`);
    pages.push(answer.bytes);
    next = behind;
  }
  return pages;
}
