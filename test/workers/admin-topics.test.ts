/** The administration routes of v3 that concern the cluster, topics and settings, through the real objects. */
import { describe, expect, it } from "vitest";
import { ADMIN_BODY_BYTES_MAX } from "../../src/worker/read-json.ts";
import { append, bodyOf, call, CLUSTER, expectError, newTopic, ORIGIN } from "./admin-support.ts";

const TOPICS = `${CLUSTER}/topics`;
const URL_C = ORIGIN + CLUSTER;

const post = (path: string, json: unknown) => call(path, { method: "POST", json });
const patch = (path: string, json: unknown) => call(path, { method: "PATCH", json });
const remove = (path: string) => call(path, { method: "DELETE" });

describe("the cluster", () => {
  it("is listed and described, with absolute links and its resource name", async () => {
    const cluster = await bodyOf(await call(CLUSTER));
    expect(cluster).toMatchObject({
      kind: "KafkaCluster",
      metadata: { self: URL_C, resource_name: "crn:///kafka=odradek" },
      cluster_id: "odradek",
      topics: { related: `${URL_C}/topics` },
      brokers: { related: `${URL_C}/brokers` },
    });
    expect(await bodyOf(await call("/v3/clusters"))).toEqual({
      kind: "KafkaClusterList",
      metadata: { self: `${ORIGIN}/v3/clusters`, next: null },
      data: [cluster],
    });
  });

  it("has brokers", async () => {
    const list = await bodyOf(await call(`${CLUSTER}/brokers`));
    expect(list).toMatchObject({
      kind: "KafkaBrokerList",
      metadata: { self: `${URL_C}/brokers`, next: null },
    });
    expect(list.data.map((broker: { broker_id: number }) => broker.broker_id)).toEqual([1, 2, 3]);
    expect(list.data[0]).toMatchObject({
      kind: "KafkaBroker",
      metadata: { self: `${URL_C}/brokers/1`, resource_name: "crn:///kafka=odradek/broker=1" },
      cluster_id: "odradek",
      host: null,
      port: null,
      state: "active",
      configs: { related: `${URL_C}/brokers/1/configs` },
      partition_replicas: { related: `${URL_C}/brokers/1/partition-replicas` },
    });
    expect(await bodyOf(await call(`${CLUSTER}/brokers/1`))).toEqual(list.data[0]);
    for (const id of ["9", "x", "-1", "1.0"]) {
      await expectError(await call(`${CLUSTER}/brokers/${id}`), "BROKER_NOT_FOUND");
    }
  });

  it("hands out a producer id once", async () => {
    const ids = await Promise.all(
      Array.from({ length: 8 }, async () => bodyOf(await post(`${CLUSTER}/producer-ids`, {}))),
    );
    expect(new Set(ids.map((id) => id.producer_id)).size).toBe(8);
    for (const id of ids) {
      expect(id).toEqual({ producer_id: expect.any(Number), producer_epoch: 0 });
    }
  });
});

