/** Proves that settings are read as the config table says: bounds, defaults, precedence. */
import fc from "fast-check";
import { assert, describe, expect, test } from "vitest";
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
  settingOf,
  TOPIC_CONFIG_NAMES,
} from "../../../src/base/config.ts";
import { BROKER_SETTINGS } from "../../../src/base/config/brokers.ts";
import { GROUP_SETTINGS } from "../../../src/base/config/groups.ts";
import { LISTENER_SETTINGS } from "../../../src/base/config/listeners.ts";
import { SERVICE_SETTINGS } from "../../../src/base/config/service.ts";
import { TOPIC_SETTINGS } from "../../../src/base/config/topics.ts";
import { TOPIC_SETTINGS_WITHOUT_EFFECT } from "../../../src/base/config/without-effect.ts";
import { INT_MAX } from "../../../src/base/limits.ts";
import { KAFKA_DEFAULTS } from "./kafka-defaults.ts";

const integers = CONFIG_NAMES.filter(
  (name) => settingOf(name).kind === "integer" && settingOf(name).only === undefined,
);
const longs = CONFIG_NAMES.filter((name) => settingOf(name).kind === "long");

describe("the config table", () => {
  test("has no setting in two of its parts", () => {
    const parts = [
      TOPIC_SETTINGS,
      TOPIC_SETTINGS_WITHOUT_EFFECT,
      BROKER_SETTINGS,
      SERVICE_SETTINGS,
      GROUP_SETTINGS,
      LISTENER_SETTINGS,
    ];
    expect(parts.flatMap((part) => Object.keys(part)).toSorted()).toEqual(CONFIG_NAMES.toSorted());
  });

  test.for(CONFIG_NAMES)("%s takes its own default", (name) => {
    expect(parseConfig(name, defaultText(name))).toEqual({
      ok: true,
      value: CONFIG[name].fallback,
      text: defaultText(name),
    });
  });

  test.for(integers)("%s takes its bounds and nothing beyond them", (name) => {
    const { min, max } = settingOf(name);
    expect(parseConfig(name, String(min))).toMatchObject({ ok: true, value: min });
    expect(parseConfig(name, String(max))).toMatchObject({ ok: true, value: max });
    expect(parseConfig(name, String(min! - 1)).ok).toBe(false);
    expect(parseConfig(name, String(max! + 1)).ok).toBe(false);
  });

  test.for(["", " ", "1.5", "1e3", "0x10", "Infinity", "NaN", "١", "1 2", "99999999999999999"])(
    "no integer setting takes %j",
    (written) => {
      for (const name of integers) expect(parseConfig(name, written).ok).toBe(false);
    },
  );

  test.for(longs)("%s takes what a Java long holds and keeps its text", (name) => {
    const { min } = settingOf(name);
    const max = "9223372036854775807";
    expect(parseConfig(name, max)).toEqual({ ok: true, value: INT_MAX, text: max });
    expect(parseConfig(name, String(min))).toMatchObject({ ok: true, value: min });
    for (const beyond of ["9223372036854775808", String(min! - 1), "1.5", "", "1e3"]) {
      expect(parseConfig(name, beyond).ok).toBe(false);
    }
  });

  test.for([
    ["compact,delete", true],
    [" delete , compact ", true],
    ["", true],
    ["delete,delete", false],
    ["shred", false],
    ["delete,", false],
  ] as const)("cleanup.policy %j is taken: %j", ([written, isTaken]) => {
    expect(parseConfig("cleanup.policy", written).ok).toBe(isTaken);
  });

  test("throttled replicas are pairs or a star", () => {
    const name = "leader.replication.throttled.replicas";
    for (const written of ["", "*", "0:1", "0:1,1:2"]) {
      expect(parseConfig(name, written)).toMatchObject({ ok: true, text: written });
    }
    for (const written of ["0", "a:b", "0:1;1:2"])
      expect(parseConfig(name, written).ok).toBe(false);
  });

  test.for([
    ["remote.storage.enable", "true", "there is no tiered storage"],
    ["errors.deadletterqueue.group.enable", "true", "there are no share groups"],
    ["max.decompressed.message.bytes", "1000", "single records are not bounded"],
  ] as const)("%s=%s would be a lie and is refused with the reason", ([name, written, reason]) => {
    const parsed = parseConfig(name, written);
    expect(parsed.ok ? "" : parsed.problem).toContain(reason);
  });

  // As org.apache.kafka.storage.internals.log.LogConfig of 4.4.0 writes them.
  test.for(Object.entries(KAFKA_DEFAULTS))("Kafka's default of %s is taken: %j", ([name, text]) => {
    assert(isTopicConfig(name));
    expect(parseConfig(name, text)).toMatchObject({ ok: true, text });
  });

  test("a boolean is true or false, in any case, and nothing else", () => {
    const name = "auto.create.topics.enable";
    expect(parseConfig(name, "TRUE")).toEqual({ ok: true, value: true, text: "true" });
    expect(parseConfig(name, " false ")).toEqual({ ok: true, value: false, text: "false" });
    for (const written of ["", "1", "yes", "truee"])
      expect(parseConfig(name, written).ok).toBe(false);
  });

  test("a choice is one of its words, exactly", () => {
    expect(parseConfig("compression.type", "zstd")).toMatchObject({ ok: true, value: "zstd" });
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
          expect(parsed.ok ? typeof parsed.text : typeof parsed.problem).toBe("string");
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
