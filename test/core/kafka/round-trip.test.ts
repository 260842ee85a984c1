/** Every API and version comes back as it was written, made from its own shape. */

import fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";

import { InvariantBroken } from "../../../src/base/errors.ts";
import {
  APIS,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  isApiKey,
  type Request,
  type Response,
} from "../../../src/kafka/messages/index.ts";
import { EVERY, messageArbitrary, unhex, whole, withDefaults } from "./support.ts";

const headers = fc.record({
  correlationId: fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
  clientId: fc.option(fc.string({ unit: "grapheme", maxLength: 10 }), { nil: null }),
});

describe.each(EVERY)("$name $version", ({ api, version }) => {
  test("a request, with its header", () => {
    const requests = messageArbitrary(api.request, version);
    fc.assert(
      fc.property(headers, requests, (header, request) => {
        const message = encodeRequest(api.key, version, header, request as never);
        const frame = whole(message);
        expect(frame.byteLength).toBe(message.byteLength);
        const read = decodeRequestHeader(frame)!;
        expect(read).toMatchObject({ ...header, apiKey: api.key, apiVersion: version });
        expect(decodeRequest(api.key, version, read.body!)).toEqual(
          withDefaults(api.request, version, request),
        );
      }),
      { numRuns: 30 },
    );
  });

  test("an answer, with its header", () => {
    const responses = messageArbitrary(api.response, version);
    fc.assert(
      fc.property(headers, responses, ({ correlationId }, response) => {
        const message = encodeResponse(api.key, version, correlationId, response as never);
        const frame = whole(message);
        expect(frame.byteLength).toBe(message.byteLength);
        expect(decodeResponse(api.key, version, frame)).toEqual({
          correlationId,
          response: withDefaults(api.response, version, response),
        });
      }),
      { numRuns: 30 },
    );
  });
});

test("the types follow from the shapes", () => {
  expectTypeOf<Request<11>["groupInstanceId"]>().toEqualTypeOf<string | null>();
  expectTypeOf<Request<11>["memberId"]>().toEqualTypeOf<string>();
  expectTypeOf<Request<3>["topics"]>().toEqualTypeOf<
    readonly { readonly topicId: string; readonly name: string | null }[] | null
  >();
  expectTypeOf<Request<2>["topics"][0]["partitions"][0]["timestamp"]>().toEqualTypeOf<
    number | bigint
  >();
  expectTypeOf<Response<12>>().toEqualTypeOf<{
    readonly errorCode: number;
    readonly throttleTimeMs?: number | undefined;
  }>();
});

test("the keys are in order and told apart from others", () => {
  const keys = APIS.map((api) => api.key);
  expect(keys).toEqual([...new Set(keys)].sort((a, b) => a - b));
  expect([...keys].every(isApiKey)).toBe(true);
  expect([-1, 4, 27, 69].some(isApiKey)).toBe(false);
});

test("Produce is advertised from 0 and served from 3; all others are served as advertised", () => {
  for (const { key, versions, minServed } of APIS) expect(minServed).toBe(key ? versions.min : 3);
  expect(APIS.find((api) => api.key === 0)?.versions).toEqual({ min: 0, max: 13 });
});

test("large records are parts of the message and not copied, in either direction", () => {
  const batch = new Uint8Array(5_000).fill(7);
  const partition = {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 9,
    abortedTransactions: null,
  };
  const partitions = [{ ...partition, records: [batch, batch.subarray(1)] }];
  const message = encodeResponse(1, 12, 1, { responses: [{ topic: "t", partitions }] });
  expect(message.parts[1]).toBe(batch);
  const read = decodeResponse(1, 12, whole(message))!.response.responses[0]!.partitions[0]!;
  expect(read.records).toEqual(new Uint8Array(9_999).fill(7));

  const topicData = [{ name: "t", partitionData: [{ index: 0, records: batch }] }];
  const frame = whole(
    encodeRequest(0, 9, { correlationId: 1, clientId: null }, { acks: 1, timeoutMs: 1, topicData }),
  );
  const { body } = decodeRequestHeader(frame)!;
  const records = decodeRequest(0, 9, body!)!.topicData[0]!.partitionData[0]!.records!;
  expect(records).toEqual(batch);
  expect(records.buffer).toBe(frame.buffer);
});

test("what is left out in writing has its default, and a later version's field is dropped", () => {
  const write = (version: number): Uint8Array =>
    whole(encodeResponse(3, version, 1, { brokers: [], topics: [], controllerId: 2 }));
  expect(write(0)).toEqual(unhex("00000001 00000000 00000000"));
  expect(decodeResponse(3, 0, write(0))?.response.controllerId).toBe(-1);
  expect(decodeResponse(3, 9, write(9))?.response).toEqual({
    throttleTimeMs: 0,
    brokers: [],
    clusterId: null,
    controllerId: 2,
    topics: [],
    clusterAuthorizedOperations: -2_147_483_648,
    errorCode: 0,
  });
});

test("values that do not fit their fields break, rather than becoming others", () => {
  const write = (errorCode: number) => () => encodeResponse(12, 1, 1, { errorCode });
  expect(write(32_768)).toThrow(InvariantBroken);
  expect(write(0.5)).toThrow(InvariantBroken);
  const join = { errorCode: 0, leader: "", memberId: "", members: [] };
  expect(() => encodeResponse(11, 0, 1, { ...join, protocolName: "é".repeat(16_384) })).toThrow(
    InvariantBroken,
  );
  expect(() => encodeResponse(12, 5, 1, { errorCode: 0 })).toThrow(InvariantBroken);
  expect(() => encodeRequest(3, 0, { correlationId: 1, clientId: null }, { topics: null })).toThrow(
    InvariantBroken,
  );
});
