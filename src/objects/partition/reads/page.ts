/**
 * Collects one page of a read: whole batches from the one that holds an offset on, up to a number of bytes. Batches are
 * never cut, and the first one is included whatever its size (KIP-74), so that a reader always makes progress. Pure.
 */
import { joinBytes } from "../../../base/bytes.ts";
import { assert } from "../../../base/errors.ts";
import { readBatchHeader } from "../../../records/index.ts";

export class Page {
  readonly #offset: number;
  readonly #maxBytes: number;
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  #isFull = false;

  constructor(offset: number, maxBytes: number) {
    this.#offset = offset;
    this.#maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Adds the part of a chunk that belongs to the page. Chunks come in the order of their offsets. */
  add(baseOffset: number, data: Uint8Array): void {
    const room = this.#maxBytes - this.#bytes;
    if (baseOffset >= this.#offset && data.byteLength <= room) {
      this.#take(data);
    } else {
      const [start, end] = this.#range(data, room);
      if (end > start)
        this.#take(start === 0 && end === data.length ? data : data.subarray(start, end));
      if (end < data.length) this.#isFull = true;
    }
    if (this.#bytes >= this.#maxBytes) this.#isFull = true;
  }

  /** The page in a buffer of its own: RPC would send the whole buffer of a view. */
  bytes(): Uint8Array {
    const page = joinBytes(this.#parts);
    return page.byteLength === page.buffer.byteLength ? page : page.slice();
  }

  #take(part: Uint8Array): void {
    this.#parts.push(part);
    this.#bytes += part.byteLength;
  }

  #range(data: Uint8Array, room: number): [start: number, end: number] {
    let at = 0;
    let start = -1;
    while (at < data.length) {
      const read = readBatchHeader(data, at);
      assert(read.ok, "a stored chunk holds whole batches");
      const { header } = read;
      const next = at + header.sizeBytes;
      if (start < 0 && header.baseOffset + header.lastOffsetDelta >= this.#offset) start = at;
      if (start >= 0) {
        const isFirst = this.#parts.length === 0 && start === at;
        if (next - start > room && !isFirst) return [start, at];
      }
      at = next;
    }
    return start < 0 ? [0, 0] : [start, at];
  }
}

/** The offset after the last record of a page that is not empty. */
export function offsetAfter(page: Uint8Array): number {
  let next = 0;
  for (let at = 0; at < page.length;) {
    const read = readBatchHeader(page, at);
    assert(read.ok, "a page holds whole batches");
    next = read.header.baseOffset + read.header.lastOffsetDelta + 1;
    at += read.header.sizeBytes;
  }
  return next;
}
