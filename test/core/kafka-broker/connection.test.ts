/**
 * Proves what a connection promises whatever carries it: answers in order, only the handshake without a key, bounds
 * on what is read ahead, and that malformed bytes end it and have no other effect.
 */
import fc from "fast-check";
import { APIS } from "../../../src/kafka/messages/index.ts";
import { afterEach, describe, expect, test, vi } from "vitest";
import { HANDLERS } from "../../../src/kafka/handlers.ts";
import { framed, framesIn, joined, readAnswer, requestBytes, serve } from "./support.ts";

const API_VERSIONS = 18;
const UNSUPPORTED_VERSION = 35;

const apiVersions = (correlationId: number, version = 0): Uint8Array =>
  requestBytes(API_VERSIONS, version, correlationId, {
    clientSoftwareName: "test",
    clientSoftwareVersion: "1.0",
  });

const metadata = (correlationId: number): Uint8Array =>
  requestBytes(3, 1, correlationId, { topics: null });

const utf8 = new TextEncoder();

afterEach(() => {
  vi.restoreAllMocks();
});

describe("requests", () => {
  test("are answered in their order, and the connection ends when the client's stream has", async () => {
    const { duplex, done } = serve();
    duplex.send(joined([1, 2, 3, 4, 5].map((id) => apiVersions(id, id % 4))));
    duplex.finish();
    await done;
    const frames = framesIn(duplex.output);
    const ids = frames.map(
      (frame, i) => readAnswer(API_VERSIONS, (i + 1) % 4, frame).correlationId,
    );
    expect(ids).toEqual([1, 2, 3, 4, 5]);
    expect(duplex.isClosed).toBe(true);
  });

  test("ApiVersions tells exactly what is served", async () => {
    const { duplex } = serve();
    duplex.send(apiVersions(7, 3));
    await duplex.until(() => duplex.written.length > 0);
    const { response } = readAnswer(API_VERSIONS, 3, framesIn(duplex.output)[0]!);
    expect(response.errorCode).toBe(0);
    const told = response.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [
      apiKey,
      minVersion,
      maxVersion,
    ]);
    expect(told).toEqual(APIS.map(({ key, versions: v }) => [key, v.min, v.max]));
    expect(told.find(([key]) => key === 0)).toEqual([0, 0, 13]);
  });

  test("a version of ApiVersions that is not known is answered in version 0, with the table", async () => {
    const { duplex } = serve();
    const request = apiVersions(9, 0);
    new DataView(request.buffer).setInt16(6, 77);
    duplex.send(request);
    await duplex.until(() => duplex.written.length > 0);
    const answer = readAnswer(API_VERSIONS, 0, framesIn(duplex.output)[0]!);
    expect(answer.correlationId).toBe(9);
    expect(answer.response.errorCode).toBe(UNSUPPORTED_VERSION);
    expect(answer.response.apiKeys.length).toBe(APIS.length);
  });

  test.each([
    ["an API that does not exist", 9_999, 0],
    ["an API that is not served", 24, 0],
    ["a version above the highest", 3, 99],
    ["a version below the lowest", 1, 0],
  ])("%s ends the connection", async (_, key, version) => {
    const { duplex, done } = serve();
    const request = apiVersions(1, 0);
    const view = new DataView(request.buffer);
    view.setInt16(4, key);
    view.setInt16(6, version);
    duplex.send(request);
    await done;
    expect(duplex.written).toEqual([]);
  });

  test("a handler that breaks ends its connection, and its log line has no payload", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    vi.spyOn(HANDLERS, 17).mockImplementation(() => {
      throw new Error("broken");
    });
    const { duplex, done } = serve();
    duplex.send(joined([requestBytes(17, 1, 1, { mechanism: "secret" }), apiVersions(2)]));
    await done;
    expect(duplex.written).toEqual([]);
    expect(logged.mock.calls.length).toBe(1);
    expect(String(logged.mock.calls[0])).toContain("broken");
    expect(String(logged.mock.calls[0])).not.toContain("secret");
  });

  test("objects that cannot be reached are an error that clients repeat", async () => {
    const { duplex } = serve();
    duplex.send(requestBytes(10, 0, 1, { key: "group" }));
    await duplex.until(() => duplex.written.length > 0);
    const { response } = readAnswer(10, 0, framesIn(duplex.output)[0]!);
    expect(response).toMatchObject({ errorCode: 15, nodeId: -1 });
  });
});

