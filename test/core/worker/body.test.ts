/** Bodies of requests: bounded in bytes and in time, as they are or in gzip. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { drain, readBytes } from "../../../src/worker/body.ts";
import { acceptsGzip } from "../../../src/worker/response-encoding.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function request(body: BodyInit | null, headers: Record<string, string> = {}): Request {
  return new Request("http://localhost/", {
    method: "POST",
    headers,
    body,
    // Node asks for it where the body is a stream.
    duplex: "half",
  } as RequestInit);
}

/** A body that gives its parts and then stays open. */
function stopped(...parts: Uint8Array[]): ReadableStream<Uint8Array> & { cancelled: boolean } {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
    },
    cancel() {
      body.cancelled = true;
    },
  });
  const body = Object.assign(stream, { cancelled: false });
  return body;
}

const textOf = async (read: Promise<unknown>): Promise<string> => {
  const bytes = await read;
  if (!(bytes instanceof Uint8Array)) throw new Error(JSON.stringify(bytes));
  return new TextDecoder().decode(bytes);
};

describe("a body that stops", () => {
  it("is given up after its time, and let go of (issue 11)", async () => {
    const body = stopped(bytesOf("{"));
    expect(await readBytes(request(body), 100, 20)).toMatchObject({
      error: "REQUEST_BODY_TIMED_OUT",
    });
    expect(body.cancelled).toBe(true);
    const announced = request(stopped(bytesOf("{")), { "content-length": "10" });
    expect(await readBytes(announced, 100, 20)).toMatchObject({ error: "REQUEST_BODY_TIMED_OUT" });
  });

  it("is cut off: a sender that has gone is no time-out", async () => {
    const gone = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.error(new Error("connection reset"));
      },
    });
    expect(await readBytes(request(gone), 100)).toMatchObject({ error: "INVALID_REQUEST" });
  });

  it("that nobody reads does not hold its answer for ever", async () => {
    const ended = request(new Blob([bytesOf("unwanted")]).stream());
    await drain(ended);
    expect(ended.bodyUsed).toBe(true);
  });
});

describe("content encodings", () => {
  const text = '{"a":"ä"}';
  const zipped = gzipSync(bytesOf(text));

  it("are named in any case, more than once, or not at all", async () => {
    for (const name of ["gzip", "GZIP", "GZip", "x-gzip", "identity, gzip", " gzip "]) {
      expect(await textOf(readBytes(request(zipped, { "content-encoding": name }), 100))).toBe(
        text,
      );
    }
    for (const name of ["identity", "Identity", ""]) {
      expect(await textOf(readBytes(request(text, { "content-encoding": name }), 100))).toBe(text);
    }
    for (const name of ["br", "deflate", "gzip, gzip", "zstd", "gzip;q=1"]) {
      const read = await readBytes(request(zipped, { "content-encoding": name }), 100);
      expect(read, name).toMatchObject({ error: "UNSUPPORTED_MEDIA_TYPE" });
    }
  });

  it("gzip of several members is one body (RFC 1952)", async () => {
    const members = new Blob(["[1", ",", "2]"].map((part) => gzipSync(bytesOf(part))));
    const headers = { "content-encoding": "gzip" };
    for (const body of [await members.arrayBuffer(), members.stream()]) {
      expect(await textOf(readBytes(request(body, headers), 100))).toBe("[1,2]");
    }
  });

  it("gzip is bounded before and after, and an empty body is empty", async () => {
    const headers = { "content-encoding": "gzip" };
    const bomb = gzipSync(new Uint8Array(5_000_000));
    expect(bomb.length).toBeLessThan(10_000);
    const read = (body: Uint8Array, max: number) => readBytes(request(body, headers), max);
    expect(await read(bomb, 4_999_999)).toMatchObject({ error: "MESSAGE_TOO_LARGE" });
    expect(await read(bomb, 1_000)).toMatchObject({ error: "MESSAGE_TOO_LARGE" });
    expect(await read(bomb, 5_000_000)).toHaveLength(5_000_000);
    expect(await read(new Uint8Array(0), 100)).toHaveLength(0);
  });

  it("that do not hold are refused", async () => {
    const headers = { "content-encoding": "gzip" };
    for (const body of [bytesOf(text), zipped.subarray(0, 12), zipped.subarray(0, -1)]) {
      const read = await readBytes(request(body, headers), 100);
      expect(read).toMatchObject({ error: "INVALID_REQUEST" });
    }
  });
});

it("answers are compressed for those who accept it", () => {
  const yes = ["gzip", "GZIP", "br, gzip", "gzip;q=0.1", "*", "x-gzip", "deflate, gzip;q=1.0"];
  const no = [null, "", "identity", "br", "gzip;q=0", "gzip;q=0, *", "gzip;q=x"];
  expect(yes.filter((header) => !acceptsGzip(header))).toEqual([]);
  expect(no.filter(acceptsGzip)).toEqual([]);
});
