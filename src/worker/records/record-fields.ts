/**
 * One record of a JSON produce request while it is being read. One instance serves a whole
 * request: what is read is copied into a batch before the next record begins.
 */
import { refuse, type ErrorName, type Refusal } from "../../base/errors.ts";
import { RECORD_HEADERS_MAX, REQUEST_RECORDS_MAX } from "../../base/limits.ts";
import type { RecordHeader } from "../../records/index.ts";
import { decodeBase64 } from "../json/base64.ts";
import type { JsonCursor, JsonKind } from "../json/json-slices.ts";

/** How v3 producers say what their keys and values are. */
export const DATA_TYPES = ["BINARY", "JSON", "STRING"] as const;
export type DataType = (typeof DATA_TYPES)[number];

/** The latest instant of ECMAScript's Date; answers write timestamps as dates. */
const TIMESTAMP_MS_MAX = 8_640_000_000_000_000;

/** RFC 3339, as `java.time.Instant` reads and writes it. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** A key or a value: bytes [start, end) of a source; a null source is a null key or value. */
export class RecordData {
  type: DataType | null = null;
  source: Uint8Array | null = null;
  start = 0;
  end = 0;

  get sizeBytes(): number {
    return this.source === null ? 0 : this.end - this.start;
  }

  reset(): void {
    this.type = null;
    this.source = null;
  }

  set(source: Uint8Array, start: number, end: number): void {
    this.source = source;
    this.start = start;
    this.end = end;
  }
}

export class RecordFields {
  /** Of an entry of `records:batch`. */
  id: string | null = null;
  /** -1: not given. */
  partition = -1;
  /** Milliseconds since 1970; -1: not given. */
  timestamp = -1;
  readonly key = new RecordData();
  readonly value = new RecordData();
  headers: RecordHeader[] | null = null;
  /** Why this record is refused although its JSON is legal. */
  refusal: Refusal | null = null;

  reset(): void {
    this.id = null;
    this.partition = -1;
    this.timestamp = -1;
    this.key.reset();
    this.value.reset();
    this.headers = null;
    this.refusal = null;
  }

  /** Refuses this record alone. Only the first refusal counts. */
  refuse(error: ErrorName, message: string): void {
    this.refusal ??= refuse(error, message);
  }

  /** Skips a value that a record cannot have. False only if the JSON is broken. */
  private misfit(cursor: JsonCursor, error: ErrorName, message: string): boolean {
    this.refuse(error, message);
    return cursor.skipValue();
  }

  unknown(cursor: JsonCursor, name: string): boolean {
    return this.misfit(cursor, "INVALID_RECORD", `A record has no field "${shown(name)}".`);
  }

  /** Whether the next value is of this kind; skips and refuses it if it is not. */
  expect(
    cursor: JsonCursor,
    kind: JsonKind,
    name: string,
    error: ErrorName = "INVALID_RECORD",
  ): boolean {
    const found = cursor.peek();
    if (found === kind) return true;
    // If no value begins here, skipping makes the cursor fail at this position.
    this.misfit(cursor, error, `"${name}" is ${found}, and not of kind ${kind}.`);
    return false;
  }

  readPartition(cursor: JsonCursor, bytes: Uint8Array): void {
    if (cursor.takeNull() || !this.expect(cursor, "number", "partition")) return;
    const partition = readWhole(cursor, bytes);
    if (partition >= 0) this.partition = partition;
    else this.refuse("INVALID_RECORD", "A partition is a whole number.");
  }

  /** Milliseconds since 1970, or RFC 3339. */
  readTimestamp(cursor: JsonCursor, bytes: Uint8Array): void {
    if (cursor.takeNull()) return;
    let timestamp: number;
    if (cursor.peek() === "string") {
      const text = cursor.readString() ?? "";
      timestamp = INSTANT.test(text) ? Date.parse(text) : Number.NaN;
    } else if (this.expect(cursor, "number", "timestamp")) {
      timestamp = readWhole(cursor, bytes);
    } else {
      return;
    }
    if (timestamp >= 0 && timestamp <= TIMESTAMP_MS_MAX) this.timestamp = timestamp;
    else this.refuse("INVALID_TIMESTAMP", TIMESTAMP_RULE);
  }

