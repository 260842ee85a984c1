/**
 * Ends connections without progress. A client that asks for nothing is idle; one that has not authenticated is given
 * a short time; one that does not read its answer holds one answer in memory, and is given a bounded time too. A
 * connection with a request in progress is not idle: long polls have deadlines of their own.
 */
import type { Duplex } from "./duplex.ts";

/** The default request timeout of clients: whoever has a key has presented it by then. */
const BEFORE_KEY_MS = 30_000;

/** How long a client may take to read {@link PIECE_BYTES}. */
const UNREAD_MS = 60_000;

/** Bytes written at once: a client that reads at all takes this many within {@link UNREAD_MS}. */
const PIECE_BYTES = 262_144;

/** The longest interval between checks, in milliseconds: one timer for each connection. */
const LOOK_MS_MAX = 60_000;

/** Why a connection was ended. */
export type Expiry = "idle" | "no_key" | "unread";

interface Bound {
  readonly expiry: Expiry;
  readonly atMs: number;
}

export interface Waiting {
  /** Whether a request is in progress. */
  readonly isBusy: () => boolean;
  readonly isAuthenticated: () => boolean;
  readonly idleMs: number;
}

/** A duplex that is closed when there is no progress on it. */
export class TimedDuplex implements Duplex {
  private readonly inner: Duplex;
  private readonly waiting: Waiting;
  private readonly openedMs = Date.now();
  private heardMs = this.openedMs;
  /** Kept apart from `heardMs`: a client that reads nothing is not kept because it goes on asking. */
  private takenMs = this.openedMs;
  private writes = 0;
  private isClosed = false;
  /** Ends the read and the write that are in progress. */
  private readonly abandoned = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private expired: Expiry | null = null;

  constructor(inner: Duplex, waiting: Waiting) {
    this.inner = inner;
    this.waiting = waiting;
    this.arm();
  }

  /** Why it was ended here; null where it was not. */
  get expiry(): Expiry | null {
    return this.expired;
  }

  /** Resolves with null when this is closed, whether or not the stream below notices. */
  async read(wanted: number): Promise<Uint8Array | null> {
    const bytes = await this.untilClosed(() => this.inner.read(wanted), null);
    this.heardMs = Date.now();
    return bytes;
  }

  /** Rejects when this is closed: a stream may wait forever for a client that does not read. */
  async write(bytes: Uint8Array): Promise<void> {
    this.writes += 1;
    if (this.writes === 1) this.takenMs = Date.now();
    try {
      for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
        const isWhole = bytes.byteLength <= PIECE_BYTES;
        const piece = isWhole ? bytes : bytes.subarray(at, at + PIECE_BYTES);
        await this.untilClosed(() => this.inner.write(piece), undefined);
        if (this.isClosed) throw new Error("The connection has ended.");
        this.takenMs = Date.now();
      }
    } finally {
      this.writes -= 1;
    }
  }

  close(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.isClosed = true;
    for (const abandon of this.abandoned) abandon();
    return this.inner.close();
  }

  /** The result of `begin`, or `otherwise` when this is closed before; once closed, nothing is begun. */
  private untilClosed<T>(begin: () => Promise<T>, otherwise: T): Promise<T> {
    if (this.isClosed) return Promise.resolve(otherwise);
    return new Promise((resolve, reject) => {
      const abandon = (): void => resolve(otherwise);
      this.abandoned.add(abandon);
      begin().then(
        (value) => {
          this.abandoned.delete(abandon);
          resolve(value);
        },
        (error: unknown) => {
          this.abandoned.delete(abandon);
          reject(error as Error);
        },
      );
    });
  }

  private arm(): void {
    const { atMs } = this.bound();
    const lookMs = Math.min(atMs - Date.now(), LOOK_MS_MAX);
    this.timer = setTimeout(() => this.look(), Math.max(lookMs, 1));
  }

  private look(): void {
    const { expiry, atMs } = this.bound();
    if (Date.now() < atMs) return this.arm();
    this.expired = expiry;
    void this.close();
  }

  /** The time up to which the connection is kept in its present state. */
  private bound(): Bound {
    const { idleMs, isAuthenticated, isBusy } = this.waiting;
    if (!isAuthenticated()) {
      return { expiry: "no_key", atMs: this.openedMs + Math.min(BEFORE_KEY_MS, idleMs) };
    }
    if (this.writes > 0) {
      return { expiry: "unread", atMs: this.takenMs + Math.min(UNREAD_MS, idleMs) };
    }
    const movedMs = Math.max(this.heardMs, this.takenMs);
    return { expiry: "idle", atMs: isBusy() ? Number.POSITIVE_INFINITY : movedMs + idleMs };
  }
}