describe("topics", () => {
  it("are created with what is asked for, and described", async () => {
    const created = await post(TOPICS, {
      topic_name: "orders.v1_a-B",
      partitions_count: 3,
      replication_factor: 1,
      configs: [
        { name: "retention.ms", value: "60000" },
        { name: "segment.ms", value: null },
      ],
    });
    expect(created.headers.get("location")).toBe(`${URL_C}/topics/orders.v1_a-B`);
    const topic = await bodyOf(created, 201);
    expect(topic).toMatchObject({
      kind: "KafkaTopic",
      metadata: {
        self: `${URL_C}/topics/orders.v1_a-B`,
        resource_name: "crn:///kafka=odradek/topic=orders.v1_a-B",
      },
      cluster_id: "odradek",
      topic_name: "orders.v1_a-B",
      topic_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      is_internal: false,
      replication_factor: 1,
      partitions_count: 3,
      partitions: { related: `${URL_C}/topics/orders.v1_a-B/partitions` },
      configs: { related: `${URL_C}/topics/orders.v1_a-B/configs` },
    });
    expect(await bodyOf(await call(`${TOPICS}/orders.v1_a-B`))).toEqual(topic);
    const config = await bodyOf(await call(`${TOPICS}/orders.v1_a-B/configs/retention.ms`));
    expect(config.value).toBe("60000");
    const other = await bodyOf(await call(`${TOPICS}/orders.v1_a-B/configs/segment.ms`));
    expect(other.is_default).toBe(true);
  });

  it("are listed by name", async () => {
    await newTopic();
    await post(TOPICS, { topic_name: "aaa" });
    const list = await bodyOf(await call(TOPICS));
    expect(list).toMatchObject({
      kind: "KafkaTopicList",
      metadata: { self: `${URL_C}/topics`, next: null },
    });
    const names = list.data.map((topic: { topic_name: string }) => topic.topic_name);
    expect(names).toEqual(names.toSorted());
    expect(names).toContain("aaa");
    expect(list.data[0]).toEqual(await bodyOf(await call(`${TOPICS}/${names[0]}`)));
  });

  it("get the service's default number of partitions", async () => {
    const topic = await newTopic();
    expect((await bodyOf(await call(`${TOPICS}/${topic}`))).partitions_count).toBe(1);
  });

  it("are only checked with validate_only", async () => {
    const json = { topic_name: "checked", partitions_count: 2, validate_only: true };
    const checked = await post(TOPICS, json);
    expect(checked.headers.get("location")).toBeNull();
    expect(await bodyOf(checked)).toMatchObject({ topic_name: "checked", partitions_count: 2 });
    await expectError(await call(`${TOPICS}/checked`), "UNKNOWN_TOPIC");
    await expectError(await post(TOPICS, { ...json, partitions_count: 0 }), "INVALID_PARTITIONS");
  });

  it("are refused for what is wrong with them, by the table", async () => {
    const topic = await newTopic();
    const cases = [
      [{ topic_name: topic }, "TOPIC_ALREADY_EXISTS"],
      [{ topic_name: "a b" }, "INVALID_TOPIC_EXCEPTION"],
      [{ topic_name: "" }, "INVALID_TOPIC_EXCEPTION"],
      [{ topic_name: ".." }, "INVALID_TOPIC_EXCEPTION"],
      [{ topic_name: "x".repeat(250) }, "INVALID_TOPIC_EXCEPTION"],
      [{ topic_name: "t", partitions_count: 0 }, "INVALID_PARTITIONS"],
      [{ topic_name: "t", partitions_count: -1 }, "INVALID_PARTITIONS"],
      [{ topic_name: "t", partitions_count: 1_000_000 }, "INVALID_PARTITIONS"],
      [{ topic_name: "t", replication_factor: 4 }, "INVALID_REPLICATION_FACTOR"],
      [{ topic_name: "t", replication_factor: 0 }, "INVALID_REPLICATION_FACTOR"],
      [{ topic_name: "t", replicas_assignments: { "1": [1] } }, "INVALID_REPLICA_ASSIGNMENT"],
      [{ topic_name: "t", configs: [{ name: "no.such", value: "1" }] }, "INVALID_CONFIG"],
      [{ topic_name: "t", configs: [{ name: "__proto__", value: "1" }] }, "INVALID_CONFIG"],
      [{ topic_name: "t", configs: [{ name: "cluster.id", value: "1" }] }, "INVALID_CONFIG"],
      [{ topic_name: "t", configs: [{ name: "retention.ms", value: "soon" }] }, "INVALID_CONFIG"],
      [
        {
          topic_name: "t",
          configs: [
            { name: "retention.ms", value: "1" },
            { name: "retention.ms", value: "2" },
          ],
        },
        "INVALID_REQUEST",
      ],
    ] as const;
    for (const [json, error] of cases) await expectError(await post(TOPICS, json), error);
    await expectError(await call(`${TOPICS}/t`), "UNKNOWN_TOPIC");
  });

  it("grow, and never shrink", async () => {
    const topic = await newTopic({ partitions_count: 2 });
    expect(await append(topic, 1)).toBe(0);
    const grown = await bodyOf(await patch(`${TOPICS}/${topic}`, { partitions_count: 4 }));
    expect(grown).toMatchObject({ kind: "KafkaTopic", topic_name: topic, partitions_count: 4 });
    expect(await append(topic, 3)).toBe(0);
    expect(await append(topic, 1)).toBe(1);
    for (const partitions_count of [4, 3, 0, -1, 1_000_000]) {
      await expectError(
        await patch(`${TOPICS}/${topic}`, { partitions_count }),
        "INVALID_PARTITIONS",
      );
    }
    await expectError(await patch(`${TOPICS}/nowhere`, { partitions_count: 2 }), "UNKNOWN_TOPIC");
    await expectError(
      await patch(`${TOPICS}/${topic}`, { partitions_count: 2.5 }),
      "INVALID_REQUEST",
    );
  });

  it("are deleted, and empty when created again", async () => {
    const topic = await newTopic();
    await append(topic);
    const deleted = await remove(`${TOPICS}/${topic}`);
    expect(deleted.status).toBe(204);
    expect(await deleted.text()).toBe("");
    await expectError(await call(`${TOPICS}/${topic}`), "UNKNOWN_TOPIC");
    await expectError(await remove(`${TOPICS}/${topic}`), "UNKNOWN_TOPIC");
    expect((await post(TOPICS, { topic_name: topic })).status).toBe(201);
    expect(await append(topic)).toBe(0);
  });
});

