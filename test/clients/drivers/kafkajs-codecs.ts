/** The compressions that kafkajs leaves to packages, as its users plug them in. */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import kafkajs from "kafkajs";
import lz4 from "lz4-napi";
import snappy from "snappy";

const { CompressionCodecs, CompressionTypes } = kafkajs;

interface Encoder {
  readonly buffer: Buffer;
}

/** What Java's library puts before its blocks: each is a length and so many bytes of snappy. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const XERIAL_HEAD_BYTES = 16;

/** Registers them for every client of this process. */
export function plugInCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = codec(
    (bytes) => snappy.compressSync(bytes),
    unsnappy,
  );
  CompressionCodecs[CompressionTypes.LZ4] = codec(
    (bytes) => lz4.compressFrameSync(bytes),
    (bytes) => lz4.decompressFrameSync(bytes),
  );
  CompressionCodecs[CompressionTypes.ZSTD] = codec(zstdCompressSync, zstdDecompressSync);
}

function codec(compress: (bytes: Buffer) => Buffer, decompress: (bytes: Buffer) => Buffer) {
  return () => ({
    compress: async ({ buffer }: Encoder) => compress(buffer),
    decompress: async (bytes: Buffer) => decompress(bytes),
  });
}

function unsnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) return uncompressed(bytes);
  const blocks: Buffer[] = [];
  for (let at = XERIAL_HEAD_BYTES; at < bytes.length;) {
    const length = bytes.readInt32BE(at);
    blocks.push(uncompressed(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return Buffer.concat(blocks);
}

function uncompressed(bytes: Buffer): Buffer {
  return snappy.uncompressSync(bytes, { asBuffer: true }) as Buffer;
}
