/**
 * A cursor over JSON bytes, for the produce routes. It reads the known parts of a request and returns a record's value
 * as its range of bytes, which is stored unchanged: 9007199254740993 stays exact. Values that are skipped are fully
 * validated, so that readers get legal JSON.
 *
 * Strict JSON (RFC 8259) in strict UTF-8, without recursion, at most `JSON_DEPTH_MAX` deep. Errors are sticky: once
 * `refusal` is set, every method returns false or null, so a parser checks it once, at its end.
 */

import { isUtf8 } from "node:buffer";

import { refuse, type Refusal } from "../../base/errors.ts";
import { keyText } from "./json-keys.ts";
import { isDigit, numberEnd, wordEnd, WORDS } from "./json-scalars.ts";
import { StringScanner } from "./json-strings.ts";

/** Nested arrays and objects, including those of the request around a value. */
export const JSON_DEPTH_MAX = 64;

export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

const OBJECT = 1;
const ARRAY = 2;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const DECODER = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const ENCODER = new TextEncoder();

export class JsonCursor {
  /** The first error: INVALID_REQUEST, with the byte position. */
  refusal: Refusal | null = null;
  /** The error is that the input ends: it may be the beginning of legal JSON. */
  endedEarly = false;
  /** Range of the value that was skipped last. */
  valueStart = 0;
  valueEnd = 0;
  /** The UTF-8 bytes of the string that `readText` has read. */
  textSource: Uint8Array;
  textStart = 0;
  textEnd = 0;

  private readonly bytes: Uint8Array;
  private readonly end: number;
  private readonly strings: StringScanner;
  private readonly stack = new Uint8Array(JSON_DEPTH_MAX);
  private depth = 0;
  private at: number;
  /** At the beginning of an object or array. */
  private fresh = false;
  private utf8Checked = false;
  private readonly origin: number;

