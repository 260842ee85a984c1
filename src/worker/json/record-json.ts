/**
 * Writes stored batches as JSON: the arrays of fetch answers, the messages of WebSocket tails, and the events of
 * server-sent streams.
 *
 * A record is `{"topic","partition","offset","timestamp","key","value","headers"}`; `timestamp` is
 * in milliseconds since 1970 (-1: none), `headers` are `[{"name","value"}]` with base64 values.
 * How keys and values are written depends on the format that the reader asked for:
 *
 * - `json`: the stored bytes themselves, when they are legal JSON;
 * - `string`: a JSON string, when they are valid UTF-8;
 * - `binary`: base64, always.
 *
 * A key or value that does not fit the format is written as a string (valid UTF-8) or in base64, and the record then
 * has `key_encoding` or `value_encoding`, which is `"string"` or `"base64"`. Without such a field, the value is in the
 * format that was asked for.
 */
import { isUtf8 } from "node:buffer";
import type { Refusal } from "../../base/errors.ts";
import { DECOMPRESSED_BYTES_MAX } from "../../base/limits.ts";
import { recordsFrom, splitBatches, type LogRecord } from "../../records/index.ts";
import { ByteWriter } from "./byte-writer.ts";
import { JsonCursor } from "./json-slices.ts";

export const RECORD_FORMATS = ["json", "binary", "string"] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/** How records follow each other in the output. */
type RecordFrame = "array" | "events";

export interface RecordsQuery {
  readonly topic: string;
  readonly partition: number;
  readonly format: RecordFormat;
  /** The first batch may begin below it; records below it are omitted. */
  readonly offset: number;
  readonly frame: RecordFrame;
  readonly maxRecords: number;
  /** Output size after which no further record is written; the first one always is. */
  readonly maxBytes: number;
}

export type WrittenRecords =
  | {
      readonly ok: true;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly records: number;
      /** The offset at which the reader continues: behind the last batch if it was read to its end. */
      readonly nextOffset: number;
      /** Whether all batches were written; otherwise call again from nextOffset. */
      readonly isWhole: boolean;
    }
  | Refusal;

type Encoding = "string" | "base64" | null;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

function isJson(bytes: Uint8Array): boolean {
  const cursor = new JsonCursor(bytes);
  return cursor.skipValue() && cursor.atEnd();
}

function writeData(out: ByteWriter, bytes: Uint8Array | null, format: RecordFormat): Encoding {
  if (bytes === null) {
    out.ascii("null");
    return null;
  }
  if (format === "json" && isJson(bytes)) {
    out.raw(bytes);
    return null;
  }
  if (format !== "binary" && isUtf8(bytes)) {
    out.string(bytes);
    return format === "string" ? null : "string";
  }
  out.base64(bytes);
  return format === "binary" ? null : "base64";
}

function writeHeaders(out: ByteWriter, headers: LogRecord["headers"]): void {
  for (let i = 0; i < headers.length; i++) {
    const { name, value } = headers[i]!;
    out.ascii(i === 0 ? '{"name":' : ',{"name":');
    // Kafka's header names are text; illegal bytes become U+FFFD.
    if (isUtf8(name)) out.string(name);
    else out.string(new TextEncoder().encode(new TextDecoder().decode(name)));
    out.ascii(',"value":');
    if (value === null) out.ascii("null");
    else out.base64(value);
    out.ascii("}");
  }
}

function writeRecord(
  out: ByteWriter,
  start: string,
  record: LogRecord,
  format: RecordFormat,
): void {
  out.ascii(start);
  out.integer(record.offset);
  out.ascii(',"timestamp":');
  out.integer(record.timestamp);
  out.ascii(',"key":');
  const keyEncoding = writeData(out, record.key, format);
  if (keyEncoding !== null) out.ascii(`,"key_encoding":"${keyEncoding}"`);
  out.ascii(',"value":');
  const valueEncoding = writeData(out, record.value, format);
  if (valueEncoding !== null) out.ascii(`,"value_encoding":"${valueEncoding}"`);
  out.ascii(',"headers":[');
  if (record.headers.length > 0) writeHeaders(out, record.headers);
  out.ascii("]}");
}

/**
 * An event's data is one line, but stored JSON may have several. Line ends within strings are escaped, so all that are
 * found here are white space.
 */
function joinLines(bytes: Uint8Array): void {
  for (const end of [LINE_FEED, CARRIAGE_RETURN]) {
    for (let at = bytes.indexOf(end); at >= 0; at = bytes.indexOf(end, at + 1)) bytes[at] = SPACE;
  }
}

function writeEvent(out: ByteWriter, start: string, record: LogRecord, format: RecordFormat): void {
  out.ascii(`id: ${record.offset + 1}\ndata: `);
  const dataAt = out.length;
  writeRecord(out, start, record, format);
  joinLines(out.written(dataAt));
  out.ascii("\n\n");
}

