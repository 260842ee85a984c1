/** Partitions, replicas, offsets and deleting records over v3, and all of read-only v2. */
import { describe, expect, it } from "vitest";
import { append, bodyOf, call, CLUSTER, expectError, newTopic, ORIGIN } from "./admin-support.ts";

const partitionsOf = (topic: string) => `${CLUSTER}/topics/${topic}/partitions`;

/** How the only replica of a partition is shown, with its log's end. */
const onlyReplica = (brokerId: number, end: number) => ({
  broker_id: brokerId,
  generation: expect.any(Number),
  is_leader: true,
  is_in_sync: true,
  is_fenced: false,
  is_adding: false,
  is_removing: false,
  is_reachable: true,
  storage: "sound",
  log_start_offset: 0,
  high_watermark: end,
  log_end_offset: end,
  fencing_token: "",
});

describe("partitions", () => {
  it("are described with leader, in-sync set and offsets", async () => {
    const topic = await newTopic({ partitions_count: 2 });
    await append(topic, 1);
    await append(topic, 1);
    const list = await bodyOf(await call(`${partitionsOf(topic)}?offsets=true`));
    const self = ORIGIN + partitionsOf(topic);
    expect(list).toMatchObject({ kind: "KafkaPartitionList", metadata: { self, next: null } });
    expect(list.data).toHaveLength(2);
    const leader = list.data[1].in_sync_replicas[0];
    expect(list.data[1]).toEqual({
      kind: "KafkaPartition",
      metadata: {
        self: `${self}/1`,
        resource_name: `crn:///kafka=odradek/topic=${topic}/partition=1`,
      },
      cluster_id: "odradek",
      topic_name: topic,
      partition_id: 1,
      leader: { related: `${self}/1/replicas/${leader}` },
      leader_id: leader,
      replicas: { related: `${self}/1/replicas` },
      reassignment: { related: `${self}/1/reassignment` },
      leader_epoch: expect.any(Number),
      partition_epoch: expect.any(Number),
      in_sync_replicas: [expect.any(Number)],
      replica_states: [onlyReplica(leader, 2)],
      log_start_offset: 0,
      high_watermark: 2,
      log_end_offset: 2,
      fencing_token: "",
    });
    expect(await bodyOf(await call(`${partitionsOf(topic)}/1`))).toEqual(list.data[1]);
  });

  it("have replicas", async () => {
    const topic = await newTopic();
    const self = `${ORIGIN}${partitionsOf(topic)}/0/replicas`;
    const list = await bodyOf(await call(`${partitionsOf(topic)}/0/replicas`));
    expect(list).toMatchObject({ kind: "KafkaReplicaList", metadata: { self, next: null } });
    const id = list.data[0].broker_id;
    expect(list.data).toEqual([
      {
        kind: "KafkaReplica",
        metadata: {
          self: `${self}/${id}`,
          resource_name: `crn:///kafka=odradek/topic=${topic}/partition=0/replica=${id}`,
        },
        cluster_id: "odradek",
        topic_name: topic,
        partition_id: 0,
        ...onlyReplica(id, 0),
        broker: { related: `${ORIGIN}${CLUSTER}/brokers/${id}` },
      },
    ]);
    const one = `${partitionsOf(topic)}/0/replicas`;
    expect(await bodyOf(await call(`${one}/${id}`))).toEqual(list.data[0]);
    await expectError(await call(`${one}/99`), "BROKER_NOT_FOUND");
    await expectError(await call(`${one}/x`), "BROKER_NOT_FOUND");
  });

  it("that do not exist are 40403, of topics that do not exist 40401", async () => {
    const topic = await newTopic();
    const tails = ["", "/replicas", "/replicas/1", "/offset", "/reassignment"];
    for (const tail of tails) {
      for (const partition of ["1", "-1", "x", "99999999999999999999", "0x0"]) {
        const response = await call(`${partitionsOf(topic)}/${partition}${tail}`);
        await expectError(response, "UNKNOWN_TOPIC_OR_PARTITION");
      }
      await expectError(await call(`${partitionsOf("nowhere")}/0${tail}`), "UNKNOWN_TOPIC");
      await expectError(await call(`${partitionsOf("a b")}/0${tail}`), "INVALID_TOPIC_EXCEPTION");
    }
    await expectError(await call(partitionsOf("nowhere")), "UNKNOWN_TOPIC");
  });
});

describe("offsets", () => {
  it("are where the log begins and ends, and where a time is", async () => {
    const topic = await newTopic();
    for (const timestamp of [1_000, 3_000, 2_000]) await append(topic, 0, timestamp);
    const path = `${partitionsOf(topic)}/0/offset`;
    const ends = {
      kind: "KafkaPartitionWithOffsets",
      metadata: {
        self: ORIGIN + path,
        resource_name: `crn:///kafka=odradek/topic=${topic}/partition=0/offset`,
      },
      cluster_id: "odradek",
      topic_name: topic,
      partition_id: 0,
      earliest_offset: 0,
      latest_offset: 3,
    };
    expect(await bodyOf(await call(path))).toEqual(ends);
    const at = async (timestamp: string) => {
      const {
        offset,
        timestamp: found,
        ...rest
      } = await bodyOf(await call(`${path}?timestamp=${timestamp}`));
      expect(rest).toEqual(ends);
      return [offset, found];
    };
    expect(await at("0")).toEqual([0, 1_000]);
    expect(await at("1001")).toEqual([1, 3_000]);
    expect(await at("3000")).toEqual([1, 3_000]);
    expect(await at("3001")).toEqual([null, null]);
    expect(await at("max")).toEqual([1, 3_000]);
    for (const timestamp of ["", "-1", "now", "1.5", "1e3"]) {
      await expectError(await call(`${path}?timestamp=${timestamp}`), "INVALID_REQUEST");
    }
  });
});

