import fc from "fast-check";
import { expect, test } from "vitest";

import { crc32c } from "../../../src/records/index.ts";
import { text } from "./support.ts";

/** CRC-32C by its definition, bit by bit. */
function naive(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

test("known vectors: the check value, and those of RFC 3720 (iSCSI)", () => {
  expect(crc32c(text("123456789"))).toBe(0xe306_9283);
  expect(crc32c(new Uint8Array(0))).toBe(0);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8_ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd_794e);
});

test("equals the definition for every length, alignment and range", () => {
  const arbitrary = fc.tuple(
    fc.uint8Array({ minLength: 0, maxLength: 600 }),
    fc.nat(9),
    fc.nat(20),
    fc.nat(20),
  );
  fc.assert(
    fc.property(arbitrary, ([content, shift, cutStart, cutEnd]) => {
      const backing = new Uint8Array(content.length + shift);
      backing.set(content, shift);
      const bytes = backing.subarray(shift);
      const start = Math.min(cutStart, bytes.length);
      const end = Math.max(start, bytes.length - cutEnd);
      expect(crc32c(bytes, start, end)).toBe(naive(bytes.slice(start, end)));
    }),
    { numRuns: 2000 },
  );
});
