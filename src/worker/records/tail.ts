/**
 * The WebSocket tail. With `format=recordbatch` the client is connected to the partition's hibernating socket itself,
 * without a worker in between and without a limit in time. Otherwise the worker translates: the first message (text,
 * the ends of the log) and acknowledgements are passed on unchanged, and each flush becomes one text message, a JSON
 * array of records.
 */
import { TAIL_CLOSE } from "../../objects/contracts/partition.ts";
import { counters } from "../../gateway/metrics.ts";
import type { Outcome } from "../route.ts";
import { SUBREQUESTS_MAX } from "./events.ts";
import type { PartitionReader } from "../../gateway/partition-reader.ts";
import { writeRecords, type RecordFormat } from "../json/record-json.ts";
import { offeredProtocols, WEBSOCKET_PROTOCOL } from "../../gateway/subprotocols.ts";

/** Size of one message, in bytes; a compressed flush that becomes larger is sent in several. */
const MESSAGE_BYTES_MAX = 4_194_304;

/** The close codes of RFC 6455 that stand for "no code was sent" and "the connection broke". */
const NO_STATUS = 1005;
const ABNORMAL = 1006;
const INTERNAL_ERROR = 1011;

const DECODER = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** Opens a tail at an offset and answers the upgrade. */
export async function openTail(
  reader: PartitionReader,
  request: Request,
  offset: number,
  format: RecordFormat | "recordbatch",
): Promise<Outcome> {
  const opened = await reader.openTail(offset);
  if (!opened.ok) return opened;
  let webSocket = opened.socket;
  if (format !== "recordbatch") {
    const pair = new WebSocketPair();
    webSocket = pair[0];
    new JsonTail(reader, pair[1], opened.socket, format, offset).start();
  }
  const headers = new Headers();
  if (offeredProtocols(request).includes(WEBSOCKET_PROTOCOL)) {
    headers.set("sec-websocket-protocol", WEBSOCKET_PROTOCOL);
  }
  return new Response(null, { status: 101, webSocket, headers });
}

class JsonTail {
  private readonly reader: PartitionReader;
  private readonly client: WebSocket;
  private readonly log: WebSocket;
  private readonly format: RecordFormat;
  private next: number;
  private messages = 0;

  constructor(
    reader: PartitionReader,
    client: WebSocket,
    log: WebSocket,
    format: RecordFormat,
    offset: number,
  ) {
    this.reader = reader;
    this.client = client;
    this.log = log;
    this.format = format;
    this.next = offset;
  }

  start(): void {
    const { client, log } = this;
    log.binaryType = "arraybuffer";
    client.binaryType = "arraybuffer";
    log.addEventListener("message", ({ data }) => this.fromLog(data));
    log.addEventListener("close", ({ code, reason }) => this.logClosed(code, reason));
    log.addEventListener("error", () => this.logClosed(ABNORMAL, ""));
    client.addEventListener("message", ({ data }) => this.fromClient(data));
    client.addEventListener("close", () => closeQuietly(log, 1000, ""));
    client.addEventListener("error", () => closeQuietly(log, 1000, ""));
    client.accept();
    log.accept();
  }

  private fromLog(data: unknown): void {
    if (!this.count()) return;
    if (typeof data === "string") this.send(data);
    else if (data instanceof ArrayBuffer) this.translate(new Uint8Array(data));
  }

  private fromClient(data: unknown): void {
    if (!this.count()) return;
    try {
      // The partition refuses messages that are not acknowledgements.
      this.log.send(typeof data === "string" ? data : "");
    } catch {
      // It is closing; `logClosed` follows.
    }
  }

  private translate(batches: Uint8Array): void {
    const { topic, partition } = this.reader;
    counters.bytesOut += batches.length;
    for (let isWhole = false; !isWhole;) {
      const written = writeRecords(batches, {
        topic,
        partition,
        format: this.format,
        offset: this.next,
        frame: "array",
        maxRecords: Number.POSITIVE_INFINITY,
        maxBytes: MESSAGE_BYTES_MAX,
      });
      if (!written.ok) return this.close(INTERNAL_ERROR, written.message);
      ({ isWhole } = written);
      this.next = Math.max(this.next, written.nextOffset);
      counters.recordsOut += written.records;
      if (written.records > 0) this.send(DECODER.decode(written.bytes));
    }
  }

  /** Messages count as subrequests, of which the platform allows a limited number: the client then reconnects. */
  private count(): boolean {
    this.messages++;
    if (this.messages <= SUBREQUESTS_MAX) return true;
    this.close(TAIL_CLOSE.resume, String(this.next));
    return false;
  }

  private logClosed(code: number, reason: string): void {
    if (code === NO_STATUS) closeQuietly(this.client, 1000, reason);
    // The object was reset, or a new version deployed: the client can resume.
    else if (code === ABNORMAL) closeQuietly(this.client, TAIL_CLOSE.resume, String(this.next));
    else closeQuietly(this.client, code, reason);
  }

  private close(code: number, reason: string): void {
    closeQuietly(this.client, code, reason.slice(0, 120));
    closeQuietly(this.log, 1000, "");
  }

  private send(text: string): void {
    try {
      this.client.send(text);
    } catch {
      closeQuietly(this.log, 1000, "");
    }
  }
}

/** The other side may have closed it already. */
function closeQuietly(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // It is closed.
  }
}
