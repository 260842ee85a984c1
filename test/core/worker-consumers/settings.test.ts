/** The settings of an instance: what a request may say, and that table, schema and reading agree. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ERRORS } from "../../../src/base/errors.ts";
import { effectiveConfig } from "../../../src/base/config.ts";
import {
  INSTANCE_SETTINGS,
  instanceSchema,
  readInstanceSpec,
} from "../../../src/worker/consumers/settings.ts";

const config = effectiveConfig({});
const read = (body: unknown) => readInstanceSpec(body, config, { clientHost: "198.51.100.1" });

describe("the settings of an instance", () => {
  it("are Kafka's defaults where nothing is said", () => {
    const defaults = read({});
    expect(defaults).toEqual({
      ok: true,
      spec: {
        name: "",
        format: "binary",
        offsetReset: "latest",
        autoCommit: true,
        autoCommitIntervalMs: 5_000,
        fetchMinBytes: 1,
        requestTimeoutMs: 1_000,
        sessionTimeoutMs: 45_000,
        maxPollIntervalMs: 300_000,
        maxPollRecords: 500,
        assignors: ["cooperative-sticky", "range", "roundrobin", "sticky"],
        isolation: "read_uncommitted",
        clientId: "http",
        clientHost: "198.51.100.1",
      },
    });
    const nulls = Object.keys(INSTANCE_SETTINGS).map((name) => [name, null]);
    expect(read(Object.fromEntries(nulls))).toEqual(defaults);
  });

  it("are the same when given as strings", () => {
    const said = {
      "auto.commit.enable": false,
      "auto.commit.interval.ms": 0,
      "fetch.min.bytes": 100,
      "consumer.request.timeout.ms": 5,
      "session.timeout.ms": 2_000,
      "max.poll.interval.ms": 3,
      "max.poll.records": 7,
    };
    const asText = Object.entries(said).map(([name, value]) => [name, String(value)]);
    expect(read(Object.fromEntries(asText))).toEqual(read(said));
    const list = { "partition.assignment.strategy": ["sticky", "range"] };
    expect(read({ "partition.assignment.strategy": "sticky,range" })).toEqual(read(list));
  });

  it("are bounded by the service's own where it has them", () => {
    const narrow = effectiveConfig({ "group.max.session.timeout.ms": "5000" });
    const body = { "session.timeout.ms": 6_000 };
    const client = { clientHost: "" };
    expect(readInstanceSpec(body, narrow, client)).toMatchObject({
      error: "INVALID_CONSUMER_CONFIG",
    });
    expect(readInstanceSpec(body, config, client).ok).toBe(true);
  });

  it("are all described, and nothing else is taken", () => {
    const described = Object.entries(instanceSchema.shape);
    const of = (pattern: RegExp) =>
      described.filter(([, { description }]) => pattern.test(description ?? ""));
    expect(of(/Default: /).map(([name]) => name)).toEqual(Object.keys(INSTANCE_SETTINGS));
    const also = of(/^The same as `/).map(([name]) => name);
    expect(also).toEqual(["id", "responseMinBytes", "requestWaitMs"]);
    expect(described).toHaveLength(Object.keys(INSTANCE_SETTINGS).length + also.length);
    for (const name of ["toString", "__proto__x", "Name"]) {
      expect(read({ [name]: 1 })).toMatchObject({ error: "INVALID_CONSUMER_CONFIG" });
    }
  });

  it("have the names that other proxies know them by (issue 11)", () => {
    const theirs = { id: "reader", responseMinBytes: 100, requestWaitMs: "5", format: "JSON" };
    const ours = {
      name: "reader",
      "fetch.min.bytes": 100,
      "consumer.request.timeout.ms": 5,
      format: "json",
    };
    expect(read(theirs)).toEqual(read(ours));
    expect(read({ "topic.metadata.refresh.interval.ms": 100 })).toEqual(read({}));
    expect(read({ id: "a", name: "a" })).toMatchObject({
      error: "INVALID_CONSUMER_CONFIG",
      message: "name is given by two names.",
    });
    expect(read({ responseMinByte: 1 })).toMatchObject({
      message: expect.stringContaining("did you mean responseMinBytes?"),
    });
  });

  it("that are wrong in whatever way are 422 (issue 11)", () => {
    const wrong = [
      { "fetch.min.bytes": -10 },
      { responseMinBytes: -10 },
      { requestWaitMs: "soon" },
      { "topic.metadata.refresh.interval.ms": -2 },
      { "auto.offset.reset": "bar" },
      { "auto.commit.enable": "perhaps" },
      { "max.poll.records": 0 },
      { format: "avro" },
      { id: ".." },
      { nmae: "a" },
    ];
    for (const body of wrong) {
      const answer = read(body);
      const refused = answer.ok ? "accepted" : ERRORS[answer.error];
      expect(refused, JSON.stringify(body)).toMatchObject({ http: 422, rest: 42204 });
    }
  });

  it("of any request are read, or refused by a row of the table", () => {
    const name = fc.oneof(fc.constantFrom(...Object.keys(INSTANCE_SETTINGS)), fc.string());
    const body = fc.oneof(fc.jsonValue(), fc.dictionary(name, fc.jsonValue(), { maxKeys: 4 }));
    const refusals = ["INVALID_REQUEST", "INVALID_CONSUMER_CONFIG"];
    fc.assert(
      fc.property(body, (said) => {
        const answer = read(said);
        if (answer.ok) return;
        expect(refusals).toContain(answer.error);
        expect(ERRORS[answer.error].http).toBeLessThan(500);
      }),
      { numRuns: 3_000 },
    );
  });
});
