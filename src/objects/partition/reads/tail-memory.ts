/**
 * Memory for the hot tails of logs. All objects of a class in one isolate share 128 MB, so beside
 * its own small budget each tail draws on one account for the isolate: when that is overdrawn, the
 * tail that was longest untouched is dropped (its readers go to storage then).
 */
import type { ReplicatedChunk } from "../../contracts/replication.ts";

interface TailOwner {
  dropTail(): void;
}

/** The isolate's account. Insertion order of the map is the order of last use. */
export class TailAccount {
  readonly #limitBytes: number;
  readonly #held = new Map<TailOwner, number>();
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Says that `owner` holds so many bytes now; may drop the tails of others, or its own. */
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

/** The newest chunks of one log, gapless up to its end, within a budget of bytes. */
export class HotTail implements TailOwner {
  readonly #account: TailAccount;
  readonly #limitBytes: () => number;
  #chunks: ReplicatedChunk[] = [];
  #bytes = 0;

  constructor(account: TailAccount, limitBytes: () => number) {
    this.#account = account;
    this.#limitBytes = limitBytes;
  }

  push(chunk: ReplicatedChunk): void {
    this.#chunks.push(chunk);
    this.#bytes += bytesOf(chunk);
    while (this.#bytes > this.#limitBytes()) this.#bytes -= bytesOf(this.#chunks.shift()!);
    this.#account.hold(this, this.#bytes);
  }

  /** Drops the chunks that begin at or above `offset`. */
  truncate(offset: number): void {
    while (this.#chunks.length > 0 && this.#chunks.at(-1)!.facts.base_offset >= offset) {
      this.#bytes -= bytesOf(this.#chunks.pop()!);
    }
    this.#account.hold(this, this.#bytes);
  }

  dropTail(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }

  clear(): void {
    this.dropTail();
    this.#account.hold(this, 0);
  }

  /** The chunks from the one that holds `offset` on; null when that one is not here. */
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

/** Producers' entries may weigh as much as the small batches that they tell of. */
function bytesOf({ facts, data }: ReplicatedChunk): number {
  return data.byteLength + (facts.producers?.length ?? 0);
}
