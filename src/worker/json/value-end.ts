/**
 * Finds where a JSON value ends without judging what is inside it, in bytes that come piece by piece: how long to
 * wait before the value can be read.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

export class ValueEnd {
  private depth = 0;
  private isInString = false;
  private isEscaped = false;
  /** Inside a number or a word, which ends where something else begins. */
  private isBare = false;

  /** The position behind the value, -1 where it goes on behind `end`. Goes on at `from`, where the last piece ended. */
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

  /** A byte that is not in a string. */
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