  /** `origin`: position of the first byte within a longer input, for the positions in refusals. */
  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length, origin = 0) {
    this.origin = origin;
    this.bytes = bytes;
    this.textSource = bytes;
    this.at = start;
    this.end = end;
    this.strings = new StringScanner(bytes, end);
  }

  /** The position of the next byte. */
  get position(): number {
    return this.at;
  }

  /** Whether only white space is left. */
  atEnd(): boolean {
    this.space();
    return this.at >= this.end;
  }

  /** The kind of the next value; null if no value begins here. */
  peek(): JsonKind | null {
    const byte = this.space();
    if (byte === QUOTE) return "string";
    if (byte === OPEN_OBJECT) return "object";
    if (byte === OPEN_ARRAY) return "array";
    if (byte === 0x74 || byte === 0x66) return "boolean";
    if (byte === 0x6e) return "null";
    return byte === MINUS || isDigit(byte) ? "number" : null;
  }

  /** Enters an object. Then call `nextKey` until it returns null, and read a value after each key. */
  enterObject(): boolean {
    return this.enter(OPEN_OBJECT, OBJECT, "an object");
  }

  /** Enters an array. Then call `nextElement` until it returns false, and read a value each time. */
  enterArray(): boolean {
    return this.enter(OPEN_ARRAY, ARRAY, "an array");
  }

  /** The next key, with its colon; null after the last one, or on failure. */
  nextKey(): string | null {
    if (this.space() === CLOSE_OBJECT) return this.leave(OBJECT);
    if (!this.separator()) return null;
    if (this.space() !== QUOTE) return this.nothing("a key is expected");
    const start = this.at + 1;
    const end = this.passString();
    if (end < 0) return null;
    const key = this.strings.escaped ? this.unescape(start, end) : keyText(this.bytes, start, end);
    if (this.space() !== COLON) return this.nothing("a colon is expected");
    this.at++;
    return key;
  }

  /** Whether an element follows; false after the last one, or on failure. */
  nextElement(): boolean {
    if (this.space() === CLOSE_ARRAY) {
      this.leave(ARRAY);
      return false;
    }
    return this.separator();
  }

  /** Validates and skips a value of any kind; its range is in valueStart and valueEnd. */
  skipValue(): boolean {
    this.space();
    const start = this.at;
    const outside = this.depth;
    do {
      if (!this.skipScalarOrOpen()) return false;
      if (!this.skipSeparators(outside)) return false;
    } while (this.depth > outside);
    this.valueStart = start;
    this.valueEnd = this.at;
    return true;
  }

  /** Reads and decodes a string; null on failure. Lone surrogates are kept. */
  readString(): string | null {
    if (this.space() !== QUOTE) return this.nothing("a string is expected");
    const start = this.at + 1;
    const end = this.passString();
    if (end < 0) return null;
    if (this.strings.escaped) return this.unescape(start, end);
    return DECODER.decode(this.bytes.subarray(start, end));
  }

  /**
   * Reads a string into [textStart, textEnd) of textSource, as UTF-8: the bytes of the input itself if it has no escapes.
   * A lone surrogate becomes U+FFFD.
   */
  readText(): boolean {
    if (this.space() !== QUOTE) return this.fail("a string is expected");
    const start = this.at + 1;
    const end = this.passString();
    if (end < 0) return false;
    if (this.strings.escaped) {
      this.textSource = ENCODER.encode(this.unescape(start, end));
      this.textStart = 0;
      this.textEnd = this.textSource.length;
    } else {
      this.textSource = this.bytes;
      this.textStart = start;
      this.textEnd = end;
    }
    return true;
  }

  /** Reads a number that is a safe integer, in any notation; null on failure. */
  readInteger(): number | null {
    const byte = this.space();
    const start = this.at;
    if (byte !== MINUS && !isDigit(byte)) return this.nothing("an integer is expected");
    if (!this.passNumber()) return null;
    const value = Number(DECODER.decode(this.bytes.subarray(start, this.at)));
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    this.at = start;
    return this.nothing("an integer within 2^53 is expected");
  }

  /** Reads true or false; null on failure. */
  readBoolean(): boolean | null {
    const byte = this.space();
    if (byte === 0x74) return this.passWord(WORDS.true) ? true : null;
    if (byte === 0x66) return this.passWord(WORDS.false) ? false : null;
    return this.nothing("true or false is expected");
  }

  /** Reads null if it is next; false, and no failure, if it is not. */
  takeNull(): boolean {
    return this.space() === 0x6e && this.passWord(WORDS.null);
  }

  /** Fails at the present position, with the caller's text. Only the first failure counts. */
  fail(what: string): false {
    if (this.refusal === null) {
      this.endedEarly = this.at >= this.end;
      this.refusal = refuse("INVALID_REQUEST", `JSON at byte ${this.origin + this.at}: ${what}.`);
    }
    // At the end of the input, every loop of every caller ends.
    this.at = this.end;
    this.depth = 0;
    return false;
  }

  private nothing(what: string): null {
    this.fail(what);
    return null;
  }

  /** Skips white space; returns the byte behind it, undefined at the end. */
  private space(): number | undefined {
    const { bytes, end } = this;
    let at = this.at;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) {
        this.at = at;
        return byte;
      }
      at++;
    }
    this.at = at;
    return undefined;
  }

  private enter(opening: number, kind: number, name: string): boolean {
    if (this.space() !== opening) return this.fail(`${name} is expected`);
    return this.push(kind);
  }

  private push(kind: number): boolean {
    if (this.depth >= JSON_DEPTH_MAX) return this.fail(`it is more than ${JSON_DEPTH_MAX} deep`);
    this.at++;
    this.stack[this.depth++] = kind;
    this.fresh = true;
    return true;
  }

  private leave(kind: number): null {
    if (this.depth === 0 || this.stack[this.depth - 1] !== kind) {
      return this.nothing("a closing bracket that was not opened");
    }
    this.at++;
    this.depth--;
    this.fresh = false;
    return null;
  }

  /** Skips the comma in front of every element but the first. */
  private separator(): boolean {
    if (this.fresh) {
      this.fresh = false;
      return this.at < this.end || this.fail("it ends too early");
    }
    if (this.refusal !== null) return false;
    if (this.space() !== COMMA) return this.fail("a comma or a closing bracket is expected");
    this.at++;
    return true;
  }

  /** Skips one scalar, or the opening bracket of an object or array. */
  private skipScalarOrOpen(): boolean {
    const byte = this.space();
    if (byte === QUOTE) return this.passString() >= 0;
    if (byte === OPEN_OBJECT) return this.push(OBJECT);
    if (byte === OPEN_ARRAY) return this.push(ARRAY);
    if (byte === MINUS || isDigit(byte)) return this.passNumber();
    if (byte === 0x74) return this.passWord(WORDS.true);
    if (byte === 0x66) return this.passWord(WORDS.false);
    if (byte === 0x6e) return this.passWord(WORDS.null);
    return this.fail(byte === undefined ? "it ends too early" : "a value is expected");
  }

  /** Skips closing brackets down to depth `outside`, or what precedes the next value. */
  private skipSeparators(outside: number): boolean {
    while (this.depth > outside) {
      const kind = this.stack[this.depth - 1];
      if (this.space() === (kind === OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        this.leave(kind!);
        continue;
      }
      if (!this.separator()) return false;
      return kind === ARRAY || this.skipKey();
    }
    return true;
  }

  private skipKey(): boolean {
    if (this.space() !== QUOTE) return this.fail("a key is expected");
    if (this.passString() < 0) return false;
    if (this.space() !== COLON) return this.fail("a colon is expected");
    this.at++;
    return true;
  }

  /** Skips a string; returns the position of its closing quote, −1 on failure. */
  private passString(): number {
    const { strings } = this;
    const end = strings.skip(this.at + 1);
    if (end < 0) {
      this.at = strings.failedAt;
      this.fail(strings.failure);
      return -1;
    }
    if (strings.nonAscii !== 0 && !this.utf8Checked && !this.checkUtf8()) return -1;
    this.at = end + 1;
    return end;
  }

  /** Called once, for the rest of the input, at the first string that is not ASCII. */
  private checkUtf8(): boolean {
    this.utf8Checked = true;
    return isUtf8(this.bytes.subarray(this.at, this.end)) || this.fail("it is not UTF-8");
  }

  private passNumber(): boolean {
    return this.passTo(
      numberEnd(this.bytes, this.at, this.end),
      "a number that JSON does not have",
    );
  }

  private passWord(word: Uint8Array): boolean {
    return this.passTo(wordEnd(this.bytes, this.at, this.end, word), "a value is expected");
  }

  /** Continues at `end`, or fails at its complement. */
  private passTo(end: number, failure: string): boolean {
    this.at = end < 0 ? ~end : end;
    return end >= 0 || this.fail(failure);
  }

  /** Decodes the inside of a legal string with escapes. */
  private unescape(start: number, end: number): string {
    return JSON.parse(DECODER.decode(this.bytes.subarray(start - 1, end + 1))) as string;
  }
}
