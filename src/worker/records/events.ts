/**
 * Server-sent events: one event for each record, whose id is the offset at which a reader resumes. A reader that is
 * behind is sent pages as fast as it reads them; one that has caught up is fed from the partition's hibernating socket,
 * so that its object can sleep while nothing is produced.
 */
import { ERRORS, type Refusal } from "../../base/errors.ts";
import type { FetchRequest } from "../../objects/contracts/partition.ts";
import { counters } from "../../gateway/metrics.ts";
import type { PartitionReader } from "../../gateway/partition-reader.ts";
import { writeRecords, type RecordFormat } from "../json/record-json.ts";
import type { ResetPolicy } from "./fetch-query.ts";

/** Output of one pull, in bytes: compressed batches may become much larger as text. */
const EVENTS_BYTES_MAX = 1_048_576;

/** Messages queued for a slow reader, in bytes; a reader that falls further behind reads pages again. */
const QUEUE_BYTES_MAX = 2_097_152;

/** Bytes delivered after which the partition is sent an acknowledgement, which moves its window. */
const ACK_BYTES = 262_144;

/** Proxies close connections that are silent for long, and a write shows whether the reader is still connected. */
const KEEP_ALIVE_MS = 15_000;

/** The platform allows 10,000 subrequests in a request; a stream ends before that, and its reader connects again. */
export const SUBREQUESTS_MAX = 9_000;

const ENCODER = new TextEncoder();
const KEEP_ALIVE = ENCODER.encode(":\n\n");
/** Tells a browser to reconnect after one second. */
const GREETING = ENCODER.encode("retry: 1000\n\n");

/** A stream continues at another offset than the one it was asked for; an event says so. */
export interface OffsetReset {
  readonly ok: true;
  readonly requestedOffset: number;
  readonly offset: number;
  readonly reason: Refusal;
}

/**
 * Where a stream continues if its offset is no longer in the log: a browser does not reconnect after an error status.
 * Returns `reason` itself if it is another error, or if the policy is `none`.
 */
export async function resetOffset(
  reader: PartitionReader,
  policy: ResetPolicy,
  requestedOffset: number,
  reason: Refusal,
): Promise<OffsetReset | Refusal> {
  const { error } = reason;
  const isOffLog = error === "OFFSET_BELOW_LOG_START" || error === "OFFSET_OUT_OF_RANGE";
  if (policy === "none" || !isOffLog) return reason;
  const offset = await reader.offsetOf(policy);
  return typeof offset === "number" ? { ok: true, requestedOffset, offset, reason } : offset;
}

export interface EventsOptions {
  readonly format: RecordFormat;
  /** Where the stream begins. */
  readonly offset: number;
  /** Batches that were read from there already. */
  readonly batches: Uint8Array;
  /** Bytes of batches asked for at once. */
  readonly maxBytes: number;
  readonly isolation: FetchRequest["isolation"];
  /** Where the stream continues if retention deletes what its reader has not read yet. */
  readonly resetPolicy: ResetPolicy;
  /** Why the stream does not begin at the offset asked for; null if it does. */
  readonly reset: OffsetReset | null;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** The source of a stream. Nothing is read from the log before the stream is pulled. */
class RecordEvents {
  private readonly reader: PartitionReader;
  private readonly options: EventsOptions;
  private next: number;
  private subrequests = 1;
  private socket: WebSocket | null = null;
  /** Batches not delivered yet: a page, or messages of the socket. */
  private queue: Uint8Array[];
  private queueBytes = 0;
  private unackedBytes = 0;
  private ended = false;
  private wake: (() => void) | null = null;

  constructor(reader: PartitionReader, options: EventsOptions) {
    this.reader = reader;
    this.options = options;
    this.next = options.offset;
    this.queue = options.batches.length > 0 ? [options.batches] : [];
  }

  start(controller: Controller): void {
    controller.enqueue(GREETING);
    if (this.options.reset !== null) controller.enqueue(resetEvent(this.options.reset));
  }

  /** Enqueues one piece of the stream, or ends it. */
  async pull(controller: Controller): Promise<void> {
    for (;;) {
      if (this.ended || this.subrequests >= SUBREQUESTS_MAX) return this.end(controller);
      const refused = this.queue.length > 0 ? this.deliver(controller) : await this.advance();
      if (refused === "delivered") return;
      if (refused !== null) return this.resetOrFail(controller, refused);
      if (this.ended) continue;
      if (this.queue.length > 0 || this.socket === null) continue;
      if (await this.wait()) continue;
      controller.enqueue(KEEP_ALIVE);
      return;
    }
  }

  /** The reader has disconnected. The platform may notice that only when something is written to it. */
  cancel(): void {
    this.leaveSocket();
    this.ended = true;
    this.wake?.();
  }

