/**
 * Reads concatenated v3 records from a body that arrives in pieces: complete records are read, an incomplete one is kept
 * until more has arrived. Holds at most one record and the pieces pushed since the last read.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { REQUEST_BYTES_MAX, REQUEST_RECORDS_MAX } from "../../base/limits.ts";
import { isDigit, isSpace } from "../json/json-scalars.ts";
import { JsonCursor } from "../json/json-slices.ts";
import { ValueEnd } from "../json/value-end.ts";
import { RecordFields } from "./record-fields.ts";
import { readRecordV3 } from "./read-v3.ts";
import type { RequestRecords } from "./request-records.ts";

const TOO_LARGE = refuse("MESSAGE_TOO_LARGE", `A record has at most ${REQUEST_BYTES_MAX} bytes.`);

export class RecordPieces {
  private buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  private length = 0;
  /** Position of the buffer's first byte in the body. */
  private origin = 0;
  private isLast = false;
  /** Result of the last `read`: how far it came, and the search for the end of the incomplete record there. */
  private readTo = 0;
  private found: ValueEnd | null = null;
  /** The search for the end of the incomplete record at the beginning of the buffer; null if there is none. */
  private begun: ValueEnd | null = null;

  /** Adds the next bytes of the body. */
  push(piece: Uint8Array): void {
    if (this.length === 0) {
      // Usually everything before was read: the piece need not be copied.
      this.buffer = piece as Uint8Array<ArrayBuffer>;
    } else {
      this.reserve(piece.length);
      this.buffer.set(piece, this.length);
    }
    const from = this.length;
    this.length += piece.length;
    if (this.begun === null) return;
    if (this.begun.find(this.buffer, from, this.length) >= 0) this.begun = null;
  }

  /** The body has ended. */
  finish(): void {
    this.isLast = true;
    this.begun = null;
  }

  /** Bytes that were not read. */
  get sizeBytes(): number {
    return this.length;
  }

  /** Whether a record has begun and is incomplete. */
  get isInRecord(): boolean {
    return this.length > 0;
  }

  /** Whether the body was read to its end. */
  get isDone(): boolean {
    return this.isLast && this.length === 0;
  }

  /**
   * Reads the complete records, at most as many as one append may have. Returns why the rest of the body cannot be read,
   * or null. Another call before `advance` reads the same records again.
   */
  read(records: RequestRecords): Refusal | null {
    this.readTo = 0;
    this.found = null;
    if (this.begun !== null) return this.length > REQUEST_BYTES_MAX ? TOO_LARGE : null;
    const end = this.isLast ? this.length : wholeCharacters(this.buffer, this.length);
    const cursor = new JsonCursor(this.buffer, 0, end, this.origin);
    const fields = new RecordFields();
    while (records.count < REQUEST_RECORDS_MAX) {
      const isAtEnd = cursor.atEnd();
      const start = cursor.position;
      this.readTo = start;
      if (isAtEnd) return null;
      readRecordV3(cursor, this.buffer, fields);
      if (cursor.refusal !== null || this.mayGoOn(cursor.position, end)) {
        return this.readAlone(records, start, end);
      }
      records.add(fields);
    }
    this.readTo = cursor.position;
    return null;
  }

  /** Drops what was read. */
  advance(): void {
    const { readTo } = this;
    this.origin += readTo;
    this.length -= readTo;
    this.buffer = this.buffer.subarray(readTo);
    this.readTo = 0;
    this.begun ??= this.found;
    this.found = null;
  }

  /**
   * Continues with each record parsed on its own, so that an error, invalid UTF-8 above all, only concerns the record that
   * contains it.
   */
  private readAlone(records: RequestRecords, from: number, end: number): Refusal | null {
    const fields = new RecordFields();
    let start = from;
    while (records.count < REQUEST_RECORDS_MAX) {
      while (start < end && isSpace(this.buffer[start]!)) start++;
      this.readTo = start;
      if (start === end) return null;
      const looking = new ValueEnd();
      const found = looking.find(this.buffer, start, this.length);
      const valueEnd = found < 0 ? end : found;
      const cursor = new JsonCursor(this.buffer, start, valueEnd, this.origin);
      readRecordV3(cursor, this.buffer, fields);
      const isIncomplete = found < 0 && !this.isLast;
      if (isIncomplete && (cursor.refusal === null || cursor.endedEarly)) {
        this.found = looking;
        return this.length - start > REQUEST_BYTES_MAX ? TOO_LARGE : null;
      }
      if (cursor.refusal !== null) return cursor.refusal;
      records.add(fields);
      start = cursor.position;
      this.readTo = start;
    }
    return null;
  }

  /** Whether the record is a number that further digits may follow. */
  private mayGoOn(at: number, end: number): boolean {
    return at === end && !this.isLast && isDigit(this.buffer[at - 1]);
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }
}

/** The end of the last complete character: a piece may end within one. */
function wholeCharacters(bytes: Uint8Array, length: number): number {
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back]!;
    if (byte < 0x80) return length;
    if (byte >= 0xc0) return back < characterBytes(byte) ? length - back : length;
  }
  return length;
}

function characterBytes(lead: number): number {
  if (lead >= 0xf0) return 4;
  return lead >= 0xe0 ? 3 : 2;
}
