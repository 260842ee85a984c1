/**
 * Tails: readers that stay connected and are sent the batches from their offset on, flush by flush. A tail sleeps with its
 * object; what it needs to continue is kept in its socket's attachment. The bytes in flight to a reader are bounded, also
 * if it never acknowledges any. Reaches sockets through a port.
 */
import {
  TAIL_CLOSE,
  type LogEnds,
  type TailAck,
  type TailHello,
} from "../../contracts/partition.ts";
import { offsetAfter } from "./page.ts";

/** The state of a tail, which outlives the object's sleep. */
export interface TailState {
  /** The next offset to send. */
  readonly next: number;
  /** Bytes in flight at `sinceMs`: sent, neither acknowledged nor assumed to have been read by then. */
  readonly unackedBytes: number;
  readonly sinceMs: number;
  /** An acknowledgement of `markOffset` or a later offset clears `markBytes` of them. */
  readonly markOffset: number;
  readonly markBytes: number;
}

/** A socket that a tail sends through. None of its methods throws. */
export interface TailSocket {
  sendText(text: string): void;
  sendBytes(bytes: Uint8Array): void;
  close(code: number, reason: string): void;
  /** Keeps the state while the object sleeps. */
  keep(state: TailState): void;
}

/** What tails read from. */
export interface TailSource {
  /** Empty if what is stored at the offset cannot be read. */
  read(offset: number, maxBytes: number): Uint8Array;
  ends(): LogEnds;
  nowMs(): number;
  windowBytes(): number;
}

/** Bytes of one message, while a reader is behind. */
const PAGE_BYTES = 1_048_576;
/** A reader that acknowledges nothing is assumed to read this much: 1 MiB a second. */
const ASSUMED_READ_BYTES_PER_MS = 1_048.576;
const ACK_LENGTH_MAX = 64;

export class Tails {
  readonly #source: TailSource;
  readonly #tails = new Map<TailSocket, TailState>();

  constructor(source: TailSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#tails.size;
  }

  /** Takes up a new reader: sends it the hello and what is there already. */
  open(socket: TailSocket, offset: number): void {
    const hello: TailHello = { type: "hello", offset, ...this.#source.ends() };
    const sinceMs = this.#source.nowMs();
    this.#set(socket, { next: offset, unackedBytes: 0, sinceMs, markOffset: offset, markBytes: 0 });
    socket.sendText(JSON.stringify(hello));
    this.#advance(socket);
  }

  /** Takes up a reader again after the object slept. */
  resume(socket: TailSocket, state: TailState): void {
    this.#tails.set(socket, state);
  }

  /** The reader has disconnected. */
  gone(socket: TailSocket): void {
    this.#tails.delete(socket);
  }

  /** Whether there is a reader that has not been sent everything below `offset`. */
  isAnyBelow(offset: number): boolean {
    for (const { next } of this.#tails.values()) if (next < offset) return true;
    return false;
  }

  /** Sends to every reader what has become readable. */
  advance(): void {
    for (const socket of this.#tails.keys()) this.#advance(socket);
  }

  /** Takes a message of a reader, which is an acknowledgement: otherwise the reader is disconnected. */
  message(socket: TailSocket, text: string): void {
    const acked = text.length <= ACK_LENGTH_MAX ? acknowledged(text) : null;
    const state = this.#tails.get(socket);
    if (!state) return;
    if (acked === null) {
      this.#close(socket, TAIL_CLOSE.unreadable, 'Only {"ack": offset} is understood.');
      return;
    }
    if (acked >= state.markOffset) {
      // The window counts bytes, and acknowledgements name offsets: one mark at a time relates the two.
      const unackedBytes = Math.max(0, state.unackedBytes - state.markBytes);
      this.#set(socket, {
        ...state,
        unackedBytes,
        markOffset: state.next,
        markBytes: unackedBytes,
      });
    }
    this.#advance(socket);
  }

  closeAll(code: number, reason: string): void {
    for (const socket of [...this.#tails.keys()]) this.#close(socket, code, reason);
  }

  #advance(socket: TailSocket): void {
    let state = this.#tails.get(socket);
    if (!state) return;
    const { highWatermark, logStartOffset } = this.#source.ends();
    while (state.next < highWatermark) {
      // Records that were deleted before they were read are skipped.
      const from = Math.max(state.next, logStartOffset);
      if (this.#outstanding(state) >= this.#source.windowBytes()) {
        this.#close(socket, TAIL_CLOSE.resume, String(state.next));
        return;
      }
      const bytes = this.#source.read(from, PAGE_BYTES);
      if (bytes.byteLength === 0) {
        // What is stored there cannot be read. A reader that connects again learns why, or finds another leader.
        this.#close(socket, TAIL_CLOSE.resume, String(state.next));
        return;
      }
      socket.sendBytes(bytes);
      // If sending has failed, the reader has been removed.
      if (!this.#tails.has(socket)) return;
      state = {
        ...state,
        next: offsetAfter(bytes),
        unackedBytes: this.#outstanding(state) + bytes.byteLength,
        sinceMs: this.#source.nowMs(),
      };
      this.#set(socket, state);
    }
  }

  /** Bytes in flight now. */
  #outstanding(state: TailState): number {
    const assumedRead = (this.#source.nowMs() - state.sinceMs) * ASSUMED_READ_BYTES_PER_MS;
    return Math.max(0, state.unackedBytes - assumedRead);
  }

  #set(socket: TailSocket, state: TailState): void {
    this.#tails.set(socket, state);
    socket.keep(state);
  }

  #close(socket: TailSocket, code: number, reason: string): void {
    this.#tails.delete(socket);
    socket.close(code, reason);
  }
}

/** The offset that a message acknowledges; null if it is no acknowledgement. */
function acknowledged(text: string): number | null {
  try {
    const message = JSON.parse(text) as Partial<TailAck> | null;
    const offset = message?.ack;
    return Number.isSafeInteger(offset) ? offset! : null;
  } catch {
    return null;
  }
}
