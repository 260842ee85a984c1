/** Proves that frames come out as they went in, however the stream is cut, and that lengths are not trusted. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameReader } from "../../../src/kafka/frames.ts";
import { writeParts } from "../../../src/kafka/duplex.ts";
import { framed, joined, TestDuplex } from "./support.ts";

const BYTES_MAX = 1_000_000;

/** Sends the bytes in pieces of these sizes, taken in turn. */
function sendInPieces(duplex: TestDuplex, bytes: Uint8Array, sizes: readonly number[]): void {
  for (let at = 0, i = 0; at < bytes.byteLength; i++) {
    const size = sizes[i % sizes.length]!;
    duplex.send(bytes.slice(at, at + size));
    at += size;
  }
}

describe("reading", () => {
  test("whatever the pieces, the frames are the same, and then there are no more", async () => {
    const frame = fc.uint8Array({ maxLength: 300 });
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { maxLength: 12 }), sizes, async (frames, pieces) => {
        const duplex = new TestDuplex();
        sendInPieces(duplex, joined(frames.map(framed)), pieces);
        duplex.finish();
        const reader = new FrameReader(duplex);
        for (const expected of frames) expect(await reader.next(BYTES_MAX)).toEqual(expected);
        expect(await reader.next(BYTES_MAX)).toBeNull();
      }),
      { numRuns: 300 },
    );
  });

  test("one byte at a time", async () => {
    const frame = new Uint8Array(5_000).map((_, i) => i);
    const duplex = new TestDuplex();
    sendInPieces(duplex, framed(frame), [1]);
    expect(await new FrameReader(duplex).next(BYTES_MAX)).toEqual(frame);
  });

  test.each([
    ["negative", -1],
    ["above the bound", BYTES_MAX + 1],
    ["the largest there is", 0x7fff_ffff],
  ])("a length that is %s is refused", async (_, length) => {
    const duplex = new TestDuplex();
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setInt32(0, length);
    duplex.send(bytes);
    expect(await new FrameReader(duplex).next(BYTES_MAX)).toBeNull();
  });

  test("an end in the middle of a frame is the end", async () => {
    const duplex = new TestDuplex();
    duplex.send(framed(new Uint8Array(100)).slice(0, 60));
    duplex.finish();
    expect(await new FrameReader(duplex).next(BYTES_MAX)).toBeNull();
  });

  test("a frame that is announced and never comes is read in small pieces", async () => {
    const duplex = new TestDuplex();
    const bytes = new Uint8Array(5);
    new DataView(bytes.buffer).setInt32(0, 900_000_000);
    duplex.send(bytes);
    const reading = new FrameReader(duplex).next(1_000_000_000);
    await duplex.until(() => duplex.wantedMax > 4_096);
    expect(duplex.wantedMax).toBeLessThanOrEqual(65_536);
    // A frame that arrives slowly gets a smaller buffer.
    for (let i = 0; i < 10; i++) {
      const { taken } = duplex;
      duplex.wantedMax = 0;
      duplex.send(new Uint8Array(1));
      await duplex.until(() => duplex.taken > taken && duplex.wantedMax > 0);
    }
    expect(duplex.wantedMax).toBeLessThanOrEqual(4_096);
    duplex.finish();
    expect(await reading).toBeNull();
  });

  test("a frame that comes fast is read in large pieces", async () => {
    const duplex = new TestDuplex();
    sendInPieces(duplex, framed(new Uint8Array(3_000_000)), [200_000]);
    expect((await new FrameReader(duplex).next(4_000_000))!.byteLength).toBe(3_000_000);
    expect(duplex.wantedMax).toBe(262_144);
  });
});

test("parts are written in their order, small ones together", async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(sizes, async (lengths) => {
      const parts = lengths.map((length, i) => new Uint8Array(length).fill(i));
      const duplex = new TestDuplex();
      await writeParts(duplex, parts);
      expect(Buffer.compare(duplex.output, joined(parts))).toBe(0);
      const small = duplex.written.filter(({ byteLength }) => byteLength < 8_192).length;
      expect(small).toBeLessThanOrEqual(1 + 2 * lengths.filter((length) => length > 8_000).length);
    }),
    { numRuns: 100 },
  );
});
