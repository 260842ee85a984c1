/**
 * Brokers, elections and reassignments over v3, and what the views show of a cluster that is not
 * whole. Each test puts the brokers that it changes back.
 */
import { afterEach, describe, expect, it } from "vitest";
import {
  bodyOf,
  call,
  CLUSTER,
  expectError,
  newTopic,
  ORIGIN,
  replicated,
} from "./admin-support.ts";
import { eventually } from "./eventually.ts";

const BROKERS = `${CLUSTER}/brokers`;

const post = (path: string, json?: unknown) =>
  call(path, { method: "POST", ...(json !== undefined && { json }) });
const partitionOf = async (topic: string, partition = 0) =>
  bodyOf(await call(`${CLUSTER}/topics/${topic}/partitions/${partition}`));
const produce = async (topic: string) =>
  bodyOf(
    await post(`${CLUSTER}/topics/${topic}/partitions/0/records:batch`, {
      records: [{ value: { type: "STRING", data: "x" } }],
    }),
  );

afterEach(async () => {
  for (const id of [1, 2, 3]) await bodyOf(await post(`${BROKERS}/${id}:unfence`));
});

describe("brokers", () => {
  it("have settings, by Kafka's names", async () => {
    const { data } = await bodyOf(await call(`${BROKERS}/1/configs`));
    const writable = data.filter((one: { is_read_only: boolean }) => !one.is_read_only);
    expect(writable.map((one: { name: string }) => one.name)).toContain(
      "leader.replication.throttled.rate",
    );
    const one = await bodyOf(await call(`${BROKERS}/1/configs/log.retention.ms`));
    expect(one).toMatchObject({
      kind: "KafkaBrokerConfig",
      value: "604800000",
      is_read_only: true,
    });
    await expectError(await call(`${BROKERS}/1/configs/retention.ms`), "UNKNOWN_CONFIG");
    await expectError(await call(`${BROKERS}/77/configs`), "BROKER_NOT_FOUND");
  });

  it("have settings of their own set, altered and reset", async () => {
    const throttle = "leader.replication.throttled.rate";
    const path = `${BROKERS}/2/configs`;
    const send = (method: string, at: string, json?: unknown) => call(at, { method, json });
    expect((await send("PUT", `${path}/${throttle}`, { value: "5000" })).status).toBe(204);
    expect(await bodyOf(await call(`${path}/${throttle}`))).toMatchObject({
      value: "5000",
      source: "DYNAMIC_BROKER_CONFIG",
      is_read_only: false,
    });
    const alter = (data: unknown, validate_only = false) =>
      post(`${path}:alter`, { data, validate_only });
    expect((await alter([{ name: throttle, value: "1" }], true)).status).toBe(204);
    expect((await bodyOf(await call(`${path}/${throttle}`))).value).toBe("5000");
    expect((await alter([{ name: throttle, value: "7000" }])).status).toBe(204);
    const { data } = await bodyOf(await call(`${BROKERS}/-/configs`));
    const set = data
      .filter((one: { name: string }) => one.name === throttle)
      .map((one: { broker_id: number; source: string }) => [one.broker_id, one.source]);
    expect(set).toContainEqual([1, "DEFAULT_CONFIG"]);
    expect(set).toContainEqual([2, "DYNAMIC_BROKER_CONFIG"]);
    expect((await send("DELETE", `${path}/${throttle}`)).status).toBe(204);
    expect((await bodyOf(await call(`${path}/${throttle}`))).source).toBe("DEFAULT_CONFIG");

    const fixed = await send("PUT", `${path}/log.retention.ms`, { value: "1" });
    expect(await expectError(fixed, "INVALID_CONFIG")).toContain("environment");
    await expectError(await send("DELETE", `${path}/log.retention.ms`), "INVALID_CONFIG");
    await expectError(await send("PUT", `${path}/no.such`, { value: "1" }), "UNKNOWN_CONFIG");
    await expectError(await send("DELETE", `${path}/no.such`), "UNKNOWN_CONFIG");
    await expectError(await send("PUT", `${path}/${throttle}`, { value: "x" }), "INVALID_CONFIG");
    const nowhere = await send("PUT", `${BROKERS}/77/configs/${throttle}`, { value: "1" });
    await expectError(nowhere, "BROKER_NOT_FOUND");
    await expectError(await alter([{ name: throttle, value: "1", op: "SET" }]), "INVALID_REQUEST");
  });

  it("have settings in common, which are read-only", async () => {
    const list = await bodyOf(await call(`${CLUSTER}/broker-configs`));
    expect(list.kind).toBe("KafkaClusterConfigList");
    expect(list.data.every((one: { is_read_only: boolean }) => one.is_read_only)).toBe(true);
    const one = await bodyOf(await call(`${CLUSTER}/broker-configs/log.retention.ms`));
    expect(one).toMatchObject({ kind: "KafkaClusterConfig", config_type: "BROKER" });
    expect(list.data).toContainEqual(one);
    await expectError(await call(`${CLUSTER}/broker-configs/no.such`), "UNKNOWN_CONFIG");
    const set = await call(`${CLUSTER}/broker-configs/log.retention.ms`, {
      method: "PUT",
      json: { value: "1" },
    });
    expect(set.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
  });

  it("are registered, confirmed when registered alike, and refused when not", async () => {
    const spec = { broker_id: 7, rack: "rack-7", location_hint: "oc" };
    const created = await post(BROKERS, spec);
    expect(created.headers.get("location")).toBe(`${ORIGIN}${BROKERS}/7`);
    const broker = await bodyOf(created, 201);
    expect(broker).toMatchObject({
      kind: "KafkaBroker",
      broker_id: 7,
      rack: "rack-7",
      location_hint: "oc",
      state: "active",
    });
    expect(await bodyOf(await call(`${BROKERS}/7`))).toEqual(broker);
    expect((await bodyOf(await post(BROKERS, spec), 201)).broker_id).toBe(7);
    await expectError(
      await post(BROKERS, { ...spec, rack: "elsewhere" }),
      "DUPLICATE_BROKER_REGISTRATION",
    );
    const next = await bodyOf(await post(BROKERS, { rack: "rack-8" }), 201);
    expect(next).toMatchObject({ rack: "rack-8", location_hint: null });
    expect([1, 2, 3, 7]).not.toContain(next.broker_id);
    // Nothing is to be placed there by the tests that follow.
    for (const id of [7, next.broker_id]) await bodyOf(await post(`${BROKERS}/${id}:fence`));
  });

  it("are refused for what is wrong with them", async () => {
    const bodies = [{}, { rack: 1 }, { rack: "a", broker_id: -1 }, { rack: "a", broker_id: 1.5 }];
    for (const body of bodies) await expectError(await post(BROKERS, body), "INVALID_REQUEST");
    await expectError(
      await post(BROKERS, { rack: "a", location_hint: "nowhere" }),
      "INVALID_REQUEST",
    );
  });

  it("are fenced, drained and put back, each answered with the state that holds", async () => {
    const change = async (id: number, verb: string) =>
      (await bodyOf(await post(`${BROKERS}/${id}:${verb}`))).state;
    expect(await change(2, "drain")).toBe("draining");
    expect(await change(2, "fence")).toBe("fenced");
    expect((await bodyOf(await call(`${BROKERS}/2`))).state).toBe("fenced");
    expect(await change(2, "unfence")).toBe("active");
    for (const id of ["99", "x", "-1"]) {
      await expectError(await post(`${BROKERS}/${id}:fence`), "BROKER_NOT_FOUND");
    }
    await expectError(await post(`${BROKERS}/2:burn`), "NOT_FOUND");
    await expectError(await call(`${BROKERS}/2:fence`), "METHOD_NOT_ALLOWED");
  });
});

describe("a topic of three replicas", () => {
  it("is shown with leader, in-sync set and the offsets of each replica", async () => {
    const topic = await replicated();
    await produce(topic);
    const shown = await eventually(async () => {
      const partition = await partitionOf(topic);
      for (const replica of partition.replica_states) {
        expect([replica.broker_id, replica.log_end_offset]).toEqual([replica.broker_id, 1]);
      }
      return partition;
    });
    const ids = shown.replica_states.map((r: { broker_id: number }) => r.broker_id);
    expect(ids.toSorted()).toEqual([1, 2, 3]);
    expect(shown.in_sync_replicas.toSorted()).toEqual([1, 2, 3]);
    expect([shown.leader_id, shown.high_watermark]).toEqual([ids[0], 1]);
    const replicas = await bodyOf(await call(`${CLUSTER}/topics/${topic}/partitions/0/replicas`));
    expect(replicas.data).toMatchObject(
      shown.replica_states.map((state: object) => ({
        ...state,
        high_watermark: expect.any(Number),
      })),
    );
    const described = await bodyOf(await call(`${CLUSTER}/topics/${topic}`));
    expect(described).toMatchObject({
      replication_factor: 3,
      under_replicated_partitions: 0,
      offline_partitions: 0,
    });
    const v2 = await bodyOf(await call(`/topics/${topic}/partitions/0`));
    expect(v2.leader).toBe(shown.leader_id);
    expect(v2.replicas).toEqual(
      ids.map((broker: number) => ({ broker, leader: broker === v2.leader, in_sync: true })),
    );
  });

  it("counts what it lacks while a broker is fenced, in views and metrics, and elections", async () => {
    const topic = await replicated();
    const metric = async (name: string): Promise<number> => {
      const text = await (await call("/metrics")).text();
      const line = text.split("\n").find((sample) => sample.startsWith(`${name} `));
      return Number(line?.slice(name.length));
    };
    const elections = await metric("odradek_leader_elections_total");
    const shrinks = await metric("odradek_in_sync_shrinks_total");
    const { leader_id: leader } = await partitionOf(topic);
    await bodyOf(await post(`${BROKERS}/${leader}:fence`));
    await produce(topic);
    const partition = await partitionOf(topic);
    expect(partition.leader_id).not.toBe(leader);
    expect(partition.in_sync_replicas).not.toContain(leader);
    expect(partition.high_watermark).toBe(1);
    const fenced = partition.replica_states.find(
      (r: { broker_id: number }) => r.broker_id === leader,
    );
    expect(fenced).toMatchObject({ is_fenced: true, is_in_sync: false, is_leader: false });
    const lacking = { under_replicated_partitions: 1, offline_partitions: 0 };
    expect(await bodyOf(await call(`${CLUSTER}/topics/${topic}`))).toMatchObject(lacking);
    const cluster = await bodyOf(await call(CLUSTER));
    expect(cluster.under_replicated_partitions).toBeGreaterThan(0);
    expect(await metric("odradek_under_replicated_partitions")).toBe(
      cluster.under_replicated_partitions,
    );
    expect(await metric('odradek_brokers{state="fenced"}')).toBeGreaterThan(0);
    expect(await metric("odradek_leader_elections_total")).toBeGreaterThan(elections);
    expect(await metric("odradek_in_sync_shrinks_total")).toBeGreaterThan(shrinks);
    expect(await metric("odradek_replication_lag_max")).toBeGreaterThan(0);

    await bodyOf(await post(`${BROKERS}/${leader}:unfence`));
    await eventually(async () => {
      expect((await partitionOf(topic)).in_sync_replicas.toSorted()).toEqual([1, 2, 3]);
    });
  });
});

describe("electing a leader", () => {
  it("brings the preferred one back", async () => {
    const topic = await replicated();
    const elect = (json?: unknown) =>
      post(`${CLUSTER}/topics/${topic}/partitions/0:elect-leader`, json);
    await expectError(await elect(), "ELECTION_NOT_NEEDED");
    const { leader_id: preferred, leader_epoch: epoch } = await partitionOf(topic);
    await bodyOf(await post(`${BROKERS}/${preferred}:fence`));
    await expectError(await elect({}), "PREFERRED_LEADER_NOT_AVAILABLE");
    await bodyOf(await post(`${BROKERS}/${preferred}:unfence`));
    await eventually(async () => {
      expect((await partitionOf(topic)).in_sync_replicas).toContain(preferred);
    });
    const elected = await bodyOf(await elect({ election_type: "preferred" }));
    expect(elected).toMatchObject({ kind: "KafkaPartition", leader_id: preferred });
    expect(elected.leader_epoch).toBeGreaterThan(epoch);
    expect((await produce(topic)).base_offset).toBe(0);
  });

  it("is refused for what is wrong with it", async () => {
    const topic = await newTopic();
    const at = (path: string, json?: unknown) => post(`${CLUSTER}/topics/${path}`, json);
    await expectError(
      await at(`${topic}/partitions/0:elect-leader`, { election_type: "any" }),
      "INVALID_REQUEST",
    );
    for (const partition of ["9", "x"]) {
      await expectError(
        await at(`${topic}/partitions/${partition}:elect-leader`),
        "UNKNOWN_TOPIC_OR_PARTITION",
      );
    }
    await expectError(await at("nowhere/partitions/0:elect-leader"), "UNKNOWN_TOPIC");
  });
});

describe("reassignments", () => {
  const reassign = async (data: readonly unknown[]) =>
    (await bodyOf(await post(`${CLUSTER}/reassignments`, { data }))).data;

  it("move a partition and its records to another broker", async () => {
    const topic = await newTopic();
    await produce(topic);
    const { leader_id: from } = await partitionOf(topic);
    const to = [1, 2, 3].find((id) => id !== from)!;
    const [answer] = await reassign([{ topic_name: topic, partition_id: 0, broker_ids: [to] }]);
    expect(answer).toMatchObject({ topic_name: topic, partition_id: 0, error_code: 200 });
    await eventually(async () => {
      const moved = await partitionOf(topic);
      expect(moved.replica_states.map((r: { broker_id: number }) => r.broker_id)).toEqual([to]);
      expect([moved.leader_id, moved.high_watermark]).toEqual([to, 1]);
    });
    expect((await produce(topic)).base_offset).toBe(1);
    await expectError(
      await call(`${CLUSTER}/topics/${topic}/partitions/0/reassignment`),
      "NO_REASSIGNMENT_IN_PROGRESS",
    );
    const all = await bodyOf(await call(`${CLUSTER}/reassignments`));
    expect(all.data.map((r: { topic_name: string }) => r.topic_name)).not.toContain(topic);
  });

  it("are shown while they cannot end, and called off", async () => {
    const topic = await newTopic();
    const { leader_id: from } = await partitionOf(topic);
    const to = [1, 2, 3].find((id) => id !== from)!;
    const which = { topic_name: topic, partition_id: 0 };
    const [answer] = await reassign([{ ...which, broker_ids: [to] }]);
    expect(answer.error_code).toBe(200);
    // Fenced before it has caught up, or after: then the move is over already.
    await bodyOf(await post(`${BROKERS}/${to}:fence`));
    const shown = await call(`${CLUSTER}/topics/${topic}/partitions/0/reassignment`);
    if (shown.status === 200) {
      const reassignment = await bodyOf(shown);
      expect(reassignment).toMatchObject({
        kind: "KafkaReassignment",
        adding_replicas: [to],
        removing_replicas: [from],
      });
      const all = await bodyOf(await call(`${CLUSTER}/reassignments`));
      expect(all.data).toContainEqual(reassignment);
      expect((await reassign([{ ...which, broker_ids: null }]))[0].error_code).toBe(200);
    } else await expectError(shown, "NO_REASSIGNMENT_IN_PROGRESS");
    await expectError(
      await call(`${CLUSTER}/topics/${topic}/partitions/0/reassignment`),
      "NO_REASSIGNMENT_IN_PROGRESS",
    );
  });

  it("succeed or fail each by itself", async () => {
    const topic = await newTopic({ partitions_count: 3 });
    const { leader_id: leader } = await partitionOf(topic);
    const entry = (topic_name: string, partition_id: number, broker_ids: number[] | null) => ({
      topic_name,
      partition_id,
      broker_ids,
    });
    const outcomes = await reassign([
      entry(topic, 0, [leader]),
      entry(topic, 1, [99]),
      entry(topic, 5, [1]),
      entry("nowhere", 0, [1]),
      entry(topic, 2, null),
    ]);
    expect(outcomes.map((o: { error_code: number }) => o.error_code)).toEqual([
      200, 40002, 40403, 40401, 404,
    ]);
    // Found by schemathesis: 1,000 moves of one partition undid each other for minutes.
    const twice = { data: [entry(topic, 0, [leader]), entry(topic, 0, null)] };
    for (const body of [{}, { data: [] }, { data: [{ topic_name: topic }] }, twice]) {
      await expectError(await post(`${CLUSTER}/reassignments`, body), "INVALID_REQUEST");
    }
  });
});
