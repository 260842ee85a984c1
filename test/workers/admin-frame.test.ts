/** What surrounds every route: paths, methods, CORS, request ids, the log line, failures. */
import { describe, expect, it } from "vitest";
import { routes } from "../../src/worker/app.ts";
import {
  bodyOf,
  call,
  CLUSTER,
  environment,
  expectError,
  newTopic,
  printedBy,
} from "./admin-support.ts";

describe("paths", () => {
  it("take a trailing slash, without a redirect", async () => {
    for (const path of ["/healthz/", "/v3/clusters/", `${CLUSTER}/topics/`, "/topics/"]) {
      expect((await call(path)).status, path).toBe(200);
    }
  });

  it("that lead nowhere are 404", async () => {
    const topic = await newTopic();
    const paths = [
      "/nothing",
      "/v3",
      `${CLUSTER}/nothing`,
      `${CLUSTER}/topics/${topic}/recordsfoo`,
      `${CLUSTER}/topics/${topic}/records:batchfoo`,
      `${CLUSTER}/topics/${topic}/configsfoo`,
      `${CLUSTER}/topics/${topic}/configs:alterfoo`,
      `${CLUSTER}/topics/${topic}/partitions/0/recordsfoo`,
      "//topics",
    ];
    for (const path of paths) {
      for (const method of ["GET", "POST"]) {
        const response = await call(path, { method });
        expect(response.status, `${method} ${path}`).toBe(404);
        await expectError(response, "NOT_FOUND");
      }
    }
  });

  it("of another cluster are 404, whatever comes after", async () => {
    for (const path of ["/v3/clusters/other", "/v3/clusters/other/topics/a/partitions/0"]) {
      await expectError(await call(path), "UNKNOWN_CLUSTER");
    }
    const renamed = environment({ OPEN_ON_LOOPBACK: "true", CLUSTER_ID: "other" });
    expect((await call("/v3/clusters/other", {}, renamed)).status).toBe(200);
    await expectError(await call(CLUSTER, {}, renamed), "UNKNOWN_CLUSTER");
  });

  it("are percent-decoded once", async () => {
    const topic = await newTopic();
    const encoded = topic.replace("-", "%2D");
    expect((await bodyOf(await call(`${CLUSTER}/topics/${encoded}`))).topic_name).toBe(topic);
    const twice = topic.replace("-", "%252D");
    const message = await expectError(
      await call(`${CLUSTER}/topics/${twice}`),
      "INVALID_TOPIC_EXCEPTION",
    );
    expect(message).toContain("ASCII letters");
    for (const broken of ["%", "%zz", "%ff", "a%2Fb", "%00", "ä", "a b"]) {
      await expectError(await call(`${CLUSTER}/topics/${broken}`), "INVALID_TOPIC_EXCEPTION");
    }
  });
});

