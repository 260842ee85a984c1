import fc from "fast-check";
import { expect, test } from "vitest";

import { murmur2, partitionForKey } from "../../../src/records/index.ts";
import { kafkajs, text } from "./support.ts";

test("equals the vectors of the Java client's own test", () => {
  const vectors: [string, number][] = [
    ["21", -973_932_308],
    ["foobar", -790_332_482],
    ["a-little-bit-long-string", -985_981_536],
    ["a-little-bit-longer-string", -1_486_304_829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971],
    ["abc", 479_470_107],
  ];
  for (const [key, hash] of vectors) expect(murmur2(text(key)), key).toBe(hash);
});

test("hash and partition equal those of kafkajs for any key", () => {
  const oracle = kafkajs<(key: Buffer) => number>("producer/partitioners/default/murmur2");
  const toPositive = (hash: number): number => hash & 0x7fff_ffff;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.integer({ min: 1, max: 5000 }), (key, n) => {
      const hash = oracle(Buffer.from(key));
      expect(murmur2(key)).toBe(hash);
      expect(partitionForKey(key, n)).toBe(toPositive(hash) % n);
    }),
    { numRuns: 2000 },
  );
});

test("a partition is never negative, whatever the sign of the hash", () => {
  expect(partitionForKey(text("21"), 1000)).toBe((-973_932_308 & 0x7fff_ffff) % 1000);
});
