/** Random, truncated and mutated bytes: null or a message, and never more than the bytes can hold. */

import fc from "fast-check";
import { expect, test } from "vitest";

import {
  APIS,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from "../../../src/kafka/messages/index.ts";
import {
  MalformedMessage,
  Reader,
  REQUEST_ELEMENTS_MAX,
} from "../../../src/kafka/messages/reader.ts";
import type { AnyField, Shape } from "../../../src/kafka/messages/schema.ts";
import { EVERY, messageArbitrary, unhex, whole } from "./support.ts";

/** Values within a message; an empty struct of a version counts as one. */
function countValues(value: unknown): number {
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return 1;
  return Object.values(value).reduce((sum: number, item) => sum + countValues(item), 1);
}

/** Fields that a version lacks have defaults without bytes: at most this many for every element. */
const VALUES_PER_BYTE_MAX = 20;

function expectBounded(value: unknown, bytes: Uint8Array): void {
  expect(countValues(value)).toBeLessThanOrEqual(VALUES_PER_BYTE_MAX * (bytes.length + 2));
}

const every = fc.constantFrom(...EVERY);

test("random bytes as any request, answer or header", () => {
  // Small numbers are plausible lengths and counts, and lead deeper into the decoder.
  const plausible = fc.oneof(fc.nat(255), fc.nat(4), fc.constant(0));
  const random = fc.array(plausible, { maxLength: 200 }).map((bytes) => Uint8Array.from(bytes));
  fc.assert(
    fc.property(every, random, ({ api, version }, bytes) => {
      expectBounded(decodeRequest(api.key, version, bytes), bytes);
      expectBounded(decodeResponse(api.key, version, bytes)?.response ?? null, bytes);
      decodeRequestHeader(bytes);
    }),
    { numRuns: 20_000 },
  );
});

const frames = every.chain(({ api, version }) =>
  fc.record({
    api: fc.constant(api),
    version: fc.constant(version),
    body: messageArbitrary(api.request, version).map((request) => {
      const header = { correlationId: 1, clientId: "c" };
      const frame = whole(encodeRequest(api.key, version, header, request as never));
      return decodeRequestHeader(frame)!.body!.slice();
    }),
    answer: messageArbitrary(api.response, version).map((response) =>
      whole(encodeResponse(api.key, version, 1, response as never)),
    ),
    at: fc.nat(),
    byte: fc.nat(255),
  }),
);

test("a message that ends too early is refused, wherever it ends", () => {
  fc.assert(
    fc.property(frames, ({ api, version, body, answer }) => {
      const step = Math.max(1, Math.floor(body.length / 50));
      for (let end = 0; end < body.length; end += step) {
        expect(decodeRequest(api.key, version, body.subarray(0, end))).toBeNull();
      }
      expect(decodeResponse(api.key, version, answer.subarray(0, answer.length - 1))).toBeNull();
    }),
    { numRuns: 600 },
  );
});

test("a mutated message is null or another message", () => {
  fc.assert(
    fc.property(frames, ({ api, version, body, answer, at, byte }) => {
      if (body.length > 0) body[at % body.length] = byte;
      answer[at % answer.length] = byte;
      expectBounded(decodeRequest(api.key, version, body), body);
      expectBounded(decodeResponse(api.key, version, answer)?.response ?? null, answer);
    }),
    { numRuns: 3_000 },
  );
});

test("a count without the bytes for it is refused before anything is made of it", () => {
  expect(decodeRequest(3, 1, unhex("7fffffff"))).toBeNull();
  expect(decodeRequest(3, 9, unhex("ffffffff0f 000000"))).toBeNull();
  expect(decodeRequest(0, 3, unhex("ffff 0001 00000000 00000001 000174 7fffffff"))).toBeNull();
  expect(decodeRequest(36, 0, unhex("7fffffff"))).toBeNull();
  expect(decodeRequest(36, 0, unhex("80000000"))).toBeNull();
  // Errors that must be found from the count alone: the elements would fail only one by one.
  expect(new Reader(unhex("00000002 0000000000000000")).count(false, 4)).toBe(2);
  expect(() => new Reader(unhex("00000003 0000000000000000")).count(false, 4)).toThrow(
    MalformedMessage,
  );
  // A variable-length number of more than 32 bits.
  expect(decodeRequest(36, 2, unhex("ffffffffff01"))).toBeNull();
  expect(decodeRequest(36, 2, unhex("ffffffff1f"))).toBeNull();
});

test("a small frame does not unfold to more elements than the budget, over all its arrays", () => {
  const names = (count: number): Uint8Array => {
    const bytes = new Uint8Array(5 + 2 * count + 4);
    new DataView(bytes.buffer).setInt32(0, count);
    return bytes;
  };
  expect(decodeRequest(20, 1, names(REQUEST_ELEMENTS_MAX))?.topicNames.length).toBe(
    REQUEST_ELEMENTS_MAX,
  );
  expect(decodeRequest(20, 1, names(REQUEST_ELEMENTS_MAX + 1))).toBeNull();
  // Two topics with half of the budget each, and then they count themselves.
  const half = REQUEST_ELEMENTS_MAX / 2;
  const topic = new Uint8Array(2 + 4 + 4 * half);
  new DataView(topic.buffer).setInt32(2, half);
  const head = unhex("0000 00000002");
  const body = Buffer.concat([head, topic, topic]);
  expect(decodeRequest(47, 0, body)).toBeNull();
  expect(
    decodeRequest(47, 0, Buffer.concat([head.with(head.length - 1, 1), topic])),
  ).not.toBeNull();
});

test("a string longer than Kafka's bound is refused, also where it could be said", () => {
  const body = (length: number): Uint8Array => {
    const bytes = new Uint8Array(3 + length + 1 + 1).fill(0x61);
    const prefix = length + 1;
    bytes.set([(prefix & 0x7f) | 0x80, ((prefix >> 7) & 0x7f) | 0x80, prefix >> 14]);
    bytes.set([1, 0], 3 + length);
    return bytes;
  };
  expect(decodeRequest(18, 3, body(32_767))?.clientSoftwareName.length).toBe(32_767);
  expect(decodeRequest(18, 3, body(32_768))).toBeNull();
});

test("every int64 that a client may choose can be read: a number where it holds it, else a bigint", () => {
  const narrow: string[] = [];
  const look = (name: string, { type }: AnyField): void => {
    if (type.kind === "int64" && !type.isWide) narrow.push(name);
    if (type.kind === "array") look(name, type.element);
    if (type.kind === "struct") lookAt(name, type.shape);
  };
  const lookAt = (name: string, shape: Shape): void => {
    for (const [field, described] of Object.entries(shape)) look(`${name}.${field}`, described);
  };
  for (const { name, request } of APIS) lookAt(name, request);
  expect(narrow).toEqual([]);
  const bytes = unhex("7fffffffffffffff 8000000000000000 0020000000000000 001fffffffffffff");
  const from = new Reader(bytes);
  const read = [from.wideInt64(), from.wideInt64(), from.wideInt64(), from.wideInt64()];
  expect(read).toEqual([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2 ** 53 - 1]);
});
