/** What answers look like on the wire: gzip where it is asked for, the headers of every answer, and keys that are not ASCII. */
import { once } from "node:events";
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Client, CLUSTER, createTopic, topicPath } from "./support/client.ts";
import { startService, type Service } from "./support/service.ts";

const KEY = "schlüssel-日本";

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService({ env: { API_KEYS: KEY, CORS_ALLOW_ORIGINS: "*" } });
  const authorization = `Basic ${Buffer.from(`user:${KEY}`).toString("base64")}`;
  client = new Client(service.url);
  const { ask } = client;
  client.ask = (path, asked = {}) =>
    ask.call(client, path, { ...asked, headers: { authorization, ...asked.headers } });
  await createTopic(client, "pages", {});
  const records = Array.from({ length: 2_000 }, (_, i) => ({
    value: { n: i, text: "x".repeat(100) },
  }));
  const produced = await client.post("/topics/pages", { records });
  expect(produced.status).toBe(200);
});

afterAll(async () => {
  await client?.close();
  await service?.stop();
});

/** One request as bytes, and the bytes of the answer until the service ends the connection or `enough`. */
async function raw(text: string | Buffer, enough: (answer: string) => boolean): Promise<string> {
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    answer += piece;
    if (enough(answer)) socket.destroy();
  });
  socket.write(text);
  await once(socket, "close");
  return answer;
}

describe("compression", () => {
  const page = `${topicPath("pages")}/partitions/0/records?offset=0`;

  test("a page is compressed when asked for, and only then (issue 11)", async () => {
    const plain = await client.ask(page);
    expect(plain.header("content-encoding")).toBeUndefined();
    expect(plain.header("vary")).toContain("Accept-Encoding");
    const zipped = await client.ask(page, { headers: { "accept-encoding": "br, gzip" } });
    expect(zipped.header("content-encoding")).toBe("gzip");
    expect(gunzipSync(zipped.bytes).equals(plain.bytes)).toBe(true);
    expect(plain.bytes.length / zipped.bytes.length).toBeGreaterThan(10);
    const refused = await client.ask(page, { headers: { "accept-encoding": "gzip;q=0" } });
    expect(refused.bytes.equals(plain.bytes)).toBe(true);
  });

  test("what is small, in a format of its own, or a stream is not", async () => {
    for (const [path, accept] of [
      ["/v3/clusters/none", "*/*"],
      [page, "application/vnd.kafka.recordbatch.v2"],
      [page, "text/event-stream"],
    ] as const) {
      const answer = await client.ask(path, { headers: { accept, "accept-encoding": "gzip" } });
      expect(answer.header("content-encoding"), accept).toBeUndefined();
    }
    for (const path of ["/openapi.json", "/docs", "/metrics"]) {
      const answer = await client.ask(path, { headers: { "accept-encoding": "gzip" } });
      expect(answer.header("content-encoding"), path).toBe("gzip");
    }
  });
});

describe("headers", () => {
  test("every answer has its date and forbids guessing its type", async () => {
    for (const path of ["/healthz", "/none", `${CLUSTER}/topics`]) {
      const answer = await client.ask(path);
      expect(Math.abs(Date.parse(answer.header("date")!) - Date.now())).toBeLessThan(60_000);
      expect(answer.header("x-content-type-options")).toBe("nosniff");
    }
  });

  test("streams ask proxies not to hold them back", async () => {
    const path = `${topicPath("pages")}/partitions/0/records`;
    const answer = await client.ask(path, { headers: { accept: "text/event-stream" } });
    expect(answer.header("x-accel-buffering")).toBe("no");
  });

  test("pages of other origins may send gzip", async () => {
    const headers = {
      origin: "https://console.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-encoding",
    };
    const answer = await client.ask("/topics/pages", { method: "OPTIONS", headers });
    expect(answer.header("access-control-allow-headers")).toContain("Content-Encoding");
  });
});

describe("keys", () => {
  test("that are not ASCII come by Basic as by Bearer (issue 11)", async () => {
    const asked = async (authorization: string): Promise<string> => {
      const head = `GET ${CLUSTER} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: `;
      const answer = await raw(Buffer.from(`${head}${authorization}\r\n\r\n`), () => false);
      return answer.split("\r\n", 1)[0]!;
    };
    const basic = (encoding: "utf8" | "latin1", key: string): string =>
      `Basic ${Buffer.from(`u:${key}`, encoding).toString("base64")}`;
    expect(await asked(`Bearer ${KEY}`)).toContain("200");
    expect(await asked(basic("utf8", KEY))).toContain("200");
    expect(await asked(basic("utf8", `${KEY}x`))).toContain("401");
    expect(await asked(basic("latin1", "schlüssel"))).toContain("401");
  });
});