/**
 * Writes the records of whole batches from an offset on. Topic names need no escapes.
 *
 * Errors: those of the codec, if the first record cannot be read; a page ends before a later record that cannot.
 */
export function writeRecords(batches: Uint8Array, query: RecordsQuery): WrittenRecords {
  const out = new ByteWriter(Math.min(2 * batches.length + 256, BUFFER_BYTES_MAX));
  const asArray = query.frame === "array";
  if (asArray) out.ascii("[");
  const written = appendRecords(out, batches, query, NOTHING_BEFORE);
  if (!written.ok) return written;
  if (asArray) out.ascii("]");
  return { ...written, bytes: out.written() };
}

/** Largest initial buffer, in bytes. */
const BUFFER_BYTES_MAX = 1_048_576;

/** The output before these batches, and its bounds. */
interface Before {
  readonly records: number;
  /** A record that exceeds it is removed again, unless it is the first. */
  readonly bytesMax: number;
}
const NOTHING_BEFORE: Before = { records: 0, bytesMax: Number.POSITIVE_INFINITY };

type AppendedRecords = Omit<Extract<WrittenRecords, { ok: true }>, "bytes">;

function appendRecords(
  out: ByteWriter,
  batches: Uint8Array,
  query: RecordsQuery,
  before: Before,
): AppendedRecords | Refusal {
  const { format } = query;
  const split = splitBatches(batches);
  if (!split.ok) return split;
  const start = `{"topic":"${query.topic}","partition":${query.partition},"offset":`;
  const asArray = query.frame === "array";
  let records = 0;
  let nextOffset = query.offset;
  let cut = false;
  const options = { maxDecompressedBytes: DECOMPRESSED_BYTES_MAX };
  for (const record of recordsFrom(batches, query.offset, options)) {
    if (!record.ok && records === 0) return record;
    cut =
      !record.ok || records >= query.maxRecords || (records > 0 && out.length >= query.maxBytes);
    if (!record.ok || cut) break;
    const startAt = out.length;
    const isFirst = before.records + records === 0;
    if (asArray) {
      if (!isFirst) out.ascii(",");
      writeRecord(out, start, record, format);
    } else {
      writeEvent(out, start, record, format);
    }
    if (!isFirst && out.length > before.bytesMax) {
      out.truncate(startAt);
      cut = true;
      break;
    }
    records++;
    nextOffset = record.offset + 1;
  }
  if (!cut) nextOffset = Math.max(nextOffset, endOffset(split.batches));
  return { ok: true, records, nextOffset, isWhole: !cut };
}

/** The part of one partition in a {@link RecordArray}. */
export interface ArrayPart extends Pick<RecordsQuery, "topic" | "partition" | "offset"> {
  readonly maxRecords: number;
  /** Output size of this part after which no further record of it is written; the first one that fits always is. */
  readonly softBytes: number;
}

/** One array of the records of several partitions, written in a single pass. */
export class RecordArray {
  /** Records written so far. */
  records = 0;
  readonly #out: ByteWriter;
  readonly #format: RecordFormat;
  readonly #maxBytes: number;

  /** `maxBytes`: bound on the array, which only the first record may exceed. `sourceBytes`: size of the batches to be added. */
  constructor(format: RecordFormat, maxBytes: number, sourceBytes: number) {
    this.#format = format;
    // Including the closing bracket.
    this.#maxBytes = maxBytes - 1;
    this.#out = new ByteWriter(Math.min(2 * sourceBytes + 256, BUFFER_BYTES_MAX));
    this.#out.ascii("[");
  }

  /** Bytes that may still be written. */
  get bytesLeft(): number {
    return Math.max(0, this.#maxBytes - this.#out.length);
  }

  /** Adds the records of one partition's batches. Errors: those of {@link writeRecords}; then nothing was added. */
  add(batches: Uint8Array, { softBytes, ...part }: ArrayPart): AppendedRecords | Refusal {
    const out = this.#out;
    const maxBytes = out.length + softBytes;
    const query: RecordsQuery = { ...part, format: this.#format, frame: "array", maxBytes };
    const before = { records: this.records, bytesMax: this.#maxBytes };
    const written = appendRecords(out, batches, query, before);
    if (written.ok) this.records += written.records;
    return written;
  }

  /** Closes and returns the array. */
  finish(): Uint8Array<ArrayBuffer> {
    this.#out.ascii("]");
    return this.#out.written();
  }
}

/** The offset behind the last batch; 0 if there are none. */
function endOffset(
  batches: readonly { readonly baseOffset: number; readonly lastOffsetDelta: number }[],
): number {
  const last = batches.at(-1);
  return last === undefined ? 0 : last.baseOffset + last.lastOffsetDelta + 1;
}
