/**
 * Memory for the hot tails of logs. All objects of a class in one isolate share 128 MB, so beside
 * its own small budget each tail draws on one account for the isolate: when that is overdrawn, the
 * tail that was longest untouched is dropped (its readers go to storage then).
 */

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

/** A chunk in memory: whole batches and the offsets they span. */
export interface HotChunk {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly data: Uint8Array;
}

/** The newest chunks of one log, gapless up to its end, within a budget of bytes. */
export class HotTail implements TailOwner {
  readonly #account: TailAccount;
  readonly #limitBytes: () => number;
  #chunks: HotChunk[] = [];
  #bytes = 0;

  constructor(account: TailAccount, limitBytes: () => number) {
    this.#account = account;
    this.#limitBytes = limitBytes;
  }

  push(chunk: HotChunk): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.data.byteLength;
    while (this.#bytes > this.#limitBytes()) {
      this.#bytes -= this.#chunks.shift()!.data.byteLength;
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
  from(offset: number): readonly HotChunk[] | null {
    const first = this.#chunks[0];
    if (!first || offset < first.baseOffset) return null;
    const at = this.#chunks.findIndex((chunk) => chunk.lastOffset >= offset);
    return at < 0 ? [] : this.#chunks.slice(at);
  }
}
