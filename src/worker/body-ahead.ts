/**
 * Reads a body ahead, in bounded memory: while the caller works on one part, the next is read, and taken as a whole when
 * the caller is ready. Above the bound nothing is read, so that the sender has to wait.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import { within } from "../gateway/time.ts";
import { DRAIN_WAIT_MS, DRAINED_BYTES_MAX, STALLED } from "./body.ts";
import { BodyReader } from "./body-reader.ts";
import { gunzipped, type BodyEncoding } from "./content-encoding.ts";

/** Bytes that are read ahead; the last piece may exceed it. */
const AHEAD_BYTES_MAX = 1_048_576;

/** The end of a body that cannot be read. */
const BROKEN = refuse(
  "INVALID_REQUEST",
  "The request's body is not in the encoding that it was announced in, or was cut off.",
);

export class BodyAhead {
  private readonly reader: BodyReader;
  private parts: Uint8Array[] = [];
  private bytes = 0;
  private end: "end" | Refusal | null = null;
  private readonly filled: Promise<void>;
  /** What arrives is read and dropped; its bytes. */
  private isUnwanted = false;
  private unwantedBytes = 0;
  /** Resolve the waits for bytes and for room. */
  private arrived: (() => void) | null = null;
  private taken: (() => void) | null = null;

  constructor(body: ReadableStream<Uint8Array>, encoding: BodyEncoding) {
    this.reader = new BodyReader(body);
    const sent = piecesOf(this.reader);
    this.filled = this.fill(encoding === "gzip" ? gunzipped(sent) : sent);
  }

  /**
   * Waits for at least one piece and returns all that have arrived; "end" after the last one. REQUEST_BODY_TIMED_OUT if
   * nothing arrives for so long, INVALID_REQUEST if the body cannot be read.
   */
  async take(waitMs: number): Promise<readonly Uint8Array[] | "end" | Refusal> {
    while (this.parts.length === 0) {
      if (this.end !== null) return this.end;
      if ((await within(waitMs, this.nextArrival())) === null) return STALLED;
    }
    const { parts } = this;
    this.parts = [];
    this.bytes = 0;
    this.taken?.();
    return parts;
  }

  /** Waits until the read-ahead is full, at most for so many milliseconds. */
  async gather(waitMs: number): Promise<void> {
    const untilMs = Date.now() + waitMs;
    while (this.end === null && this.bytes < AHEAD_BYTES_MAX) {
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0 || (await within(leftMs, this.nextArrival())) === null) return;
    }
  }

  /** Reads and drops the rest, within bounds, so that the sender can read the answer. */
  async drain(): Promise<void> {
    this.isUnwanted = true;
    this.taken?.();
    await within(DRAIN_WAIT_MS, this.filled);
    this.cancel();
  }

  cancel(): void {
    this.end ??= "end";
    this.taken?.();
    this.reader.cancel();
  }

  private async fill(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const piece of pieces) {
        if (this.end !== null) return;
        if (this.isUnwanted) {
          this.unwantedBytes += piece.byteLength;
          if (this.unwantedBytes > DRAINED_BYTES_MAX) return;
          continue;
        }
        if (piece.byteLength > 0) this.parts.push(piece);
        this.bytes += piece.byteLength;
        this.arrived?.();
        while (this.bytes >= AHEAD_BYTES_MAX && !this.isUnwanted && this.end === null) {
          await this.room();
        }
      }
      this.end ??= "end";
    } catch {
      this.end ??= BROKEN;
    }
    this.arrived?.();
  }

  private nextArrival(): Promise<true> {
    return new Promise((resolve) => {
      this.arrived = () => {
        this.arrived = null;
        resolve(true);
      };
    });
  }

  private room(): Promise<void> {
    return new Promise((resolve) => {
      this.taken = () => {
        this.taken = null;
        resolve();
      };
    });
  }
}

async function* piecesOf(reader: BodyReader): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const piece = await reader.read();
    if (piece === "end") return;
    yield piece;
  }
}