describe("deleting records", () => {
  const remove = (topic: string, query: string) =>
    call(`${partitionsOf(topic)}/0/records${query}`, { method: "DELETE" });

  it("raises the log start, and keeps offsets", async () => {
    const topic = await newTopic();
    for (let i = 0; i < 4; i += 1) await append(topic);
    expect(await bodyOf(await remove(topic, "?before=3"))).toEqual({
      cluster_id: "odradek",
      topic_name: topic,
      partition_id: 0,
      log_start_offset: 3,
    });
    const ends = async () => bodyOf(await call(`${partitionsOf(topic)}/0/offset`));
    expect(await ends()).toMatchObject({ earliest_offset: 3, latest_offset: 4 });
    const lower = await bodyOf(await remove(topic, "?before=1"));
    expect(lower.log_start_offset).toBe(3);
    expect((await bodyOf(await remove(topic, "?before=latest"))).log_start_offset).toBe(4);
    expect(await append(topic)).toBe(4);
    expect((await bodyOf(await remove(topic, "?before=-1"))).log_start_offset).toBe(5);
    expect(await ends()).toMatchObject({ earliest_offset: 5, latest_offset: 5 });
  });

  it("refuses what cannot be", async () => {
    const topic = await newTopic();
    await append(topic);
    await expectError(await remove(topic, "?before=2"), "OFFSET_OUT_OF_RANGE");
    for (const query of ["", "?before=", "?before=x", "?before=-2", "?before=1.5"]) {
      await expectError(await remove(topic, query), "INVALID_REQUEST");
    }
    await expectError(await remove("nowhere", "?before=0"), "UNKNOWN_TOPIC");
    const other = await call(`${partitionsOf(topic)}/7/records?before=0`, { method: "DELETE" });
    await expectError(other, "UNKNOWN_TOPIC_OR_PARTITION");
    expect(await append(topic)).toBe(1);
  });
});

describe("v2", () => {
  it("lists topics by name, and describes one", async () => {
    const topic = await newTopic({
      partitions_count: 2,
      configs: [{ name: "retention.ms", value: "5000" }],
    });
    const names: string[] = await bodyOf(await call("/topics"));
    expect(names).toContain(topic);
    expect(names).toEqual(names.toSorted());

    const described = await bodyOf(await call(`/topics/${topic}`));
    expect(described).toMatchObject({
      name: topic,
      configs: { "retention.ms": "5000", "compression.type": "producer" },
      partitions: [{ partition: 0 }, { partition: 1 }],
    });
    expect(described.configs).not.toHaveProperty("cluster.id");
    const partitions = await bodyOf(await call(`/topics/${topic}/partitions`));
    expect(partitions).toEqual(described.partitions);
    const { leader } = partitions[1];
    expect(await bodyOf(await call(`/topics/${topic}/partitions/1`))).toEqual({
      partition: 1,
      leader,
      replicas: [{ broker: leader, leader: true, in_sync: true }],
    });
  });

  it("says where a partition begins and ends", async () => {
    const topic = await newTopic();
    await append(topic);
    expect(await bodyOf(await call(`/topics/${topic}/partitions/0/offsets`))).toEqual({
      beginning_offset: 0,
      end_offset: 1,
    });
  });

  it("lists brokers", async () => {
    expect(await bodyOf(await call("/brokers"))).toEqual({ brokers: [1, 2, 3] });
  });

  it("answers in the media type that the caller accepts", async () => {
    const v2 = "application/vnd.kafka.v2+json";
    const cases: [string | null, string][] = [
      [null, "application/json"],
      ["*/*", "application/json"],
      ["application/*", "application/json"],
      ["application/json", "application/json"],
      [v2, v2],
      [`${v2}, application/json`, v2],
      [`application/json;q=0.5, ${v2}`, v2],
      [`${v2};q=0.1, application/vnd.kafka+json;q=0.2`, "application/vnd.kafka+json"],
      ["text/html, */*;q=0.1", "application/json"],
    ];
    for (const [accept, type] of cases) {
      const headers: Record<string, string> = accept === null ? {} : { accept };
      const response = await call("/topics", { headers });
      expect(response.headers.get("content-type"), String(accept)).toBe(type);
    }
    const unacceptable = ["text/plain", "application/vnd.kafka.avro.v2+json", "*/*;q=0", "image/*"];
    for (const accept of unacceptable) {
      await expectError(await call("/topics", { headers: { accept } }), "NOT_ACCEPTABLE");
    }
  });

  it("knows unknown topics and partitions by its own codes", async () => {
    const topic = await newTopic();
    await expectError(await call("/topics/nowhere"), "UNKNOWN_TOPIC");
    await expectError(await call("/topics/nowhere/partitions"), "UNKNOWN_TOPIC");
    await expectError(await call("/topics/nowhere/partitions/0"), "UNKNOWN_TOPIC");
    await expectError(await call("/topics/nowhere/partitions/0/offsets"), "UNKNOWN_TOPIC");
    await expectError(await call("/topics/a%20b"), "INVALID_TOPIC_EXCEPTION");
    for (const partition of ["1", "x", "-1"]) {
      const path = `/topics/${topic}/partitions/${partition}`;
      await expectError(await call(path), "UNKNOWN_PARTITION");
      await expectError(await call(`${path}/offsets`), "UNKNOWN_PARTITION");
    }
  });
});
