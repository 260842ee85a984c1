/**
 * Proves that frames, random, mutated, truncated and pasted together from what real clients have said, end a
 * connection or are answered: nothing throws, nothing hangs, nothing is held on to.
 */
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HANDLERS } from "../../../src/kafka/handlers.ts";
import {
  APIS,
  decodeRequest,
  decodeRequestHeader,
  isApiKey,
} from "../../../src/kafka/messages/index.ts";
import { brokenFrame } from "../kafka/broken-frames.ts";
import { framed, framesIn, joined, serve } from "./support.ts";
import { scaled } from "../../support/scale.ts";

const SEED = 20_261_127;
/**
 * Each on a connection of its own, because a malformed frame ends it; and then some one after another on one
 * connection.
 */
const FRAMES = scaled({ short: 8_000, long: 80_000 });
const PIPELINES = scaled({ short: 1_000, long: 5_000 });
const FRAMES_EACH = 4;

/** The most that a connection reads at once. */
const READ_BYTES_MAX = 262_144;

/** These are answered without a call; every other API would call an object. */
const BY_THEMSELVES: ReadonlySet<number> = new Set([17, 18, 36]);

beforeEach(() => {
  for (const { key } of APIS) {
    if (!BY_THEMSELVES.has(key)) vi.spyOn(HANDLERS, key as 0).mockResolvedValue(null);
  }
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** Sends frames on a new connection and ends it; resolves with the number of answers. */
async function answersTo(frames: readonly Uint8Array[], isAuthenticated: boolean): Promise<number> {
  const { duplex, done } = serve({ isAuthenticated }, isAuthenticated ? [] : ["a-key"]);
  duplex.send(joined(frames.map(framed)));
  duplex.finish();
  await done;
  expect(duplex.isClosed).toBe(true);
  expect(duplex.wantedMax).toBeLessThanOrEqual(READ_BYTES_MAX);
  // Whole ones.
  return framesIn(duplex.output).length;
}

test("each is answered, or ends its connection", async () => {
  const errors = vi.spyOn(console, "error");
  let understood = 0;
  await fc.assert(
    fc.asyncProperty(brokenFrame, fc.boolean(), async (frame, isAuthenticated) => {
      expect(await answersTo([frame], isAuthenticated)).toBeLessThanOrEqual(1);
      const header = decodeRequestHeader(frame);
      if (header === null || header.body === null || !isApiKey(header.apiKey)) return;
      const request = decodeRequest(header.apiKey, header.apiVersion, header.body);
      if (request !== null) understood += 1;
    }),
    { numRuns: FRAMES, seed: SEED },
  );
  expect(errors).not.toHaveBeenCalled();
  // Not everything is noise: some frames are decoded, and get further.
  expect(understood).toBeGreaterThan(FRAMES / 20);
});

test("behind each other they have no more answers than there are", async () => {
  const frames = fc.array(brokenFrame, { minLength: FRAMES_EACH, maxLength: FRAMES_EACH });
  await fc.assert(
    fc.asyncProperty(frames, async (some) => {
      expect(await answersTo(some, true)).toBeLessThanOrEqual(FRAMES_EACH);
    }),
    { numRuns: PIPELINES, seed: SEED },
  );
});