describe("methods", () => {
  it("that a path does not take are 405, with those that it takes", async () => {
    const cases: [string, string, string][] = [
      ["DELETE", "/v3/clusters", "GET, HEAD, OPTIONS"],
      ["PUT", "/healthz", "GET, HEAD, OPTIONS"],
      ["PUT", `${CLUSTER}/topics`, "GET, HEAD, POST, OPTIONS"],
      ["POST", `${CLUSTER}/topics/a`, "GET, HEAD, PATCH, DELETE, OPTIONS"],
      ["GET", `${CLUSTER}/topics/a/configs:alter`, "POST, OPTIONS"],
      ["POST", `${CLUSTER}/topics/a/configs/`, "GET, HEAD, OPTIONS"],
    ];
    for (const [method, path, allow] of cases) {
      const response = await call(path, { method });
      expect(response.headers.get("allow"), `${method} ${path}`).toBe(allow);
      await expectError(response, "METHOD_NOT_ALLOWED");
    }
  });

  it("HEAD answers as GET does, without the body", async () => {
    const get = await call("/healthz");
    const head = await call("/healthz", { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(head.headers.get("content-type")).toBe(get.headers.get("content-type"));
    expect(await head.text()).toBe("");
    expect((await call("/nothing", { method: "HEAD" })).status).toBe(404);
  });

  it("OPTIONS says what a path takes", async () => {
    const response = await call(`${CLUSTER}/topics`, { method: "OPTIONS" });
    expect(response.status).toBe(204);
    expect(response.headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
    expect(response.headers.get("access-control-allow-methods")).toBeNull();
    expect((await call("/nothing", { method: "OPTIONS" })).status).toBe(404);
  });

  it("of OPTIONS are those that the route table has, at every path (issue 11)", async () => {
    const byPath = Map.groupBy(routes, ({ path }) => path);
    for (const [path, some] of byPath) {
      const concrete = path.replace("{cluster_id}", "odradek").replaceAll(/\{\w+\}/g, "0");
      for (const written of [concrete, `${concrete}/`]) {
        if (path === "/" && written === "//") continue;
        const response = await call(written, { method: "OPTIONS" });
        const allow = new Set(response.headers.get("allow")?.split(", "));
        const expected = new Set<string>(["OPTIONS", ...some.map(({ method }) => method)]);
        if (expected.has("GET")) expected.add("HEAD");
        expect(allow, written).toEqual(expected);
      }
    }
  });

  it("do not answer where a verb is misspelt, or for a verb that is POST's (issue 11)", async () => {
    for (const path of [`${CLUSTER}/brokers/1`, `${CLUSTER}/topics/a/partitions/0`]) {
      await expectError(await call(`${path}:fense`), "NOT_FOUND");
      await expectError(await call(`${path}:fense`, { method: "POST" }), "NOT_FOUND");
    }
    const fence = await call(`${CLUSTER}/brokers/1:fence`);
    expect(fence.headers.get("allow")).toBe("POST, OPTIONS");
    await expectError(fence, "METHOD_NOT_ALLOWED");
  });
});

describe("CORS", () => {
  const origin = "https://console.example";
  const on = environment({ API_KEYS: "k1", CORS_ALLOW_ORIGINS: `${origin}, https://b.example` });
  const any = environment({ API_KEYS: "k1", CORS_ALLOW_ORIGINS: "*" });
  const authorization = "Bearer k1";
  const preflight = {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST" },
  };

  it("is off unless set", async () => {
    const off = environment({ API_KEYS: "k1" });
    const response = await call("/v3/clusters", { headers: { origin, authorization } }, off);
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(response.headers.get("vary")).toBeNull();
    await expectError(await call("/v3/clusters", preflight, off), "SASL_AUTHENTICATION_FAILED");
  });

  it("lets the origins that are set read answers and errors", async () => {
    for (const path of ["/v3/clusters", "/nothing"]) {
      const response = await call(path, { headers: { origin, authorization } }, on);
      expect(response.headers.get("access-control-allow-origin")).toBe(origin);
      expect(response.headers.get("vary")).toBe("Origin");
      const exposed = response.headers.get("access-control-expose-headers");
      for (const name of ["X-Next-Offset", "X-High-Watermark", "X-Request-Id", "Retry-After"]) {
        expect(exposed).toContain(name);
      }
    }
    const unknown = { origin: "https://other.example", authorization };
    const response = await call("/v3/clusters", { headers: unknown }, on);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(response.headers.get("vary")).toBe("Origin");
  });

  it("answers a preflight, which carries no key", async () => {
    const response = await call(`${CLUSTER}/topics`, preflight, on);
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
    expect(response.headers.get("access-control-allow-methods")).toBe("GET, HEAD, POST, OPTIONS");
    expect(response.headers.get("access-control-allow-headers")).toContain("Producer-Seq");
  });

  it("takes any origin with *", async () => {
    const response = await call("/v3/clusters", { headers: { origin, authorization } }, any);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("vary")).toBeNull();
  });
});

describe("request ids", () => {
  const idOf = async (headers: Record<string, string>) =>
    (await call("/healthz", { headers })).headers.get("x-request-id");

  it("are the platform's, else the caller's, else made", async () => {
    expect(await idOf({ "cf-ray": "8f1-AMS", "x-request-id": "mine" })).toBe("8f1-AMS");
    expect(await idOf({ "x-request-id": "mine-1" })).toBe("mine-1");
    const made = [await idOf({}), await idOf({})];
    expect(made[0]).toMatch(/^[0-9a-f-]{13}-[0-9a-z]+$/);
    expect(made[0]).not.toBe(made[1]);
  });

  it("are not the caller's when they are long or strange", async () => {
    for (const id of ["x".repeat(65), "a b", 'a"b', "a{b}", ""]) {
      expect(await idOf({ "x-request-id": id }), id).toMatch(/^[0-9a-f-]{13}-[0-9a-z]+$/);
    }
  });
});

describe("the log", () => {
  it("gets one line per failed request, and none for one that succeeds", async () => {
    expect(await printedBy(() => call("/v3/clusters"))).toEqual([]);
    const printed = await printedBy(() =>
      call(`${CLUSTER}/topics/nowhere?secret=1`, { headers: { "x-request-id": "r1" } }),
    );
    expect(printed).toEqual([
      {
        request_id: "r1",
        method: "GET",
        route: "/v3/clusters/{cluster_id}/topics/{topic}",
        status: 404,
        error: "UNKNOWN_TOPIC",
        ms: expect.any(Number),
      },
    ]);
    const unmatched = await printedBy(() => call("/no/such/path"));
    expect(unmatched).toMatchObject([{ route: "*", status: 404, error: "NOT_FOUND" }]);
    const refused = await printedBy(() => call("/topics", {}, environment({ API_KEYS: "k" })));
    expect(refused).toMatchObject([{ route: "/topics", status: 401 }]);
  });

  it("never holds a key, a query's value or a payload", async () => {
    const env = environment({ API_KEYS: "the-right-key" });
    const printed = await printedBy(async () => {
      await call("/topics?q=query-value", { headers: { authorization: "Bearer wrong-key" } }, env);
      await call(
        `${CLUSTER}/topics`,
        {
          method: "POST",
          headers: { authorization: "Bearer the-right-key" },
          json: { topic_name: "payload name!" },
        },
        env,
      );
    });
    expect(printed).toHaveLength(2);
    const text = JSON.stringify(printed);
    for (const secret of ["the-right-key", "wrong-key", "query-value", "payload"]) {
      expect(text).not.toContain(secret);
    }
  });

  it("names the exception behind a failure, which the answer does not", async () => {
    const broken = environment({
      OPEN_ON_LOOPBACK: "true",
      CONTROLLER: null,
    });
    let response: Response | undefined;
    const printed = await printedBy(async () => {
      response = await call("/topics", {}, broken);
    });
    const message = await expectError(response!, "UNKNOWN_SERVER_ERROR");
    expect(message).not.toContain("getByName");
    expect(printed).toMatchObject([{ status: 500, error: "UNKNOWN_SERVER_ERROR" }]);
    expect((printed[0] as { cause: string }).cause).toMatch(/^TypeError: .*getByName.* at /);
  });
});
