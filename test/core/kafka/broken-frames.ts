/**
 * Frames that no client sends: noise, and captured requests of real clients, mutated, cut off and pasted together.
 */
import fc from "fast-check";
import { APIS } from "../../../src/kafka/messages/index.ts";
import { CAPTURES } from "./captures.ts";

const PRODUCE = 0;

/** Values for lengths and counts: the ends of their ranges, and just beyond the bytes that are there. */
const EXTREMES: readonly number[] = [
  0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x7fff_ffff, -1, -2, -0x8000_0000,
];

const bytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });

/** Without produce requests: a mutation of one can be another legal one. See {@link brokenProduce}. */
const captured = fc.constantFrom(
  ...CAPTURES.filter(({ apiKey }) => apiKey !== PRODUCE).map(({ request }) => request),
);

const noise = bytes(300);

/** A correct header, of any API and version and some beyond, followed by noise. */
const headed = fc
  .record({
    api: fc.constantFrom(...APIS.filter(({ key }) => key !== PRODUCE)),
    version: fc.integer({ min: -1, max: 20 }),
    body: noise,
  })
  .map(({ api, version, body }) => {
    const frame = new Uint8Array(10 + body.length);
    const view = new DataView(frame.buffer);
    view.setInt16(0, api.key);
    view.setInt16(2, version);
    view.setInt32(4, 1);
    view.setInt16(8, -1);
    frame.set(body, 10);
    return frame;
  });

const mutated = fc
  .tuple(captured, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }))
  .map(([frame, changes]) => {
    const copy = frame.slice();
    for (const [at, byte] of changes) copy[behindKey(at, copy.length)] = byte;
    return copy;
  });

const truncated = fc
  .tuple(captured, fc.nat())
  .map(([frame, at]) => frame.slice(0, at % frame.length));

const extended = fc
  .tuple(captured, bytes(40))
  .map(([frame, more]) => Uint8Array.from([...frame, ...more]));

const pasted = fc.tuple(captured, captured, fc.nat()).map(([one, other, at]) => {
  const cut = at % one.length;
  return Uint8Array.from([...one.slice(0, cut), ...other.slice(cut)]);
});

const extreme = fc
  .tuple(captured, fc.nat(), fc.constantFrom(...EXTREMES), fc.constantFrom(1, 2, 4))
  .map(([frame, at, value, width]) => {
    const copy = frame.slice();
    const view = new DataView(copy.buffer);
    const where = Math.min(behindKey(at, copy.length), copy.length - width);
    if (width === 1) view.setInt8(where, value);
    else if (width === 2) view.setInt16(where, value);
    else view.setInt32(where, value);
    return copy;
  });

/** The API's key is kept, so that no frame becomes a produce request. */
function behindKey(at: number, length: number): number {
  return 2 + (at % (length - 2));
}

/** Frames without their lengths; none of them is a produce request. */
export const brokenFrame: fc.Arbitrary<Uint8Array> = fc
  .oneof(noise, headed, mutated, truncated, extended, pasted, extreme)
  .filter((frame) => frame.length < 2 || frame[0] !== 0 || frame[1] !== PRODUCE);

/**
 * A produce request that is correct except for its batch, which is changed somewhere from the magic byte on, or cut
 * off: nothing of it may be written. @param request whole, with its one batch at its end
 */
export function brokenProduce(request: Uint8Array, batchAt: number): fc.Arbitrary<Uint8Array> {
  const MAGIC_AT = 16;
  const from = batchAt + MAGIC_AT;
  const length = request.length - from;
  return fc.oneof(
    // One byte: a checksum of 32 bits finds every such change.
    fc.tuple(fc.nat(length - 1), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
      const copy = request.slice();
      copy[from + at]! ^= change;
      return copy;
    }),
    fc.nat(request.length - 3).map((end) => request.slice(0, end + 2)),
  );
}
