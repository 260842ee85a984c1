/**
 * The LZ4 frame format (version 1), as record batches of format 2 carry it: with the header checksum that the
 * specification demands (KIP-57).
 *
 * Reads linked and independent blocks, stored blocks, content size, block and content checksums (verified if present).
 * Does not read dictionaries or more than one frame, neither of which Kafka's clients write. Writes independent blocks of
 * 64 KiB without further checksums, the only form that the Java clients read.
 *
 * Our own code, since the library on npm (lz4js) cannot bound its output, does not handle bad offsets by its own account,
 * and allocates 5 MiB when it is loaded.
 */

import type { Refusal } from "../base/errors.ts";
import { copyBack, copyLiterals } from "./byte-copies.ts";
import { findMatches } from "./match-finder.ts";
import { notOfCodec, tooLarge, type BytesResult } from "./plain-bytes.ts";
import { xxhash32 } from "./xxhash32.ts";

const MAGIC = [0x04, 0x22, 0x4d, 0x18];
const VERSION_MASK = 0xc0;
const VERSION_1 = 0x40;
const INDEPENDENT_FLAG = 0x20;
const BLOCK_CHECKSUM_FLAG = 0x10;
const CONTENT_SIZE_FLAG = 0x08;
const CONTENT_CHECKSUM_FLAG = 0x04;
/** A reserved bit and the dictionary id. */
const REFUSED_FLAGS = 0x03;
/** Bits of the block descriptor other than the block size. */
const REFUSED_DESCRIPTOR = 0x8f;
const STORED_BIT = 0x8000_0000;

const BLOCK_BYTES = 65_536;
const BLOCK_SIZE_64_KIB = 4;
/** One byte of input decodes to at most 255 bytes. */
const EXPANSION_MAX = 255;
const MATCH_BYTES_MIN = 4;

const CORRUPT = notOfCodec("lz4");

function readU32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (8 * i);
}

interface Frame {
  readonly flags: number;
  readonly blockBytesMax: number;
  /** Where the first block begins. */
  readonly at: number;
}

function openFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < 7 || !MAGIC.every((byte, i) => bytes[i] === byte)) return undefined;
  const flags = bytes[4]!;
  const descriptor = bytes[5]!;
  const size = (descriptor >> 4) & 7;
  if ((flags & VERSION_MASK) !== VERSION_1 || (flags & REFUSED_FLAGS) !== 0) return undefined;
  if ((descriptor & REFUSED_DESCRIPTOR) !== 0 || size < BLOCK_SIZE_64_KIB) return undefined;
  const checksumAt = (flags & CONTENT_SIZE_FLAG) === 0 ? 6 : 14;
  if (checksumAt >= bytes.length) return undefined;
  if (((xxhash32(bytes, 4, checksumAt) >>> 8) & 0xff) !== bytes[checksumAt]) return undefined;
  return { flags, blockBytesMax: 1 << (8 + 2 * size), at: checksumAt + 1 };
}

class FrameReader {
  private readonly bytes: Uint8Array;
  private readonly frame: Frame;
  private readonly maxBytes: number;
  private out: Uint8Array;
  private written = 0;

  constructor(bytes: Uint8Array, frame: Frame, maxBytes: number) {
    this.bytes = bytes;
    this.frame = frame;
    this.maxBytes = maxBytes;
    this.out = new Uint8Array(Math.min(4 * bytes.length, maxBytes));
  }

  read(): BytesResult {
    const { bytes, frame } = this;
    const blockTail = (frame.flags & BLOCK_CHECKSUM_FLAG) === 0 ? 0 : 4;
    let at = frame.at;
    for (;;) {
      if (bytes.length - at < 4) return CORRUPT;
      const word = readU32(bytes, at);
      at += 4;
      if (word === 0) return this.close(at);
      const size = word & ~STORED_BIT;
      // The stored bit is cleared, so the size has no sign.
      if (size > frame.blockBytesMax || size + blockTail > bytes.length - at) return CORRUPT;
      const end = at + size;
      if (blockTail > 0 && xxhash32(bytes, at, end) !== readU32(bytes, end)) return CORRUPT;
      const refused = this.block(at, end, (word & STORED_BIT) !== 0);
      if (refused !== undefined) return refused;
      at = end + blockTail;
    }
  }

  /** Checks the content's size and checksum, once all blocks are read. */
  private close(at: number): BytesResult {
    const { bytes, frame } = this;
    const plain = this.out.subarray(0, this.written);
    const withChecksum = (frame.flags & CONTENT_CHECKSUM_FLAG) !== 0;
    if (bytes.length - at !== (withChecksum ? 4 : 0)) return CORRUPT;
    if (withChecksum && xxhash32(plain, 0, plain.length) !== readU32(bytes, at)) return CORRUPT;
    if ((frame.flags & CONTENT_SIZE_FLAG) !== 0) {
      const claimed = readU32(bytes, 6) + readU32(bytes, 10) * 4_294_967_296;
      if (claimed !== plain.length) return CORRUPT;
    }
    return { ok: true, bytes: plain };
  }

