/** Proves that settings are read as the config table says: bounds, defaults, precedence. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CONFIG,
  CONFIG_NAMES,
  configFromEnvironment,
  defaultText,
  effectiveConfig,
  environmentName,
  isConfigName,
  isTopicConfig,
  parseConfig,
  TOPIC_CONFIG_NAMES,
} from "../../../src/base/config.ts";

const integers = CONFIG_NAMES.filter((name) => CONFIG[name].kind === "integer");

describe("the config table", () => {
  test.for(CONFIG_NAMES)("%s takes its own default", (name) => {
    expect(parseConfig(name, defaultText(name))).toEqual({
      ok: true,
      value: CONFIG[name].fallback,
    });
  });

  test.for(integers)("%s takes its bounds and nothing beyond them", (name) => {
    const { min, max } = CONFIG[name];
    expect(parseConfig(name, String(min))).toEqual({ ok: true, value: min });
    expect(parseConfig(name, String(max))).toEqual({ ok: true, value: max });
    expect(parseConfig(name, String(min! - 1)).ok).toBe(false);
    expect(parseConfig(name, String(max! + 1)).ok).toBe(false);
  });

  test.for(["", " ", "1.5", "1e3", "0x10", "Infinity", "NaN", "١", "1 2", "99999999999999999"])(
    "no integer setting takes %j",
    (written) => {
      for (const name of integers) expect(parseConfig(name, written).ok).toBe(false);
    },
  );

  test("a boolean is true or false, in any case, and nothing else", () => {
    const name = "auto.create.topics.enable";
    expect(parseConfig(name, "TRUE")).toEqual({ ok: true, value: true });
    expect(parseConfig(name, " false ")).toEqual({ ok: true, value: false });
    for (const written of ["", "1", "yes", "truee"])
      expect(parseConfig(name, written).ok).toBe(false);
  });

  test("a choice is one of its words, exactly", () => {
    expect(parseConfig("compression.type", "zstd")).toEqual({ ok: true, value: "zstd" });
    for (const written of ["", "ZSTD", "brotli"]) {
      const parsed = parseConfig("compression.type", written);
      expect(parsed.ok ? "" : parsed.problem).toContain("producer, uncompressed, gzip");
    }
  });

  test("no text makes the parser throw", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CONFIG_NAMES),
        fc.string({ unit: "binary" }),
        (name, written) => {
          const parsed = parseConfig(name, written);
          expect(parsed.ok ? typeof parsed.value : typeof parsed.problem).toMatch(
            /string|number|boolean/,
          );
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("what is inherited from Object is no setting", () => {
    for (const name of ["constructor", "__proto__", "toString"])
      expect(isConfigName(name)).toBe(false);
  });

  test("a topic carries topic settings only", () => {
    expect(isTopicConfig("retention.ms")).toBe(true);
    expect(isTopicConfig("cluster.id")).toBe(false);
    expect(TOPIC_CONFIG_NAMES).not.toContain("queued.max.bytes");
  });
});

describe("the effective configuration", () => {
  test("takes each setting from the first source that names it", () => {
    const topic = { "retention.ms": "1" };
    const service = { "retention.ms": "2", "segment.ms": "3" };
    const config = effectiveConfig(topic, service);
    expect(config["retention.ms"]).toBe(1);
    expect(config["segment.ms"]).toBe(3);
    expect(config["segment.bytes"]).toBe(CONFIG["segment.bytes"].fallback);
  });

  test("passes over a value that no longer parses", () => {
    expect(effectiveConfig({ "segment.ms": "0" }, { "segment.ms": "7" })["segment.ms"]).toBe(7);
  });

  test("reads the environment under environment names, and leaves alone what is empty or foreign", () => {
    const env = { RETENTION_MS: "5", SEGMENT_MS: "", API_KEYS: "secret", PARTITION: {} };
    expect(configFromEnvironment(env)).toEqual({ "retention.ms": "5" });
  });

  test("gives every setting an environment name of its own", () => {
    expect(new Set(CONFIG_NAMES.map(environmentName)).size).toBe(CONFIG_NAMES.length);
  });
});
