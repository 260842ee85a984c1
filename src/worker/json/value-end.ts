/**
 * Finds the end of a JSON value in bytes that arrive in pieces, without validating it: a value is parsed only when it is
 * complete, and each byte is looked at once until then.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

export class ValueEnd {
  private depth = 0;
  private isInString = false;
  private isEscaped = false;
  /** Within a number, true, false or null, which ends where something else begins. */
  private isBare = false;

  /** The position behind the value, -1 if it continues behind `end`. `from` is where the last call ended. */
  find(bytes: Uint8Array, from: number, end: number): number {
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if (this.isInString) {
        if (this.isEscaped) this.isEscaped = false;
        else if (byte === BACKSLASH) this.isEscaped = true;
        else if (byte === QUOTE) {
          this.isInString = false;
          if (this.depth === 0) return at + 1;
        }
        continue;
      }
      const found = this.outside(byte, at);
      if (found >= 0) return found;
    }
    return -1;
  }

  /** Handles a byte outside strings. */
  private outside(byte: number, at: number): number {
    switch (byte) {
      case 0x7b:
      case 0x5b:
        if (this.isBare) return at;
        this.depth++;
        return -1;
      case 0x7d:
      case 0x5d:
        if (this.isBare) return at;
        this.depth--;
        return this.depth <= 0 ? at + 1 : -1;
      case QUOTE:
        if (this.isBare) return at;
        this.isInString = true;
        return -1;
      default:
        if (this.depth > 0) return -1;
        if (byte <= SPACE) return this.isBare ? at : -1;
        this.isBare = true;
        return -1;
    }
  }
}
