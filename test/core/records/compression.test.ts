import fc from "fast-check";
import { expect, test } from "vitest";

import { compress, decompress, type Compression } from "../../../src/records/index.ts";
import { xxhash32 } from "../../../src/records/xxhash32.ts";
import { COMPRESSIONS, golden, goldenPlain, text } from "./support.ts";

/** Noise, runs, repeated words, and all of them in sequence. */
const dataArbitrary = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(fc.nat(255), fc.nat(3000)).map(([byte, n]) => new Uint8Array(n).fill(byte)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.nat(400))
        .map(([word, n]) => Buffer.concat(Array.from({ length: n }, () => word))),
    ),
    { maxLength: 12 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

function plainOf(codec: Compression, bytes: Uint8Array, maxBytes = 1e7): Uint8Array {
  const result = decompress(codec, bytes, maxBytes);
  if (!result.ok) throw new Error(`${codec}: ${result.message}`);
  return result.bytes;
}

function errorOf(codec: Compression, bytes: Uint8Array, maxBytes = 1e7): string {
  const result = decompress(codec, bytes, maxBytes);
  return result.ok ? "none" : result.error;
}

test("every codec gives back what it was given, and no byte more than allowed", () => {
  fc.assert(
    fc.property(dataArbitrary, fc.constantFrom(...COMPRESSIONS), (data, codec) => {
      const packed = compress(codec, data);
      expect(Buffer.compare(plainOf(codec, packed, Math.max(1, data.length)), data)).toBe(0);
      if (data.length < 2) return;
      expect(errorOf(codec, packed, data.length - 1)).toBe("MESSAGE_TOO_LARGE");
    }),
    { numRuns: 400 },
  );
});

test("the sizes around a block of 64 KiB", () => {
  const noise = goldenPlain();
  for (const size of [0, 1, 4, 5, 12, 13, 14, 65_535, 65_536, 65_537, 131_072, 140_000]) {
    for (const data of [noise.subarray(0, size), new Uint8Array(size)]) {
      for (const codec of COMPRESSIONS) {
        const back = plainOf(codec, compress(codec, data));
        expect(Buffer.compare(back, data), `${codec} ${size}`).toBe(0);
      }
    }
  }
});

test("reads what others wrote: raw and xerial snappy, lz4 with linked and independent blocks", () => {
  const expected = goldenPlain();
  for (const name of ["raw.snappy", "xerial.snappy", "linked-checked.lz4", "independent.lz4"]) {
    const codec = name.endsWith("lz4") ? "lz4" : "snappy";
    const packed = golden(name);
    expect(Buffer.compare(plainOf(codec, packed), expected), name).toBe(0);
    expect(errorOf(codec, packed, expected.length - 1), name).toBe("MESSAGE_TOO_LARGE");
  }
});

test("an lz4 frame is refused when any byte of it is changed, if it carries all checksums", () => {
  const packed = golden("linked-checked.lz4");
  for (let at = 0; at < packed.length; at++) {
    const changed = packed.slice();
    changed[at]! ^= 1 << (at % 8);
    expect(errorOf("lz4", changed), `byte ${at}`).not.toBe("none");
  }
});

test("lz4 is written as the Java clients read it: version 1, independent blocks, 64 KiB", () => {
  const packed = compress("lz4", text("hello"));
  expect([...packed.subarray(0, 6)]).toEqual([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40]);
  expect(packed[6]).toBe((xxhash32(packed, 4, 6) >>> 8) & 0xff);
});

test("lz4 blocks end as the specification asks: with five literals at least", () => {
  const packed = compress("lz4", new Uint8Array(1000));
  expect([...packed.subarray(-10)]).toEqual([0x50, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test("nothing reaches back before the beginning, or out of a block that stands alone", () => {
  // One literal, then a copy of four bytes from a distance of 1 and 2.
  const snappyBlock = (distance: number): number[] => [5, 0, 0x61, 0x01, distance];
  expect(errorOf("snappy", Uint8Array.from(snappyBlock(1)))).toBe("none");
  expect(errorOf("snappy", Uint8Array.from(snappyBlock(2)))).toBe("CORRUPT_MESSAGE");
  const xerial = (distance: number): Uint8Array => {
    const blocks = [snappyBlock(1), snappyBlock(distance)].flatMap((b) => [
      0,
      0,
      0,
      b.length,
      ...b,
    ]);
    return Buffer.concat([golden("xerial.snappy").subarray(0, 16), Uint8Array.from(blocks)]);
  };
  expect(errorOf("snappy", xerial(1))).toBe("none");
  expect(errorOf("snappy", xerial(2))).toBe("CORRUPT_MESSAGE");

  const lz4 = (flags: number, distance: number): Uint8Array => {
    const block = (back: number): number[] => [0x10, 0x61, back, 0, 0x50, 1, 2, 3, 4, 5];
    const blocks = [1, distance].flatMap((back) => [10, 0, 0, 0, ...block(back)]);
    const frame = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, flags, 0x40, 0, ...blocks, 0, 0, 0, 0);
    frame[6] = xxhash32(frame, 4, 6) >>> 8;
    return frame;
  };
  const [independent, linked] = [0x60, 0x40];
  expect(errorOf("lz4", lz4(independent, 1))).toBe("none");
  expect(errorOf("lz4", lz4(independent, 2))).toBe("CORRUPT_MESSAGE");
  expect(errorOf("lz4", lz4(linked, 2))).toBe("none");
  expect(errorOf("lz4", lz4(linked, 12))).toBe("CORRUPT_MESSAGE");
});

test("xxhash32 equals the vectors of its specification", () => {
  const vectors: [string, number][] = [
    ["", 0x02cc_5d05],
    ["a", 0x550d_7456],
    ["abc", 0x32d1_53ff],
    ["Nobody inspects the spammish repetition", 0xe229_3b2f],
  ];
  for (const [input, hash] of vectors) {
    expect(xxhash32(text(input), 0, text(input).length), input).toBe(hash);
  }
});

test("a claim that cannot be true allocates nothing", () => {
  // Snappy that claims 2^31 bytes, raw and in xerial framing; an lz4 frame that claims a block of 4 MiB.
  const length = [0x80, 0x80, 0x80, 0x80, 0x08];
  expect(errorOf("snappy", Uint8Array.of(...length, 0), 2 ** 40)).toBe("CORRUPT_MESSAGE");
  const xerial = Buffer.concat([
    golden("xerial.snappy").subarray(0, 16),
    Uint8Array.of(0, 0, 0, 6, ...length, 0),
  ]);
  expect(errorOf("snappy", xerial, 2 ** 40)).toBe("CORRUPT_MESSAGE");
  const frame = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0, 0, 0, 0x40, 0, 0xff, 0xff);
  frame[6] = xxhash32(frame, 4, 6) >>> 8;
  expect(errorOf("lz4", frame, 2 ** 40)).toBe("CORRUPT_MESSAGE");
});

test("truncated or random input is an error of the table, in every codec", () => {
  const codecs = COMPRESSIONS.filter((codec) => codec !== "none");
  const errors = new Set(["CORRUPT_MESSAGE", "MESSAGE_TOO_LARGE"]);
  fc.assert(
    fc.property(dataArbitrary, fc.constantFrom(...codecs), fc.nat(), (data, codec, cut) => {
      const packed = compress(codec, data);
      const result = decompress(codec, packed.subarray(0, cut % packed.length), 1e6);
      if (result.ok) expect([codec, result.bytes.length]).toEqual(["zstd", 0]);
      else expect(errors.has(result.error)).toBe(true);
    }),
    { numRuns: 1000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...codecs), (bytes, codec) => {
      for (const input of [bytes, Buffer.concat([compress(codec, bytes).subarray(0, 9), bytes])]) {
        const result = decompress(codec, input, 100_000);
        if (result.ok) expect(result.bytes.length).toBeLessThanOrEqual(100_000);
        else expect(errors.has(result.error)).toBe(true);
      }
    }),
    { numRuns: 3000 },
  );
});
