/**
 * How many bytes become readable as the high watermark rises: what long polls wait for. Remembers where writes end that
 * are not committed yet. Pure.
 */

/** With more writes uncommitted, the newest are counted together. */
const ENDS_MAX = 1_000;

interface WriteEnd {
  /** The offset after the last record. */
  readonly offset: number;
  /** Bytes ever appended to the log, as of there. */
  readonly position: number;
}

export class ReadableBytes {
  /** In order, above the high watermark. */
  #ends: WriteEnd[] = [];
  #readablePosition: number;

  /** @param position of the end of the log */
  constructor(position: number) {
    this.#readablePosition = position;
  }

  /** Notes the end of a write. */
  written(end: WriteEnd): void {
    if (this.#ends.length >= ENDS_MAX) this.#ends.pop();
    this.#ends.push(end);
  }

  /** The bytes that become readable; null if that is not known, since they were written before the object woke up. */
  advance(highWatermark: number): number | null {
    let passed = 0;
    for (const end of this.#ends) {
      if (end.offset > highWatermark) break;
      passed += 1;
    }
    const last = this.#ends.splice(0, passed).at(-1);
    if (!last) return null;
    const bytes = last.position - this.#readablePosition;
    this.#readablePosition = last.position;
    return bytes;
  }

  /** The log was truncated or begun anew, and ends at `position`. */
  reset(position: number): void {
    this.#ends = [];
    this.#readablePosition = position;
  }
}
