/**
 * Steps through the records of a batch's (decompressed) payload without allocating: `next` sets the fields of this one
 * object to those of the next record. The validator and the decoder share it, so that whatever was accepted can be
 * decoded.
 *
 * A record (KIP-98): varint length, attributes i8, varlong timestamp delta, varint offset delta,
 * varint key length and key, varint value length and value, varint header count and headers;
 * a length of −1 stands for null. A header: varint name length and name, varint value length
 * and value.
 */

const HALF_OF_2_28 = 134_217_728;

export class RecordWalker {
  timestampDelta = 0;
  offsetDelta = 0;
  /** Byte ranges in `bytes`; a start of −1 stands for null. */
  keyStart = -1;
  keyEnd = -1;
  valueStart = -1;
  valueEnd = -1;
  headerCount = 0;
  /** Where the first header begins. */
  headersAt = 0;
  /** Records read so far. */
  passed = 0;
  /** What is wrong, once `next` has returned false before the end. */
  problem: string | null = null;

  private readonly bytes: Uint8Array;
  private readonly payloadEnd: number;
  private at: number;
  /** Nothing is read beyond: the end of the record, or of the payload between records. */
  private end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.payloadEnd = end;
    this.end = end;
    this.at = start;
  }

  get atEnd(): boolean {
    return this.at >= this.payloadEnd;
  }

  /** Moves to the next record; false if it cannot be read, and then `problem` says why. */
  next(): boolean {
    const length = this.varint();
    const start = this.at;
    if (this.problem !== null) return false;
    if (length < 0 || length > this.payloadEnd - start) {
      return this.fail(`a length of ${length} where ${this.payloadEnd - start} bytes are left`);
    }
    this.end = start + length;
    if (length === 0) return this.fail("it is empty");
    this.at = start + 1;
    this.timestampDelta = this.varlong();
    this.offsetDelta = this.varint();
    this.keyStart = this.nullable();
    this.keyEnd = this.at;
    this.valueStart = this.nullable();
    this.valueEnd = this.at;
    this.skipHeaders();
    if (this.problem !== null) return false;
    if (this.at !== this.end) return this.fail(`${this.end - this.at} bytes are left over in it`);
    this.end = this.payloadEnd;
    this.passed++;
    return true;
  }

  /** Reads the headers of the current record again, handing out byte ranges (−1: null). */
  eachHeader(
    visit: (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => void,
  ): void {
    const after = this.at;
    this.at = this.headersAt;
    for (let i = 0; i < this.headerCount; i++) {
      const nameStart = this.nullable();
      const nameEnd = this.at;
      const valueStart = this.nullable();
      visit(nameStart, nameEnd, valueStart, this.at);
    }
    this.at = after;
  }

  private fail(what: string): false {
    if (this.problem === null) this.problem = `record ${this.passed}: ${what}`;
    // Further reads find nothing, so every loop ends.
    this.at = this.end;
    return false;
  }

  private skipHeaders(): void {
    this.headerCount = this.varint();
    this.headersAt = this.at;
    if (this.headerCount < 0) this.fail("a negative header count");
    for (let i = 0; i < this.headerCount; i++) {
      if (this.nullable() < 0) this.fail("a header without a name");
      this.nullable();
      if (this.problem !== null) return;
    }
  }

  /** Skips a length and that many bytes; returns where they start, or −1 for null. */
  private nullable(): number {
    const length = this.varint();
    const start = this.at;
    // Kafka's own reader takes every negative length for null.
    if (length < 0) return -1;
    if (length > this.end - start) {
      this.fail(`a length of ${length} where ${this.end - start} bytes are left`);
      return -1;
    }
    this.at = start + length;
    return start;
  }

  private varint(): number {
    const at = this.at;
    if (at < this.end) {
      const byte = this.bytes[at]!;
      if (byte < 0x80) {
        this.at = at + 1;
        return (byte >>> 1) ^ -(byte & 1);
      }
    }
    return this.longVarint();
  }

  private longVarint(): number {
    let zigzag = 0;
    let at = this.at;
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= this.end) break;
      const byte = this.bytes[at++]!;
      if (shift === 28 && byte > 0x0f) break;
      zigzag |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        this.at = at;
        return (zigzag >>> 1) ^ -(zigzag & 1);
      }
    }
    this.fail(at >= this.end ? "it ends inside a number" : "a number is longer than 32 bits");
    return 0;
  }

  /** A safe integer; longer ones are a problem. */
  private varlong(): number {
    const at = this.at;
    if (at < this.end) {
      const byte = this.bytes[at]!;
      if (byte < 0x80) {
        this.at = at + 1;
        return (byte >>> 1) ^ -(byte & 1);
      }
    }
    return this.longVarlong();
  }

  private longVarlong(): number {
    // The low 28 bits and the rest are accumulated separately: neither exceeds the safe integers.
    let low = 0;
    let high = 0;
    let scale = 1;
    let at = this.at;
    for (let i = 0; i < 10; i++) {
      if (at >= this.end) {
        this.fail("it ends inside a number");
        return 0;
      }
      const byte = this.bytes[at++]!;
      if (i < 4) low |= (byte & 0x7f) << (7 * i);
      else {
        high += (byte & 0x7f) * scale;
        scale *= 128;
      }
      if (byte < 0x80) {
        const half = (low >>> 1) + high * HALF_OF_2_28;
        if (!Number.isSafeInteger(half)) break;
        this.at = at;
        return (low & 1) === 0 ? half : -half - 1;
      }
    }
    this.fail("a timestamp delta is beyond 2^53");
    return 0;
  }
}
