/**
 * How long a connection is kept on which nothing moves. A peer that asks nothing is idle; one that has not shown
 * a key is not waited for long; one that takes nothing of what is written to it holds an answer, and no more.
 * A request under way is nobody's idleness: a long poll is bounded by itself.
 */
import type { Duplex } from "./duplex.ts";

/** For as long as clients wait for an answer by default: whoever has a key has shown it by then. */
const BEFORE_KEY_MS = 30_000;

/** How long a peer may take nothing of {@link PIECE_BYTES}. */
const UNREAD_MS = 60_000;

/** What is written at once, in bytes: whoever reads at all takes so much within {@link UNREAD_MS}. */
const PIECE_BYTES = 262_144;

/** Looked at no more often: one timer for a connection, whatever moves on it. */
const LOOK_MS_MAX = 60_000;

/** What a peer has not done when it is waited for no longer. */
export type Expiry = "idle" | "no_key" | "unread";

interface Bound {
  readonly expiry: Expiry;
  readonly atMs: number;
}

export interface Waiting {
  /** Whether a request is under way. */
  readonly isBusy: () => boolean;
  readonly isAuthenticated: () => boolean;
  readonly idleMs: number;
}

/** A duplex that is closed when nothing moves on it. */
export class PatientDuplex implements Duplex {
  private readonly inner: Duplex;
  private readonly waiting: Waiting;
  private readonly openedMs = Date.now();
  private heardMs = this.openedMs;
  /** Apart from what was heard: whoever takes nothing is not waited for because it goes on asking. */
  private takenMs = this.openedMs;
  private writes = 0;
  private isClosed = false;
  /** Ends what is waited for: a read, and a write. */
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

  /** At its end a read that is under way gives nothing, whether or not the stream below notices. */
  async read(wanted: number): Promise<Uint8Array | null> {
    const bytes = await this.untilClosed(() => this.inner.read(wanted), null);
    this.heardMs = Date.now();
    return bytes;
  }

  /** At its end a write that is under way fails: what nobody takes, a stream waits for in vain. */
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

  /** What comes of it, or `otherwise` when this is closed before; once it is closed, nothing is begun. */
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

  /** Until when it is kept as things are. */
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
