/**
 * Memory for the newest chunks of logs. All objects of a class in one isolate share 128 MB. So each log has a small limit
 * of its own, and all of them share one budget: when it is exceeded, the chunks of the log that has not grown for the
 * longest time are dropped, and its readers read from storage.
 */
import type { ReplicatedChunk } from "../../contracts/replication.ts";

interface TailOwner {
  dropTail(): void;
}

/** The budget of an isolate. */
export class TailBudget {
  readonly #limitBytes: number;
  /** In the order of last use. */
  readonly #held = new Map<TailOwner, number>();
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Notes that `owner` holds so many bytes now. May drop the tails of others, or its own. */
  hold(owner: TailOwner, bytes: number): void {
    this.#heldBytes += bytes - (this.#held.get(owner) ?? 0);
    this.#held.delete(owner);
    if (bytes > 0) this.#held.set(owner, bytes);
    while (this.#heldBytes > this.#limitBytes) {
      const oldest = this.#held.entries().next().value;
      if (!oldest) return;
      this.#held.delete(oldest[0]);
      this.#heldBytes -= oldest[1];
      oldest[0].dropTail();
    }
  }
}

/** The newest chunks of one log, without gaps up to its end, within a limit of bytes. */
export class HotTail implements TailOwner {
  readonly #budget: TailBudget;
  readonly #limitBytes: () => number;
  #chunks: ReplicatedChunk[] = [];
  #bytes = 0;

  constructor(budget: TailBudget, limitBytes: () => number) {
    this.#budget = budget;
    this.#limitBytes = limitBytes;
  }

  /** Adds the chunk that was just written. */
  push(chunk: ReplicatedChunk): void {
    this.#chunks.push(chunk);
    this.#bytes += bytesOf(chunk);
    while (this.#bytes > this.#limitBytes()) this.#bytes -= bytesOf(this.#chunks.shift()!);
    this.#budget.hold(this, this.#bytes);
  }

  /** Drops the chunks that begin at or above `offset`. */
  truncate(offset: number): void {
    while (this.#chunks.length > 0 && this.#chunks.at(-1)!.facts.base_offset >= offset) {
      this.#bytes -= bytesOf(this.#chunks.pop()!);
    }
    this.#budget.hold(this, this.#bytes);
  }

  dropTail(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }

  clear(): void {
    this.dropTail();
    this.#budget.hold(this, 0);
  }

  /** The chunks from the one that holds `offset` on; null if that one is not in memory. */
  from(offset: number): readonly ReplicatedChunk[] | null {
    const first = this.#chunks[0];
    if (!first || offset < first.facts.base_offset) return null;
    let below = 0;
    let at = this.#chunks.length;
    while (below < at) {
      const middle = (below + at) >> 1;
      if (this.#chunks[middle]!.facts.last_offset >= offset) at = middle;
      else below = middle + 1;
    }
    return this.#chunks.slice(at);
  }
}

/** The entries of producers may take as much memory as their batches, if these are small. */
function bytesOf({ facts, data }: ReplicatedChunk): number {
  return data.byteLength + (facts.producers?.length ?? 0);
}
