/**
 * The readers that stay: each tail is sent the batches from its offset on, flush by flush. A tail
 * sleeps with its object; what it needs to go on lies in its socket's attachment. How much may be
 * under way to a reader that never acknowledges is bounded. Reaches sockets through a port.
 */
import {
  TAIL_CLOSE,
  type LogEnds,
  type TailAck,
  type TailHello,
} from "../../contracts/partition.ts";
import { offsetAfter } from "./page.ts";

/** What outlives the object's sleep, one per socket. */
export interface TailState {
  /** The next offset to send. */
  readonly next: number;
  /** Bytes sent and not yet acknowledged (or forgiven by time). */
  readonly unackedBytes: number;
  readonly sinceMs: number;
  /** An acknowledgement of this offset or a later one clears so many of them. */
  readonly markOffset: number;
  readonly markBytes: number;
}

/** A socket that a tail sends through. */
export interface TailSocket {
  sendText(text: string): void;
  sendBytes(bytes: Uint8Array): void;
  close(code: number, reason: string): void;
  keep(state: TailState): void;
}

/** What a tail reads from. */
export interface TailSource {
  /** Empty where what is stored at the offset cannot be read. */
  read(offset: number, maxBytes: number): Uint8Array;
  ends(): LogEnds;
  nowMs(): number;
  windowBytes(): number;
}

/** Bytes of one message of a backlog. */
const PAGE_BYTES = 1_048_576;
/** A reader is taken to have drained so much a millisecond without saying so: 1 MiB a second. */
const FORGIVEN_BYTES_PER_MS = 1_048.576;
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

  /** Takes up a new reader: greets it and sends what is there already. */
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

  gone(socket: TailSocket): void {
    this.#tails.delete(socket);
  }

  /** Whether any reader has not been sent everything below `offset`. */
  isAnyBelow(offset: number): boolean {
    for (const { next } of this.#tails.values()) if (next < offset) return true;
    return false;
  }

  /** Sends to every reader what has become readable. */
  advance(): void {
    for (const socket of this.#tails.keys()) this.#advance(socket);
  }

  /** Takes a message of a reader: an acknowledgement, or it is cut off. */
  message(socket: TailSocket, text: string): void {
    const acked = text.length <= ACK_LENGTH_MAX ? acknowledged(text) : null;
    const state = this.#tails.get(socket);
    if (!state) return;
    if (acked === null) {
      this.#close(socket, TAIL_CLOSE.unreadable, 'Only {"ack": offset} is understood.');
      return;
    }
    if (acked >= state.markOffset) {
      // The window counts bytes and acknowledgements name offsets: one mark at a time ties them.
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
      // Records that were deleted before they were read are passed over, as a fetch would report.
      const from = Math.max(state.next, logStartOffset);
      if (this.#outstanding(state) >= this.#source.windowBytes()) {
        this.#close(socket, TAIL_CLOSE.resume, String(state.next));
        return;
      }
      const bytes = this.#source.read(from, PAGE_BYTES);
      if (bytes.byteLength === 0) {
        // What is there cannot be read here: whoever comes again hears why, or finds another leader.
        this.#close(socket, TAIL_CLOSE.resume, String(state.next));
        return;
      }
      socket.sendBytes(bytes);
      // Where sending failed it is gone by now, and stays so.
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

  #outstanding(state: TailState): number {
    const forgiven = (this.#source.nowMs() - state.sinceMs) * FORGIVEN_BYTES_PER_MS;
    return Math.max(0, state.unackedBytes - forgiven);
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

function acknowledged(text: string): number | null {
  try {
    const message = JSON.parse(text) as Partial<TailAck> | null;
    const offset = message?.ack;
    return Number.isSafeInteger(offset) ? offset! : null;
  } catch {
    return null;
  }
}
