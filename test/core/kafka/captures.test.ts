/**
 * Proves that the messages of real clients are decoded to the last byte: every captured request is decoded and,
 * encoded again, is the same bytes; so is every answer that a client has accepted, tagged fields included. None of
 * these clients uses another legal encoding, such as a longer varint.
 */
import { describe, expect, test } from "vitest";
import {
  APIS,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  isApiKey,
  type ApiKey,
} from "../../../src/kafka/messages/index.ts";
import { CAPTURES } from "./captures.ts";
import { whole } from "./support.ts";

const nameOf = (key: number): string => APIS.find((api) => api.key === key)?.name ?? String(key);

test("every client is there, with every API that all of them need", () => {
  const clients = [...new Set(CAPTURES.map(({ client }) => client))].toSorted();
  expect(clients).toEqual(["java", "kafka-python", "kafkajs", "librdkafka", "platformatic"]);
  for (const client of clients) {
    const keys = CAPTURES.filter((one) => one.client === client).map(({ apiKey }) => apiKey);
    expect(keys).toEqual(expect.arrayContaining([0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 18, 19]));
  }
});

const captures = CAPTURES.map((capture) => ({
  ...capture,
  name: `${capture.client}: ${nameOf(capture.apiKey)} ${capture.version}, ${capture.request.length} bytes`,
}));

const inHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("requests", () => {
  test.each(captures)("$name", ({ apiKey, version, request }) => {
    expect(isApiKey(apiKey)).toBe(true);
    const key = apiKey as ApiKey;
    const header = decodeRequestHeader(request)!;
    const read = decodeRequest(key, version, header.body!);
    expect(read).not.toBeNull();
    const { correlationId, clientId } = header;
    const written = encodeRequest(key, version, { correlationId, clientId }, read as never);
    expect(inHex(whole(written))).toBe(inHex(request));
  });
});

describe("answers", () => {
  const answered = captures.filter(({ response }) => response !== null);

  test.each(answered)("$name", ({ apiKey, version, response }) => {
    const key = apiKey as ApiKey;
    const read = decodeResponse(key, version, response!);
    expect(read).not.toBeNull();
    const written = encodeResponse(key, version, read!.correlationId, read!.response as never);
    expect(inHex(whole(written))).toBe(inHex(response!));
  });
});