  /** Writes from the first batches of the queue. */
  private deliver(controller: Controller): Refusal | "delivered" | null {
    const batches = this.queue[0]!;
    const { topic, partition } = this.reader;
    const written = writeRecords(batches, {
      topic,
      partition,
      format: this.options.format,
      offset: this.next,
      frame: "events",
      maxRecords: Number.POSITIVE_INFINITY,
      maxBytes: EVENTS_BYTES_MAX,
    });
    if (!written.ok) return written;
    this.next = Math.max(this.next, written.nextOffset);
    if (written.isWhole) {
      this.queue.shift();
      this.queueBytes = Math.max(0, this.queueBytes - batches.length);
      this.acknowledge(batches.length);
    }
    if (written.records === 0) return null;
    counters.recordsOut += written.records;
    controller.enqueue(written.bytes);
    return "delivered";
  }

  /** Reads a page; at the end of the log, opens the partition's socket instead. */
  private async advance(): Promise<Refusal | null> {
    if (this.socket !== null) return null;
    this.subrequests++;
    const fetched = await this.reader.fetch({
      offset: this.next,
      maxBytes: this.options.maxBytes,
      minBytes: 1,
      maxWaitMs: 0,
      isolation: this.options.isolation,
    });
    if (!fetched.ok) return fetched;
    if (fetched.batches.length > 0) {
      this.queue.push(fetched.batches);
      return null;
    }
    return this.listen();
  }

  private async listen(): Promise<Refusal | null> {
    this.subrequests++;
    const opened = await this.reader.openTail(this.next);
    if (!opened.ok) return opened;
    const { socket } = opened;
    if (this.ended) {
      socket.accept();
      socket.close(1000);
      return null;
    }
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.socket && data instanceof ArrayBuffer) this.take(new Uint8Array(data));
    });
    socket.addEventListener("close", () => this.closed(socket));
    socket.addEventListener("error", () => this.closed(socket));
    this.socket = socket;
    socket.accept();
    return null;
  }

  private take(batches: Uint8Array): void {
    this.subrequests++;
    this.queue.push(batches);
    this.queueBytes += batches.length;
    counters.bytesOut += batches.length;
    if (this.queueBytes > QUEUE_BYTES_MAX) {
      // Nothing is lost: the reader reads it from the log.
      this.leaveSocket();
      this.queue = [];
      this.queueBytes = 0;
    }
    this.wake?.();
  }

  private closed(socket: WebSocket): void {
    if (socket !== this.socket) return;
    // The next page is read from whichever replica leads by then.
    this.socket = null;
    this.wake?.();
  }

  private acknowledge(bytes: number): void {
    this.unackedBytes += bytes;
    if (this.socket === null || this.unackedBytes < ACK_BYTES) return;
    this.unackedBytes = 0;
    this.subrequests++;
    try {
      this.socket.send(JSON.stringify({ ack: this.next }));
    } catch {
      // It is closing; `closed` follows.
    }
  }

  private leaveSocket(): void {
    const { socket } = this;
    this.socket = null;
    socket?.close(1000);
  }

  /** Waits for a message or the end of the socket; false if neither comes within the keep-alive time. */
  private wait(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.wake = null;
        resolve(false);
      }, KEEP_ALIVE_MS);
      this.wake = () => {
        clearTimeout(timer);
        this.wake = null;
        resolve(true);
      };
    });
  }

  private async resetOrFail(controller: Controller, refused: Refusal): Promise<void> {
    this.subrequests++;
    const reset = await resetOffset(this.reader, this.options.resetPolicy, this.next, refused);
    if (!reset.ok) return this.fail(controller, reset);
    this.next = reset.offset;
    controller.enqueue(resetEvent(reset));
  }

  private fail(controller: Controller, { error, message }: Refusal): void {
    const data = JSON.stringify({ error_code: ERRORS[error].rest, message });
    controller.enqueue(ENCODER.encode(`event: error\ndata: ${data}\n\n`));
    this.end(controller);
  }

  private end(controller: Controller): void {
    this.cancel();
    try {
      controller.close();
    } catch {
      // The reader has closed it.
    }
  }
}

/** The event's id is the new offset, so that a reader that is cut off here resumes there. */
function resetEvent({ requestedOffset, offset, reason }: OffsetReset): Uint8Array {
  const data = JSON.stringify({
    error_code: ERRORS[reason.error].rest,
    message: reason.message,
    requested_offset: requestedOffset,
    offset,
  });
  return ENCODER.encode(`event: reset\nid: ${offset}\ndata: ${data}\n\n`);
}

/** A stream that ends when its reader disconnects, or when the reader has to connect again. */
export function eventStream(
  reader: PartitionReader,
  options: EventsOptions,
): ReadableStream<Uint8Array> {
  const source = new RecordEvents(reader, options);
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => source.start(controller),
      pull: (controller) => source.pull(controller),
      cancel: () => source.cancel(),
    },
    // No read-ahead: the log is read at the reader's pace.
    { highWaterMark: 0 },
  );
}
