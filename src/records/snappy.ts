/**
 * Snappy as Kafka's clients use it: a raw block (librdkafka and most others), or blocks in the framing of the Java library
 * xerial (the Java clients). Both are read. Raw blocks are written: they are smaller, and the Java clients read them as
 * well.
 *
 * Our own code, since the library on npm (snappyjs) does not read xerial framing, and does not notice if the input ends
 * before it has filled the length that it claims.
 */

import { copyBack, copyLiterals } from "./byte-copies.ts";
import { readI32 } from "./integers.ts";
import { findMatches } from "./match-finder.ts";
import { notOfCodec, tooLarge, type BytesResult } from "./plain-bytes.ts";

const XERIAL_MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
/** The magic, a version and the oldest compatible version. */
const XERIAL_HEADER_BYTES = 16;

/** Three bytes encode at most 64: a longer claimed length is refused before anything is allocated. */
const EXPANSION_MAX = 22;

const BLOCK_BYTES = 65_536;
const COPY_BYTES_MAX = 64;

interface Block {
  /** Where the tags begin, after the claimed length. */
  readonly start: number;
  readonly end: number;
  readonly plainBytes: number;
}

const CORRUPT = notOfCodec("snappy");

/** Reads the claimed length; undefined if it is malformed or impossible. */
function openBlock(bytes: Uint8Array, start: number, end: number): Block | undefined {
  let plainBytes = 0;
  for (let i = 0; i < 5 && start + i < end; i++) {
    const byte = bytes[start + i]!;
    plainBytes += (byte & 0x7f) * 128 ** i;
    if (byte >= 0x80) continue;
    const at = start + i + 1;
    if (plainBytes > (end - at) * EXPANSION_MAX) return undefined;
    return { start: at, end, plainBytes };
  }
  return undefined;
}

function isXerial(bytes: Uint8Array): boolean {
  if (bytes.length < XERIAL_HEADER_BYTES) return false;
  return XERIAL_MAGIC.every((byte, i) => bytes[i] === byte);
}

function xerialBlocks(bytes: Uint8Array): Block[] | undefined {
  const blocks: Block[] = [];
  let at = XERIAL_HEADER_BYTES;
  while (at < bytes.length) {
    if (bytes.length - at < 4) return undefined;
    const size = readI32(bytes, at);
    at += 4;
    if (size < 1 || size > bytes.length - at) return undefined;
    const block = openBlock(bytes, at, at + size);
    if (block === undefined) return undefined;
    blocks.push(block);
    at += size;
  }
  return blocks;
}

/** The length of a literal that is encoded in `extraBytes` bytes; −1 if the input ends before. */
function literalLength(bytes: Uint8Array, at: number, end: number, extraBytes: number): number {
  if (at + extraBytes > end) return -1;
  let length = 0;
  for (let i = extraBytes - 1; i >= 0; i--) length = length * 256 + bytes[at + i]!;
  return length + 1;
}

/** Fills out[from, to) exactly, or returns false. */
function decodeBlock(
  bytes: Uint8Array,
  block: Block,
  out: Uint8Array,
  from: number,
  to: number,
): boolean {
  const { end } = block;
  let at = block.start;
  let written = from;
  while (at < end) {
    const tag = bytes[at++]!;
    const kind = tag & 3;
    if (kind === 0) {
      let length = (tag >>> 2) + 1;
      if (length > 60) {
        const extraBytes = length - 60;
        length = literalLength(bytes, at, end, extraBytes);
        at += extraBytes;
      }
      if (length < 1 || length > end - at || length > to - written) return false;
      copyLiterals(bytes, at, out, written, length);
      at += length;
      written += length;
      continue;
    }
    const distanceBytes = kind === 3 ? 4 : kind;
    if (distanceBytes > end - at) return false;
    const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    let distance = bytes[at]!;
    if (kind === 1) distance |= (tag >>> 5) << 8;
    else distance |= bytes[at + 1]! << 8;
    if (kind === 3) distance += bytes[at + 2]! * 65_536 + bytes[at + 3]! * 16_777_216;
    at += distanceBytes;
    if (distance === 0 || distance > written - from || length > to - written) return false;
    copyBack(out, written, distance, length);
    written += length;
  }
  return written === to;
}

/** Decompresses a raw block or a xerial stream. Errors: CORRUPT_MESSAGE, MESSAGE_TOO_LARGE. */
export function decompressSnappy(bytes: Uint8Array, maxBytes: number): BytesResult {
  const raw = isXerial(bytes) ? undefined : openBlock(bytes, 0, bytes.length);
  const blocks = isXerial(bytes) ? xerialBlocks(bytes) : raw && [raw];
  if (blocks === undefined) return CORRUPT;
  let plainBytes = 0;
  for (const block of blocks) plainBytes += block.plainBytes;
  if (plainBytes > maxBytes) return tooLarge(maxBytes);
  const out = new Uint8Array(plainBytes);
  let at = 0;
  for (const block of blocks) {
    if (!decodeBlock(bytes, block, out, at, at + block.plainBytes)) return CORRUPT;
    at += block.plainBytes;
  }
  return { ok: true, bytes: out };
}

class TagWriter {
  readonly out: Uint8Array;
  at = 0;

  constructor(plainBytes: number) {
    // Five bytes of length, and in the worst case less than one tag byte for each six bytes of input.
    this.out = new Uint8Array(32 + plainBytes + Math.ceil(plainBytes / 6));
  }

  length(plainBytes: number): void {
    let rest = plainBytes;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.out[this.at++] = (rest & 0x7f) | 0x80;
    this.out[this.at++] = rest;
  }

  literals(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length === 0) return;
    const less = length - 1;
    if (less < 60) {
      this.out[this.at++] = less << 2;
    } else if (less < 256) {
      this.out[this.at++] = 60 << 2;
      this.out[this.at++] = less;
    } else {
      this.out[this.at++] = 61 << 2;
      this.out[this.at++] = less;
      this.out[this.at++] = less >> 8;
    }
    copyLiterals(source, start, this.out, this.at, length);
    this.at += length;
  }

  copies(distance: number, length: number): void {
    let rest = length;
    for (; rest > 0;) {
      const part = Math.min(rest, COPY_BYTES_MAX);
      if (part >= 4 && part <= 11 && distance < 2048) {
        this.out[this.at++] = ((distance >> 8) << 5) | ((part - 4) << 2) | 1;
        this.out[this.at++] = distance;
      } else {
        this.out[this.at++] = ((part - 1) << 2) | 2;
        this.out[this.at++] = distance;
        this.out[this.at++] = distance >> 8;
      }
      rest -= part;
    }
  }
}

/** Compresses to one raw block. */
export function compressSnappy(bytes: Uint8Array): Uint8Array {
  const writer = new TagWriter(bytes.length);
  writer.length(bytes.length);
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, bytes.length);
    const rest = findMatches(bytes, start, end, (literalStart, literalEnd, distance, length) => {
      writer.literals(bytes, literalStart, literalEnd);
      writer.copies(distance, length);
    });
    writer.literals(bytes, rest, end);
  }
  return writer.out.subarray(0, writer.at);
}
