/** What the service says of itself: /, /metrics, and its description, which holds every route. */
import { describe, expect, it } from "vitest";
import { app, routes } from "../../src/worker/app.ts";
import { bodyOf, call, expectError, newTopic } from "./admin-support.ts";

describe("about", () => {
  it("/ says what this is, and sends browsers to the page", async () => {
    expect(await bodyOf(await call("/"))).toMatchObject({ name: "odradek", docs: "/docs" });
    const html = await call("/", {
      headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" },
    });
    expect(html.status).toBe(303);
    expect(html.headers.get("location")).toBe("/docs");
  });

  it("/metrics counts requests, calls and errors, and shows the cluster", async () => {
    const topic = await newTopic({ partitions_count: 2 });
    await call("/nothing");
    const text = await (await call("/metrics")).text();
    const valueOf = (sample: string): number => {
      const line = text.split("\n").find((candidate) => candidate.startsWith(`${sample} `));
      expect(line, `${sample}\n${text}`).toBeDefined();
      return Number(line!.slice(sample.length + 1));
    };
    expect(
      valueOf(
        'odradek_requests_total{method="POST",route="/v3/clusters/{cluster_id}/topics",class="2xx"}',
      ),
    ).toBeGreaterThan(0);
    expect(valueOf('odradek_requests_total{route="*",class="4xx"}')).toBeGreaterThan(0);
    expect(valueOf('odradek_errors_total{error="NOT_FOUND"}')).toBeGreaterThan(0);
    expect(valueOf('odradek_object_calls_total{object="controller"}')).toBeGreaterThan(0);
    expect(valueOf("odradek_topics")).toBeGreaterThan(0);
    expect(valueOf('odradek_rows_written{object="controller"}')).toBeGreaterThan(0);
    expect(text).not.toContain("odradek_high_watermark");

    const ofTopic = await (await call(`/metrics?topic=${topic}`)).text();
    expect(ofTopic).toContain(
      `odradek_high_watermark{object="partition",topic="${topic}",partition="1"} 0`,
    );
    await expectError(await call("/metrics?topic=nowhere"), "UNKNOWN_TOPIC");
    await expectError(await call("/metrics?start="), "INVALID_REQUEST");
  });

  it("/metrics is text that Prometheus reads: a type for every name, one line per sample", async () => {
    const response = await call("/metrics");
    expect(response.headers.get("content-type")).toContain("version=0.0.4");
    const typed = new Set<string>();
    for (const line of (await response.text()).trimEnd().split("\n")) {
      const type = /^# TYPE (\w+) (counter|gauge)$/.exec(line);
      if (type) typed.add(type[1]!);
      if (line.startsWith("#")) continue;
      const sample = /^(\w+)(\{(\w+="[^"]*",?)+\})? \d+$/.exec(line);
      expect(sample, line).not.toBeNull();
      expect(typed).toContain(sample![1]);
    }
  });
});

describe("the description", () => {
  it("holds every route, and nothing that is none", async () => {
    const document = await bodyOf(await call("/openapi.json"));
    const described = Object.entries(document.paths as Record<string, object>).flatMap(
      ([path, operations]) => Object.keys(operations).map((m) => `${m.toUpperCase()} ${path}`),
    );
    const mounted = routes.map(({ method, path }) => `${method} ${path}`);
    expect(described.toSorted()).toEqual(mounted.toSorted());
    expect(new Set(mounted).size).toBe(mounted.length);
  });

  it("is of what Hono has: each path and method leads to exactly one handler", () => {
    const registered = app.routes.map(({ method, path }) => {
      const described = path
        .replaceAll(/:_literal\{([^}]+)\}/g, "$1")
        .replaceAll(/\/:(\w+)\{\[\^\/:\]\+(:[a-z-]+|)\}/g, "/{$1}$2");
      return `${method} ${described.replaceAll(/\/:(\w+)/g, "/{$1}")}`;
    });
    expect(registered.toSorted()).toEqual(routes.map((r) => `${r.method} ${r.path}`).toSorted());
    for (const { method, path } of routes) {
      const concrete = path.replaceAll(/\{\w+\}/g, "0");
      const [matched] = app.router.match(method, concrete);
      // What `-` stands for comes before the parameters that would take it.
      if (!path.includes("/-/")) expect(matched, path).toHaveLength(1);
    }
  });

  it("is OpenAPI with unique operation ids, declared parameters and errors of the table", async () => {
    const document = await bodyOf(await call("/openapi.json"));
    expect(document.openapi).toBe("3.1.0");
    const ids = new Set<string>();
    for (const [path, operations] of Object.entries(document.paths as Record<string, object>)) {
      for (const operation of Object.values(operations)) {
        expect(ids, operation.operationId).not.toContain(operation.operationId);
        ids.add(operation.operationId);
        const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
        const declared = (operation.parameters ?? [])
          .filter((parameter: { in: string }) => parameter.in === "path")
          .map((parameter: { name: string }) => parameter.name);
        expect(declared.toSorted(), path).toEqual(inPath.toSorted());
        if (path !== "/healthz") expect(operation.responses).toHaveProperty("401");
        expect(operation.responses).toHaveProperty("500");
      }
    }
    expect(document.components.securitySchemes.bearer.scheme).toBe("bearer");
    expect(document.components.schemas.Error).toBeDefined();
  });

  it("says which bodies may be left out", async () => {
    const optional = routes.filter(({ bodyOptional }) => bodyOptional).map(({ id }) => id);
    expect(optional.toSorted()).toEqual(["commitOffsets", "createInstance", "electLeader"]);
    const { paths } = await bodyOf(await call("/openapi.json"));
    for (const { id, body, path, method } of routes) {
      const { requestBody } = paths[path][method.toLowerCase()];
      expect(requestBody?.required ?? null, id).toBe(
        body === undefined ? null : !optional.includes(id),
      );
    }
  });

  it("says how data of each type is written", () => {
    const schemaOf = (id: string, type: string) =>
      routes.find((r) => r.id === id)!.body![type]!.schema!;
    const v3 = schemaOf("produceRecords", "application/json");
    const takesV3 = (type: string, data: unknown) =>
      v3.safeParse({ value: { type, data } }).success;
    const written = [{ a: 1 }, "*", "dGV4dA==", null];
    const taken = (takes: (data: unknown) => boolean) => written.map(takes);
    expect(taken((data) => takesV3("JSON", data))).toEqual([true, true, true, true]);
    expect(taken((data) => takesV3("STRING", data))).toEqual([false, true, true, true]);
    expect(taken((data) => takesV3("BINARY", data))).toEqual([false, false, true, true]);
    expect(v3.safeParse({ valeu: null }).success).toBe(false);
    const takesV2 = (format: string, value: unknown) =>
      schemaOf("v2Produce", `application/vnd.kafka.${format}.v2+json`).safeParse({
        records: [{ value }],
      }).success;
    expect(taken((data) => takesV2("json", data))).toEqual([true, true, true, true]);
    expect(taken((data) => takesV2("string", data))).toEqual([false, true, true, true]);
    expect(taken((data) => takesV2("binary", data))).toEqual([false, false, true, true]);
  });

  it("shows examples that its schemas allow, and one for every JSON that is taken", () => {
    for (const { id, body = {}, answers } of routes) {
      const contents = [body, ...Object.values(answers).map(({ content }) => content ?? {})];
      for (const [type, { schema, example }] of contents.flatMap(Object.entries)) {
        if (example === undefined || typeof example === "string") continue;
        expect(schema?.safeParse(example).error, `${id} ${type}`).toBeUndefined();
      }
      for (const [type, { example }] of Object.entries(body)) {
        if (type === "application/json") expect(example, id).toBeDefined();
      }
    }
  });
});