  /** Reads a key or value of a known type; null is legal for each of them. */
  readData(cursor: JsonCursor, bytes: Uint8Array, data: RecordData, type: DataType): void {
    data.type = type;
    // If a field occurs twice, the last one counts.
    data.source = null;
    if (cursor.takeNull()) return;
    if (type === "JSON") {
      if (cursor.skipValue()) data.set(bytes, cursor.valueStart, cursor.valueEnd);
      return;
    }
    if (cursor.peek() !== "string") {
      // For base64 the error is the same as for a string that is not base64.
      const error = type === "BINARY" ? "INVALID_REQUEST" : "SERIALIZATION";
      this.misfit(cursor, error, `Data of type ${type} is a JSON string or null.`);
      return;
    }
    if (!cursor.readText()) return;
    const { textSource, textStart, textEnd } = cursor;
    if (type === "STRING") {
      data.set(textSource, textStart, textEnd);
      return;
    }
    const decoded = decodeBase64(textSource, textStart, textEnd);
    if (decoded === null) this.refuse("INVALID_REQUEST", "Data of type BINARY is not base64.");
    else data.set(decoded, 0, decoded.length);
  }

  /** `[{"name", "value": base64 | null}]`; `key` is another word for `name`. */
  readHeaders(cursor: JsonCursor): void {
    if (cursor.takeNull() || !this.expect(cursor, "array", "headers")) return;
    cursor.enterArray();
    const headers: RecordHeader[] = [];
    while (cursor.nextElement()) {
      if (headers.length >= RECORD_HEADERS_MAX) {
        this.misfit(cursor, "INVALID_RECORD", `More than ${RECORD_HEADERS_MAX} headers.`);
        continue;
      }
      const header = this.readHeader(cursor);
      if (header !== null) headers.push(header);
    }
    if (headers.length > 0) this.headers = headers;
  }

  private readHeader(cursor: JsonCursor): RecordHeader | null {
    if (!this.expect(cursor, "object", "header")) return null;
    cursor.enterObject();
    let name: Uint8Array | null = null;
    let value: Uint8Array | null = null;
    for (let field = cursor.nextKey(); field !== null; field = cursor.nextKey()) {
      if (field === "name" || field === "key") {
        if (!this.expect(cursor, "string", field) || !cursor.readText()) continue;
        name = cursor.textSource.subarray(cursor.textStart, cursor.textEnd);
      } else if (field === "value") {
        value = this.readHeaderValue(cursor);
      } else {
        this.misfit(cursor, "INVALID_RECORD", `A header has no field "${shown(field)}".`);
      }
    }
    if (name !== null) return { name, value };
    this.refuse("INVALID_RECORD", "A header has no name.");
    return null;
  }

  private readHeaderValue(cursor: JsonCursor): Uint8Array | null {
    if (cursor.takeNull() || !this.expect(cursor, "string", "value") || !cursor.readText()) {
      return null;
    }
    const value = decodeBase64(cursor.textSource, cursor.textStart, cursor.textEnd);
    if (value === null) this.refuse("INVALID_REQUEST", "The value of a header is not base64.");
    return value;
  }
}

const TIMESTAMP_RULE =
  "A timestamp is a whole number of milliseconds since 1970 or an RFC 3339 date and time, and not earlier than 1970.";

/** Bounds what a message repeats of the caller's text. */
function shown(name: string): string {
  return name.slice(0, 40);
}

/** Reads a number; −1 unless it is a whole one from 0 to 2^53 − 1. */
function readWhole(cursor: JsonCursor, bytes: Uint8Array): number {
  if (!cursor.skipValue()) return -1;
  let value = 0;
  for (let at = cursor.valueStart; at < cursor.valueEnd; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return Number.isSafeInteger(value) ? value : -1;
}

/** Whether the request may have a further record; fails the cursor if not. */
export function countedRecord(cursor: JsonCursor, count: number): boolean {
  if (count < REQUEST_RECORDS_MAX) return true;
  return cursor.fail(`a request has at most ${REQUEST_RECORDS_MAX} records`);
}
