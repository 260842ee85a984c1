/** The settings of topics over v3: listed, set, altered and reset. */
import { describe, expect, it } from "vitest";
import { TOPIC_CONFIG_NAMES } from "../../src/base/config.ts";
import {
  bodyOf,
  call,
  CLUSTER,
  environment,
  expectError,
  newTopic,
  ORIGIN,
} from "./admin-support.ts";

const TOPICS = `${CLUSTER}/topics`;
const URL_C = ORIGIN + CLUSTER;

const post = (path: string, json: unknown) => call(path, { method: "POST", json });
const put = (path: string, json: unknown) => call(path, { method: "PUT", json });
const remove = (path: string) => call(path, { method: "DELETE" });

describe("settings", () => {
  const value = async (topic: string, name: string) =>
    (await bodyOf(await call(`${TOPICS}/${topic}/configs/${name}`))).value;

  it("are listed with their defaults, and say where they come from", async () => {
    const topic = await newTopic({ configs: [{ name: "retention.ms", value: "60000" }] });
    const list = await bodyOf(await call(`${TOPICS}/${topic}/configs`));
    const self = `${URL_C}/topics/${topic}/configs`;
    expect(list).toMatchObject({ kind: "KafkaTopicConfigList", metadata: { self, next: null } });
    const names = list.data.map((config: { name: string }) => config.name);
    expect(names).toEqual(TOPIC_CONFIG_NAMES);
    const own = list.data.find((config: { name: string }) => config.name === "retention.ms");
    expect(own).toEqual({
      kind: "KafkaTopicConfig",
      metadata: {
        self: `${self}/retention.ms`,
        resource_name: `crn:///kafka=odradek/topic=${topic}/config=retention.ms`,
      },
      cluster_id: "odradek",
      topic_name: topic,
      name: "retention.ms",
      value: "60000",
      is_default: false,
      is_read_only: false,
      is_sensitive: false,
      source: "DYNAMIC_TOPIC_CONFIG",
      synonyms: [
        { name: "retention.ms", value: "60000", source: "DYNAMIC_TOPIC_CONFIG" },
        { name: "log.retention.ms", value: "604800000", source: "DEFAULT_CONFIG" },
      ],
    });
    const other = list.data.find((config: { name: string }) => config.name === "segment.bytes");
    expect(other).toMatchObject({
      value: "67108864",
      is_default: true,
      source: "DEFAULT_CONFIG",
      synonyms: [{ source: "DEFAULT_CONFIG" }],
    });
  });

  it("may come from the environment, when it says something legible", async () => {
    const topic = await newTopic();
    const env = environment({
      OPEN_ON_LOOPBACK: "true",
      RETENTION_MS: "5000",
      SEGMENT_MS: "not a number",
    });
    const config = await bodyOf(await call(`${TOPICS}/${topic}/configs/retention.ms`, {}, env));
    expect(config).toMatchObject({
      value: "5000",
      is_default: false,
      source: "STATIC_BROKER_CONFIG",
      synonyms: [{ value: "5000", source: "STATIC_BROKER_CONFIG" }, { source: "DEFAULT_CONFIG" }],
    });
    const ignored = await bodyOf(await call(`${TOPICS}/${topic}/configs/segment.ms`, {}, env));
    expect(ignored).toMatchObject({ value: "604800000", source: "DEFAULT_CONFIG" });
  });

  it("are set one by one, and returned to their default", async () => {
    const topic = await newTopic();
    const path = `${TOPICS}/${topic}/configs/retention.ms`;
    expect((await put(path, { value: "1234" })).status).toBe(204);
    expect(await value(topic, "retention.ms")).toBe("1234");
    expect((await remove(path)).status).toBe(204);
    expect(await value(topic, "retention.ms")).toBe("604800000");
  });

  it("are altered together, all or none", async () => {
    const topic = await newTopic({ configs: [{ name: "segment.ms", value: "9000" }] });
    const path = `${TOPICS}/${topic}/configs:alter`;
    const data = [
      { name: "retention.ms", value: "1000" },
      { name: "compression.type", value: "zstd", operation: "SET" },
      { name: "segment.ms", operation: "DELETE" },
    ];
    expect((await post(path, { data, validate_only: true })).status).toBe(204);
    expect(await value(topic, "retention.ms")).toBe("604800000");
    const broken = [...data, { name: "retention.bytes", value: "many" }];
    await expectError(await post(path, { data: broken }), "INVALID_CONFIG");
    expect(await value(topic, "compression.type")).toBe("producer");
    expect((await post(path, { data })).status).toBe(204);
    expect(await value(topic, "retention.ms")).toBe("1000");
    expect(await value(topic, "compression.type")).toBe("zstd");
    expect(await value(topic, "segment.ms")).toBe("604800000");
  });

  it("are refused for what is wrong with them", async () => {
    const topic = await newTopic();
    const of = (name: string) => `${TOPICS}/${topic}/configs/${name}`;
    for (const name of ["no.such", "cluster.id", "__proto__", "toString"]) {
      await expectError(await call(of(name)), "UNKNOWN_CONFIG");
      await expectError(await put(of(name), { value: "1" }), "UNKNOWN_CONFIG");
      await expectError(await remove(of(name)), "UNKNOWN_CONFIG");
    }
    const meant = "Unknown topic config name: retention.mss; did you mean retention.ms?";
    expect(await expectError(await call(of("retention.mss")), "UNKNOWN_CONFIG")).toBe(meant);
    const data = [{ name: "retention.mss", value: "1" }];
    const altered = await post(`${TOPICS}/${topic}/configs:alter`, { data });
    expect(await expectError(altered, "INVALID_CONFIG")).toBe(meant);
    await expectError(await put(of("retention.ms"), { value: "soon" }), "INVALID_CONFIG");
    await expectError(await put(of("retention.ms"), { value: null }), "INVALID_CONFIG");
    await expectError(await put(of("retention.ms"), {}), "INVALID_REQUEST");
    await expectError(await put(of("retention.ms"), { value: 5 }), "INVALID_REQUEST");
    const alter = `${TOPICS}/${topic}/configs:alter`;
    await expectError(await post(alter, {}), "INVALID_REQUEST");
    await expectError(await post(alter, { data: [{ name: "x", value: "1" }] }), "INVALID_CONFIG");
    const appended = { name: "retention.ms", value: "1", operation: "APPEND" };
    await expectError(await post(alter, { data: [appended] }), "INVALID_CONFIG");
    const twice = { name: "retention.ms", value: "1" };
    await expectError(await post(alter, { data: [twice, twice] }), "INVALID_REQUEST");
  });

  it("of a topic that does not exist are 404", async () => {
    const of = `${TOPICS}/nowhere/configs`;
    await expectError(await call(of), "UNKNOWN_TOPIC");
    await expectError(await call(`${of}/retention.ms`), "UNKNOWN_TOPIC");
    await expectError(await put(`${of}/retention.ms`, { value: "1" }), "UNKNOWN_TOPIC");
    await expectError(await remove(`${of}/retention.ms`), "UNKNOWN_TOPIC");
    await expectError(await post(`${of}:alter`, { data: [] }), "UNKNOWN_TOPIC");
  });
});
