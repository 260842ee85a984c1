/**
 * Streaming produce as clients do it: a request that stays open, whose records are answered one by one. Nothing here
 * waits for a while: each record is written once the report of the one before it is there.
 */
import { once } from "node:events";
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { createGzip, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client, createTopic, endsOf, topicPath } from "./support/client.ts";
import { startService, type Service } from "./support/service.ts";

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService({ env: { CONNECTIONS_MAX_IDLE_MS: "1500" } });
  client = new Client(service.url);
});

afterAll(async () => {
  await client?.close();
  await service?.stop();
});

interface Report {
  readonly error_code: number;
  readonly offset?: number;
  readonly message?: string;
}

const record = (data: unknown): string => JSON.stringify({ value: { type: "JSON", data } });

/** A request that is open in both directions. */
class Producing {
  readonly sent: ClientRequest;
  private lines: AsyncIterator<string> | null = null;
  private answered: IncomingMessage | null = null;

  constructor(topic: string, headers: Readonly<Record<string, string | number>> = {}) {
    this.sent = request(`${service.url}${topicPath(topic)}/records`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(!("content-length" in headers) && { "transfer-encoding": "chunked" }),
        ...headers,
      },
    });
    // A client that is gone gets no answer, which is what it is about.
    this.sent.on("error", () => undefined);
  }

  async response(): Promise<IncomingMessage> {
    if (this.answered === null) {
      const [response] = (await once(this.sent, "response")) as [IncomingMessage];
      this.answered = response;
      this.lines = createInterface({ input: response })[Symbol.asyncIterator]();
    }
    return this.answered;
  }

  /** The next report; null at the end. */
  async report(): Promise<Report | null> {
    await this.response();
    const { done, value } = await this.lines!.next();
    return done ? null : (JSON.parse(value) as Report);
  }

  async reports(): Promise<Report[]> {
    const reports: Report[] = [];
    for (let next = await this.report(); next !== null; next = await this.report()) {
      reports.push(next);
    }
    return reports;
  }
}

async function newTopic(name: string, configs: Record<string, string> = {}): Promise<string> {
  await createTopic(client, name, { configs });
  return name;
}

const endOf = async (topic: string): Promise<number> =>
  (await endsOf(client, topic, 0)).latest_offset;

describe("a request that stays open", () => {
  test("is answered record by record (issue 11)", async () => {
    const topic = await newTopic("one-by-one");
    const producing = new Producing(topic);
    for (let i = 0; i < 4; i++) {
      producing.sent.write(record(i));
      expect(await producing.report()).toMatchObject({ error_code: 200, offset: i });
      // Readers have it while the request is open.
      expect(await endOf(topic)).toBe(i + 1);
    }
    const { headers } = await producing.response();
    expect(headers["content-type"]).toBe("application/json");
    expect(headers["x-accel-buffering"]).toBe("no");
    producing.sent.end();
    expect(await producing.report()).toBeNull();
  });

  test("may be cut anywhere, and may be in gzip", async () => {
    const topic = await newTopic("cut-and-zipped");
    const producing = new Producing(topic, { "content-encoding": "GZIP" });
    const zip = createGzip();
    zip.pipe(producing.sent);
    const text = record("ä\\u00e9".repeat(10));
    for (let i = 0; i < 3; i++) {
      zip.write(Buffer.from(text).subarray(0, 17 + 14 * i));
      zip.flush();
      zip.write(Buffer.from(text).subarray(17 + 14 * i));
      zip.flush();
      expect(await producing.report()).toMatchObject({ error_code: 200, offset: i });
    }
    zip.end();
    expect(await producing.report()).toBeNull();
  });

  test("answers what is good, then the error (issue 11)", async () => {
    const topic = await newTopic("broken-tail");
    const producing = new Producing(topic);
    producing.sent.write(record(1));
    expect(await producing.report()).toMatchObject({ offset: 0 });
    producing.sent.write(`${record(2)}{"value":{"type":"STRING","data":3}}{broken}${record(4)}`);
    producing.sent.end();
    expect(await producing.reports()).toMatchObject([
      { error_code: 200, offset: 1 },
      { error_code: 42207 },
      { error_code: 400, message: expect.stringMatching(/^JSON at byte \d+/) },
    ]);
    expect(await endOf(topic)).toBe(2);
  });

  test("that is wrong from its first byte is refused by status", async () => {
    const topic = await newTopic("wrong-at-once");
    for (const [path, body, headers, status] of [
      [topic, "{broken}", {}, 400],
      [topic, " \n", {}, 400],
      [topic, "{}", { "content-encoding": "gzip" }, 400],
      [topic, "{}", { "content-encoding": "br" }, 415],
      ["none", "{}", {}, 404],
    ] as const) {
      const producing = new Producing(path, headers);
      producing.sent.end(body);
      expect((await producing.response()).statusCode).toBe(status);
    }
    expect(await endOf(topic)).toBe(0);
  });

  test("keeps what was acknowledged when its client dies (issue 11)", async () => {
    const topic = await newTopic("client-dies");
    const producing = new Producing(topic);
    for (let i = 0; i < 3; i++) {
      producing.sent.write(record(i));
      expect(await producing.report()).toMatchObject({ offset: i });
    }
    producing.sent.write('{"value":{"type":"JSON","da');
    producing.sent.destroy();
    expect(await endOf(topic)).toBe(3);
    const next = new Producing(topic);
    next.sent.end(record("next"));
    expect(await next.report()).toMatchObject({ offset: 3 });
  });

  test("ends with an error when nothing comes any more", async () => {
    const topic = await newTopic("falls-silent");
    const producing = new Producing(topic);
    producing.sent.write(record(1));
    expect(await producing.reports()).toMatchObject([{ offset: 0 }, { error_code: 408 }]);
    producing.sent.destroy();
  });

  test("is refused by status when nothing of a body comes whose length was announced (a gzip body held its request for ten minutes)", async () => {
    const topic = await newTopic("never-comes");
    for (const headers of [
      { "content-length": 100, "content-encoding": "gzip" },
      { "content-length": 99_999_999 },
    ]) {
      const producing = new Producing(topic, headers);
      producing.sent.flushHeaders();
      expect((await producing.response()).statusCode).toBe(408);
      producing.sent.destroy();
    }
    expect(await endOf(topic)).toBe(0);
  });
});