describe("back-pressure", () => {
  test("while nothing is taken from it, a connection reads no more than its bound", async () => {
    const { duplex, done } = serve();
    duplex.isBlocked = true;
    const sent = 5_000;
    for (let id = 0; id < sent; id++) duplex.send(apiVersions(id));
    let before = -1;
    // It is idle when several turns of the event loop change nothing.
    while (duplex.taken !== before) {
      before = duplex.taken;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(duplex.taken).toBeLessThan(100);
    duplex.unblock();
    duplex.finish();
    await done;
    const frames = framesIn(duplex.output);
    const ids = frames.map((frame) => readAnswer(API_VERSIONS, 0, frame).correlationId);
    expect(ids).toEqual(Array.from({ length: sent }, (_, id) => id));
  });
});

test("a connection that has made its calls ends between two requests, all it has read answered", async () => {
  const { duplex, done } = serve();
  const sent = 8_000;
  // Each asks the controller once.
  for (let id = 0; id < sent; id++) duplex.send(requestBytes(10, 0, id, { key: "group" }));
  await done;
  const ids = framesIn(duplex.output).map((frame) => readAnswer(10, 0, frame).correlationId);
  expect(ids).toEqual(ids.map((_, id) => id));
  expect(ids.length).toBeGreaterThanOrEqual(6_000);
  expect(ids.length).toBeLessThan(6_100);
  expect(ids.length).toBe(duplex.taken);
});

describe("authentication", () => {
  const KEYS = ["first-key", "second-key"];
  const anonymous = { isAuthenticated: false };
  const plain = (password: string): Uint8Array => utf8.encode(`\0anybody\0${password}`);
  const handshake = (id: number, version: number, mechanism = "PLAIN"): Uint8Array =>
    requestBytes(17, version, id, { mechanism });
  const authenticate = (id: number, password: string): Uint8Array =>
    requestBytes(36, 1, id, { authBytes: plain(password) });

  test("before it nothing but the handshake and ApiVersions works", async () => {
    const allowed = new Set([17, 18, 36]);
    for (const { key, versions } of APIS) {
      if (allowed.has(key)) continue;
      const { duplex, done } = serve(anonymous, KEYS);
      const request = apiVersions(1, 0);
      const view = new DataView(request.buffer);
      view.setInt16(4, key);
      view.setInt16(6, versions.min);
      duplex.send(request);
      await done;
      expect(duplex.written).toEqual([]);
    }
  });

  test.each(KEYS)("a key lets in: %s", async (key) => {
    const { duplex, done } = serve(anonymous, KEYS);
    duplex.send(joined([apiVersions(1), handshake(2, 1), authenticate(3, key), apiVersions(4)]));
    duplex.finish();
    await done;
    const frames = framesIn(duplex.output);
    expect(readAnswer(17, 1, frames[1]!).response).toEqual({ errorCode: 0, mechanisms: ["PLAIN"] });
    expect(readAnswer(36, 1, frames[2]!).response.errorCode).toBe(0);
    expect(readAnswer(API_VERSIONS, 0, frames[3]!).correlationId).toBe(4);
  });

  test("a wrong key is told, and the connection ends", async () => {
    const { duplex, done } = serve(anonymous, KEYS);
    duplex.send(joined([handshake(1, 1), authenticate(2, "first-kez"), apiVersions(3)]));
    await done;
    const frames = framesIn(duplex.output);
    expect(frames.length).toBe(2);
    expect(readAnswer(36, 1, frames[1]!).response.errorCode).toBe(58);
  });

  test("the bare tokens of the oldest handshake are understood", async () => {
    const { duplex, done } = serve(anonymous, KEYS);
    duplex.send(joined([handshake(1, 0), framed(plain("second-key")), apiVersions(2)]));
    duplex.finish();
    await done;
    const frames = framesIn(duplex.output);
    expect(frames.map(({ byteLength }) => byteLength > 0)).toEqual([true, false, true]);
  });

  test("a wrong bare token ends the connection without an answer", async () => {
    const { duplex, done } = serve(anonymous, KEYS);
    duplex.send(joined([handshake(1, 0), framed(plain("wrong")), apiVersions(2)]));
    await done;
    expect(framesIn(duplex.output).length).toBe(1);
  });

  test("a token that nobody has asked for is refused", async () => {
    const { duplex, done } = serve(anonymous, KEYS);
    duplex.send(authenticate(1, "first-key"));
    await done;
    expect(readAnswer(36, 1, framesIn(duplex.output)[0]!).response.errorCode).toBe(34);
  });

  test("another mechanism is refused, and PLAIN is named", async () => {
    const { duplex, done } = serve(anonymous, KEYS);
    duplex.send(handshake(1, 1, "SCRAM-SHA-256"));
    await done;
    const { response } = readAnswer(17, 1, framesIn(duplex.output)[0]!);
    expect(response).toEqual({ errorCode: 33, mechanisms: ["PLAIN"] });
  });

  test("frames of those who have shown no key are small", async () => {
    const { duplex, done } = serve(anonymous, KEYS);
    duplex.send(framed(new Uint8Array(100_000)));
    await done;
    expect(duplex.written).toEqual([]);
  });
});

describe("hostile bytes", () => {
  const SPOKEN = APIS.flatMap(({ key, versions }) =>
    Array.from(
      { length: versions.max - versions.min + 1 },
      (_, i) => [key, versions.min + i] as const,
    ),
  );
  const body = fc.uint8Array({ maxLength: 200 });

  test("end the connection or are answered; nothing escapes", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.constantFrom(...SPOKEN), body).map(([[key, version], bytes]) => {
        const head = new Uint8Array(10);
        const view = new DataView(head.buffer);
        view.setInt16(0, key);
        view.setInt16(2, version);
        view.setInt16(8, -1);
        return framed(joined([head, bytes]));
      }),
      fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })).map(([at, byte]) => {
        const request = metadata(1);
        request[at % request.byteLength] = byte;
        return request;
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { minLength: 1, maxLength: 4 }), async (pieces) => {
        const { duplex, done } = serve();
        for (const piece of pieces) duplex.send(piece);
        duplex.finish();
        await done;
        expect(duplex.isClosed).toBe(true);
        framesIn(duplex.output);
      }),
      { numRuns: 1_500 },
    );
  });
});