  private block(at: number, end: number, stored: boolean): Refusal | undefined {
    const { blockBytesMax, flags } = this.frame;
    const room = this.maxBytes - this.written;
    const mostBytes = stored ? end - at : Math.min(blockBytesMax, (end - at) * EXPANSION_MAX);
    this.reserve(Math.min(mostBytes, room));
    const limit = this.written + Math.min(mostBytes, room);
    if (stored) {
      if (mostBytes > room) return tooLarge(this.maxBytes);
      this.out.set(this.bytes.subarray(at, end), this.written);
      this.written = limit;
      return undefined;
    }
    const window = (flags & INDEPENDENT_FLAG) === 0 ? 0 : this.written;
    const written = decodeBlock(this.bytes, at, end, this.out, window, this.written, limit);
    if (written === PAST_LIMIT && mostBytes > room) return tooLarge(this.maxBytes);
    if (written < 0) return CORRUPT;
    this.written = written;
    return undefined;
  }

  private reserve(moreBytes: number): void {
    const needed = this.written + moreBytes;
    if (needed <= this.out.length) return;
    const larger = new Uint8Array(Math.min(Math.max(needed, 2 * this.out.length), this.maxBytes));
    larger.set(this.out.subarray(0, this.written));
    this.out = larger;
  }
}

const MALFORMED = -1;
const PAST_LIMIT = -2;

/**
 * Decodes one block to `out` from `to` on; matches reach back as far as `window`. Returns where the output ends, or
 * MALFORMED, or PAST_LIMIT.
 */
function decodeBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  window: number,
  to: number,
  limit: number,
): number {
  let at = start;
  let written = to;
  while (at < end) {
    const token = bytes[at++]!;
    let literals = token >> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (at >= end) return MALFORMED;
        more = bytes[at++]!;
        literals += more;
      } while (more === 255);
    }
    if (literals > end - at) return MALFORMED;
    if (literals > limit - written) return PAST_LIMIT;
    copyLiterals(bytes, at, out, written, literals);
    at += literals;
    written += literals;
    // Only the last sequence of a block ends with its literals.
    if (at === end) return written;
    if (end - at < 2) return MALFORMED;
    const distance = bytes[at]! | (bytes[at + 1]! << 8);
    at += 2;
    if (distance === 0 || distance > written - window) return MALFORMED;
    let length = (token & 15) + MATCH_BYTES_MIN;
    if ((token & 15) === 15) {
      let more: number;
      do {
        if (at >= end) return MALFORMED;
        more = bytes[at++]!;
        length += more;
      } while (more === 255);
    }
    if (length > limit - written) return PAST_LIMIT;
    copyBack(out, written, distance, length);
    written += length;
  }
  return MALFORMED;
}

/** Decompresses one frame. Errors: CORRUPT_MESSAGE, MESSAGE_TOO_LARGE. */
export function decompressLz4(bytes: Uint8Array, maxBytes: number): BytesResult {
  const frame = openFrame(bytes);
  if (frame === undefined) return CORRUPT;
  return new FrameReader(bytes, frame, maxBytes).read();
}

/** Writes the part of a length that exceeds its four bits of the token. */
function writeLength(out: Uint8Array, at: number, length: number): number {
  if (length < 15) return at;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) out[at++] = 255;
  out[at++] = rest;
  return at;
}

function writeLiterals(
  out: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  matchNibble: number,
): number {
  const length = end - start;
  out[at] = (Math.min(length, 15) << 4) | matchNibble;
  const literalsAt = writeLength(out, at + 1, length);
  copyLiterals(bytes, start, out, literalsAt, length);
  return literalsAt + length;
}

/** Writes the block of bytes [start, end) at `at` and answers where it ends. */
function encodeBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  blockAt: number,
): number {
  let at = blockAt;
  const rest = findMatches(bytes, start, end, (literalStart, literalEnd, distance, length) => {
    const beyond = length - MATCH_BYTES_MIN;
    at = writeLiterals(out, at, bytes, literalStart, literalEnd, Math.min(beyond, 15));
    out[at++] = distance;
    out[at++] = distance >> 8;
    at = writeLength(out, at, beyond);
  });
  return writeLiterals(out, at, bytes, rest, end, 0);
}

/** Compresses to one frame. */
export function compressLz4(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / BLOCK_BYTES);
  // At worst a block grows by a 255th and a few bytes before it is stored instead.
  const out = new Uint8Array(32 + bytes.length + blocks * 300);
  out.set(MAGIC);
  out[4] = VERSION_1 | INDEPENDENT_FLAG;
  out[5] = BLOCK_SIZE_64_KIB << 4;
  out[6] = xxhash32(out, 4, 6) >>> 8;
  let at = 7;
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, bytes.length);
    const packedEnd = encodeBlock(bytes, start, end, out, at + 4);
    if (packedEnd - (at + 4) < end - start) {
      writeU32(out, at, packedEnd - (at + 4));
      at = packedEnd;
    } else {
      writeU32(out, at, (end - start) | STORED_BIT);
      out.set(bytes.subarray(start, end), at + 4);
      at += 4 + (end - start);
    }
  }
  writeU32(out, at, 0);
  return out.subarray(0, at + 4);
}
