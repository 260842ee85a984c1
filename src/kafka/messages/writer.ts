/**
 * Encodes the primitive types of Kafka's protocol. Large byte fields are not copied: each is a part of its own of the
 * message, so that record batches go from storage to the socket as they are.
 *
 * A value that does not fit its field is a broken assumption of the caller, and throws.
 */
import { joinBytes } from "../../base/bytes.ts";
import { assert } from "../../base/errors.ts";
import { writeI16, writeI32, writeI64 } from "../../records/integers.ts";
import { STRING_BYTES_MAX } from "./reader.ts";

/** A message in parts that are sent in order. */
export interface EncodedMessage {
  readonly parts: readonly Uint8Array[];
  /** Of all parts together. */
  readonly byteLength: number;
}

/** From this size on, passing a byte field on costs less than copying it. */
const PART_BYTES_MIN = 1_024;

const BUFFER_BYTES = 256;

const utf8 = new TextEncoder();

export class Writer {
  private buffer = new Uint8Array(BUFFER_BYTES);
  /** Where the part in progress begins, and where the next write goes, within the buffer. */
  private start = 0;
  private at = 0;
  private readonly parts: Uint8Array[] = [];
  private partBytes = 0;

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  int8(value: number): void {
    assert((value << 24) >> 24 === value, "an int8 fits its field");
    this.byte(value);
  }

  int16(value: number): void {
    assert((value << 16) >> 16 === value, "an int16 fits its field");
    const at = this.room(2);
    writeI16(this.buffer, at, value);
  }

  int32(value: number): void {
    assert((value | 0) === value, "an int32 fits its field");
    const at = this.room(4);
    writeI32(this.buffer, at, value);
  }

  int64(value: number): void {
    assert(Number.isSafeInteger(value), "an int64 is a safe integer");
    const at = this.room(8);
    writeI64(this.buffer, at, value);
  }

  wideInt64(value: number | bigint): void {
    if (typeof value === "number") return this.int64(value);
    assert(BigInt.asIntN(64, value) === value, "an int64 fits its field");
    const at = this.room(8);
    new DataView(this.buffer.buffer).setBigInt64(at, value);
  }

  uvarint(value: number): void {
    assert(value >>> 0 === value, "an unsigned number has 32 bits");
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** 32 hexadecimal digits as 16 bytes. */
  uuid(value: string): void {
    assert(/^[0-9a-f]{32}$/.test(value), "an id has 32 hexadecimal digits");
    const at = this.room(16);
    for (let i = 0; i < 16; i++) {
      this.buffer[at + i] = Number.parseInt(value.slice(2 * i, 2 * i + 2), 16);
    }
  }

  string(value: string | null, compact: boolean): void {
    if (value === null) return compact ? this.uvarint(0) : this.int16(-1);
    const text = utf8.encode(value);
    assert(text.byteLength <= STRING_BYTES_MAX, "a string fits its length");
    if (compact) this.uvarint(text.byteLength + 1);
    else this.int16(text.byteLength);
    this.copy(text);
  }

  /** Large values are not copied: they must not change until the message is sent. */
  blob(value: Uint8Array | null, compact: boolean): void {
    this.count(value === null ? null : value.byteLength, compact);
    if (value !== null) this.append(value);
  }

  /** As {@link blob}, with the parts in order. */
  blobParts(parts: readonly Uint8Array[], compact: boolean): void {
    let byteLength = 0;
    for (const part of parts) byteLength += part.byteLength;
    this.count(byteLength, compact);
    for (const part of parts) this.append(part);
  }

  /** The length of an array, or of bytes; null: there is none. */
  count(count: number | null, compact: boolean): void {
    if (compact) this.uvarint(count === null ? 0 : count + 1);
    else this.int32(count ?? -1);
  }

  /** A message that was encoded separately, as tagged fields need, whose size comes first. */
  message(message: EncodedMessage): void {
    for (const part of message.parts) this.append(part);
  }

  /** Everything written; the writer cannot be used afterwards. */
  finish(): EncodedMessage {
    this.seal();
    return { parts: this.parts, byteLength: this.partBytes };
  }

  /** Everything written, as one array; the writer cannot be used afterwards. */
  bytes(): Uint8Array {
    return joinBytes(this.finish().parts);
  }

  private byte(value: number): void {
    const at = this.room(1);
    this.buffer[at] = value;
  }

  private append(bytes: Uint8Array): void {
    if (bytes.byteLength < PART_BYTES_MIN) return this.copy(bytes);
    this.seal();
    this.parts.push(bytes);
    this.partBytes += bytes.byteLength;
  }

  private copy(bytes: Uint8Array): void {
    const at = this.room(bytes.byteLength);
    this.buffer.set(bytes, at);
  }

  /** Ends the part in progress; the rest of the buffer is used for the next one. */
  private seal(): void {
    if (this.at === this.start) return;
    this.parts.push(this.buffer.subarray(this.start, this.at));
    this.partBytes += this.at - this.start;
    this.start = this.at;
  }

  /** Makes room for `count` bytes and returns where they go, in `buffer` as it is afterwards. */
  private room(count: number): number {
    if (this.at + count > this.buffer.byteLength) this.grow(count);
    const at = this.at;
    this.at += count;
    return at;
  }

  private grow(count: number): void {
    const written = this.buffer.subarray(this.start, this.at);
    const grown = new Uint8Array(Math.max(2 * (written.byteLength + count), BUFFER_BYTES));
    grown.set(written);
    this.buffer = grown;
    this.at = written.byteLength;
    this.start = 0;
  }
}
