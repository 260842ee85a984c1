/**
 * A growing buffer of JSON text in UTF-8. The bytes of records are copied or escaped into it without a string for each
 * record.
 */
import { encodeBase64, base64Length } from "./base64.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ENCODER = new TextEncoder();
const HEX = ENCODER.encode("0123456789abcdef");

/** Up to this many characters a loop is faster than a call of the encoder. */
const LOOP_LENGTH_MAX = 32;

/** The letter of the short escapes, by control character; 0 for none. */
const SHORT_ESCAPES = new Uint8Array(0x20);
SHORT_ESCAPES[0x08] = 0x62;
SHORT_ESCAPES[0x09] = 0x74;
SHORT_ESCAPES[0x0a] = 0x6e;
SHORT_ESCAPES[0x0c] = 0x66;
SHORT_ESCAPES[0x0d] = 0x72;

export class ByteWriter {
  /** Bytes written so far. */
  length = 0;
  private buffer: Uint8Array<ArrayBuffer>;

  constructor(capacityBytes = 4096) {
    this.buffer = new Uint8Array(Math.max(capacityBytes, 64));
  }

  /** The bytes written from `start` on: a view, valid until the next write. */
  written(start = 0): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(start, this.length);
  }

  /** Drops what was written after `length`. */
  truncate(length: number): void {
    this.length = length;
  }

  /** Writes text that is ASCII. */
  ascii(text: string): void {
    this.reserve(text.length);
    const { buffer } = this;
    let at = this.length;
    if (text.length > LOOP_LENGTH_MAX) {
      ENCODER.encodeInto(text, buffer.subarray(at));
      at += text.length;
    } else {
      for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i);
    }
    this.length = at;
  }

  integer(value: number): void {
    this.ascii(String(value));
  }

  /** Writes bytes unchanged: legal JSON in UTF-8, or a part of it. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Writes a JSON string, of bytes that are valid UTF-8. */
  string(bytes: Uint8Array): void {
    this.reserve(bytes.length + 2);
    this.buffer[this.length++] = QUOTE;
    let run = 0;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) continue;
      if (i > run) this.raw(bytes.subarray(run, i));
      this.escape(byte);
      run = i + 1;
    }
    if (run < bytes.length) this.raw(run === 0 ? bytes : bytes.subarray(run));
    this.reserve(1);
    this.buffer[this.length++] = QUOTE;
  }

  /** Writes a JSON string of the bytes in base64. */
  base64(bytes: Uint8Array): void {
    this.reserve(base64Length(bytes.length) + 2);
    this.buffer[this.length++] = QUOTE;
    this.length = encodeBase64(bytes, this.buffer, this.length);
    this.buffer[this.length++] = QUOTE;
  }

  private escape(byte: number): void {
    this.reserve(6);
    const { buffer } = this;
    buffer[this.length++] = BACKSLASH;
    const letter = byte >= 0x20 ? byte : SHORT_ESCAPES[byte]!;
    if (letter !== 0) {
      buffer[this.length++] = letter;
      return;
    }
    this.ascii("u00");
    buffer[this.length++] = HEX[byte >> 4]!;
    buffer[this.length++] = HEX[byte & 15]!;
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }
}
