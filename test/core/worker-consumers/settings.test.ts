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

  it("come to the same as strings", () => {
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
      error: "INVALID_CONSUMER_CONFIG_VALUE",
    });
    expect(readInstanceSpec(body, config, client).ok).toBe(true);
  });

  it("are all described, and nothing else is taken", () => {
    expect(Object.keys(instanceSchema.shape)).toEqual(Object.keys(INSTANCE_SETTINGS));
    for (const [name, schema] of Object.entries(instanceSchema.shape)) {
      expect(schema.description, name).toContain("Default: ");
    }
    for (const name of ["toString", "__proto__x", "Name"]) {
      expect(read({ [name]: 1 })).toMatchObject({ error: "INVALID_CONSUMER_CONFIG" });
    }
  });

  it("of any request are read, or refused by a row of the table", () => {
    const name = fc.oneof(fc.constantFrom(...Object.keys(INSTANCE_SETTINGS)), fc.string());
    const body = fc.oneof(fc.jsonValue(), fc.dictionary(name, fc.jsonValue(), { maxKeys: 4 }));
    const refusals = [
      "INVALID_REQUEST",
      "INVALID_CONSUMER_CONFIG",
      "INVALID_CONSUMER_CONFIG_VALUE",
    ];
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
