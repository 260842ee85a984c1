/**
 * Server-sent events: a record an event, its id the offset to go on from. A reader that is behind is
 * served page by page, as fast as it takes them; one that has caught up listens to the partition's
 * hibernating socket, so that nothing is awake for it while nothing is produced.
 */
import { ERRORS, type Refusal } from "../../base/errors.ts";
import type { FetchRequest } from "../../objects/contracts/partition.ts";
import { counters } from "../../gateway/metrics.ts";
import type { PartitionReader } from "../../gateway/partition-reader.ts";
import { writeRecords, type RecordFormat } from "../json/record-json.ts";
import type { ResetPolicy } from "./fetch-query.ts";

/** Output of one pull, in bytes; compressed batches may unfold to much more than they are. */
const EVENTS_BYTES_MAX = 1_048_576;

/** Messages that wait for a slow reader, in bytes; beyond, it is served by pages again. */
const QUEUE_BYTES_MAX = 2_097_152;

/** The partition's window is moved whenever so many bytes were delivered. */
const ACK_BYTES = 262_144;

/** Proxies give up on a connection that is silent for long, and writing shows whether it is there. */
const KEEP_ALIVE_MS = 15_000;

/** A request of the platform ends at 10,000 subrequests; the reader connects anew before that. */
export const SUBREQUESTS_MAX = 9_000;

const ENCODER = new TextEncoder();
const KEEP_ALIVE = ENCODER.encode(":\n\n");
/** Tells a browser to come back after a second. */
const GREETING = ENCODER.encode("retry: 1000\n\n");

/** A stream goes on at another offset than the one asked for, and its first event says so. */
export interface OffsetReset {
  readonly ok: true;
  readonly requestedOffset: number;
  readonly offset: number;
  readonly reason: Refusal;
}

/**
 * Where a stream goes on whose offset is not in the log any more: a browser does not connect again after a refusal.
 * The refusal itself, where it is another one or the policy is `none`.
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
  /** What becomes of the stream when retention overtakes its reader. */
  readonly resetPolicy: ResetPolicy;
  /** Why it does not begin where it was asked to; null where it does. */
  readonly reset: OffsetReset | null;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** The source of a stream: what is pulled is read then, and not before. */
class RecordEvents {
  private readonly reader: PartitionReader;
  private readonly options: EventsOptions;
  private next: number;
  private subrequests = 1;
  private socket: WebSocket | null = null;
  /** Batches at hand: a page, then the messages of the socket. */
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

  /** Gives one piece of the stream, or ends it. */
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

  /** The reader is gone; the platform may notice only when something is written to it. */
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

  /** Reads a page; at the end of the log, listens instead. */
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
      // The log keeps what the reader is too slow for.
      this.leaveSocket();
      this.queue = [];
      this.queueBytes = 0;
    }
    this.wake?.();
  }

  private closed(socket: WebSocket): void {
    if (socket !== this.socket) return;
    // What follows is read by pages: by another leader's, when the partition has moved.
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
      // It is closing, and its close event says how to go on.
    }
  }

  private leaveSocket(): void {
    const { socket } = this;
    this.socket = null;
    socket?.close(1000);
  }

  /** Until something happens; false when nothing has for long. */
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

/** Its id is the new offset: a reader that is cut off here goes on there. */
function resetEvent({ requestedOffset, offset, reason }: OffsetReset): Uint8Array {
  const data = JSON.stringify({
    error_code: ERRORS[reason.error].rest,
    message: reason.message,
    requested_offset: requestedOffset,
    offset,
  });
  return ENCODER.encode(`event: reset\nid: ${offset}\ndata: ${data}\n\n`);
}

/** A stream that ends when its reader goes, or when the reader should connect anew. */
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
    // Nothing is read ahead of the reader.
    { highWaterMark: 0 },
  );
}