describe("bodies", () => {
  it("that are not what the route reads are refused, and say what is wrong", async () => {
    const cases: [string, string][] = [
      ["", "The body is not JSON in UTF-8."],
      ["{", "The body is not JSON in UTF-8."],
      ["[]", "The body:"],
      ["null", "The body:"],
      ["{}", "topic_name:"],
      ['{"topic_name":1}', "topic_name:"],
      ['{"topic_name":"t","partitions_count":"3"}', "partitions_count:"],
      ['{"topic_name":"t","partitions_count":1e99}', "partitions_count:"],
      ['{"topic_name":"t","configs":{}}', "configs:"],
      ['{"topic_name":"t","configs":[{"value":"1"}]}', "configs.0.name:"],
    ];
    for (const [body, says] of cases) {
      const headers = { "content-type": "application/json" };
      const response = await call(TOPICS, { method: "POST", body, headers });
      expect(await expectError(response, "INVALID_REQUEST"), body).toContain(says);
    }
    const notUtf8 = await call(TOPICS, {
      method: "POST",
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    await expectError(notUtf8, "INVALID_REQUEST");
  });

  it("must be JSON by their type; without a type they are taken for it", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/xml"]) {
      const headers = { "content-type": type };
      const response = await call(TOPICS, { method: "POST", body: '{"topic_name":"t"}', headers });
      await expectError(response, "UNSUPPORTED_MEDIA_TYPE");
    }
    const bytes = new TextEncoder().encode('{"topic_name":"untyped"}');
    expect((await call(TOPICS, { method: "POST", body: bytes })).status).toBe(201);
    const headers = { "content-type": "application/vnd.kafka.v2+json; charset=utf-8" };
    const typed = await call(TOPICS, { method: "POST", body: '{"topic_name":"typed"}', headers });
    expect(typed.status).toBe(201);
  });

  it("are bounded, whether their length is announced or not", async () => {
    const size = ADMIN_BODY_BYTES_MAX;
    const body = (bytes: number) => `{"topic_name":"t"}`.padEnd(bytes, " ");
    const announced = (bytes: number) =>
      call(TOPICS, {
        method: "POST",
        body: body(bytes),
        headers: { "content-type": "application/json", "content-length": String(bytes) },
      });
    await expectError(await announced(size + 1), "MESSAGE_TOO_LARGE");
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    await expectError(await call(TOPICS, { method: "POST", body: endless }), "MESSAGE_TOO_LARGE");
    expect(pulled).toBeLessThan(size / 65_536 + 8);
    await expectError(await call(`${TOPICS}/t`), "UNKNOWN_TOPIC");
    expect((await announced(size)).status).toBe(201);
  });
});