describe("a bulk upload", () => {
  test("has no size limit, a record has, and its order is kept (issue 11)", async () => {
    const topic = await newTopic("bulk");
    const producing = new Producing(topic);
    const reading = producing.reports();
    const count = 9_000;
    const text = "x".repeat(950);
    for (let i = 0; i < count; i += 100) {
      const some = Array.from({ length: 100 }, (_, j) => record([i + j, text])).join("\n");
      if (!producing.sent.write(some)) await once(producing.sent, "drain");
    }
    producing.sent.write(`{"value":{"type":"STRING","data":"${"y".repeat(1_100_000)}"}}`);
    producing.sent.end(record("last"));
    const reports = await reading;
    expect(reports).toHaveLength(count + 2);
    expect(reports.slice(0, count).every(({ offset }, i) => offset === i)).toBe(true);
    expect(reports.slice(count)).toMatchObject([{ error_code: 413 }, { offset: count }]);
    const page = await client.get<{ value: unknown }[]>(
      `${topicPath(topic)}/partitions/0/records?offset=${count - 1}`,
    );
    expect(page.map(({ value }) => value)).toEqual([[count - 1, text], "last"]);
  });

  test("of an announced length has its status, also where its bytes come late on a busy machine", async () => {
    const topic = await newTopic("announced-late");
    const body = gzipSync("{broken}");
    const announced = new Producing(topic, {
      "content-encoding": "gzip",
      "content-length": body.length,
    });
    announced.sent.flushHeaders();
    // One that announces nothing has its head after a while, so the other has been waiting for longer by then.
    const open = new Producing(topic);
    open.sent.flushHeaders();
    expect((await open.response()).statusCode).toBe(200);
    announced.sent.end(body);
    expect((await announced.response()).statusCode).toBe(400);
    open.sent.destroy();
  });

  test("of an announced length is answered the same", async () => {
    const topic = await newTopic("announced");
    const body = `${record(1)}${record(2)}{broken`;
    for (const sent of [Buffer.from(body), gzipSync(body)]) {
      const isZipped = sent.length !== body.length;
      const answer = await client.ask(`${topicPath(topic)}/records`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(isZipped && { "content-encoding": "gzip" }),
        },
        body: sent,
      });
      const codes = answer.text
        .trim()
        .split("\r\n")
        .map((line) => (JSON.parse(line) as Report).error_code);
      expect(answer.status).toBe(200);
      expect(codes).toEqual([200, 200, 400]);
    }
    expect(await endOf(topic)).toBe(4);
  });
});
