/** How many objects a list calls: never all of those that it shows, but where that is asked for, and then a page of them. */
import { describe, expect, it } from "vitest";
import { replicaObjectName } from "../../src/base/ids.ts";
import { topicMetadata } from "../../src/gateway/metadata.ts";
import { counters } from "../../src/gateway/metrics.ts";
import { serviceOf } from "../../src/gateway/service.ts";
import { objectsEnv } from "./objects-env.ts";
import {
  append,
  bodyOf,
  call,
  CLUSTER,
  environment,
  expectError,
  newTopic,
} from "./admin-support.ts";

const env = environment({ OPEN_ON_LOOPBACK: "true" });
const TOPICS = `${CLUSTER}/topics`;

interface Calls {
  readonly controller: number;
  readonly partitions: number;
  readonly groups: number;
}

/** A list's answer, and the calls that it took. */
async function listed(
  path: string,
  init?: Parameters<typeof call>[1],
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers by their fields
): Promise<{ readonly body: any; readonly calls: Calls }> {
  const { controllerCalls, partitionCalls, coordinatorCalls } = counters;
  const body = await bodyOf(await call(path, init), init?.method === "POST" ? 201 : 200);
  return {
    body,
    calls: {
      controller: counters.controllerCalls - controllerCalls,
      partitions: counters.partitionCalls - partitionCalls,
      groups: counters.coordinatorCalls - coordinatorCalls,
    },
  };
}

const ONE_OF_THE_CONTROLLER: Calls = { controller: 1, partitions: 0, groups: 0 };

const ids = (body: { data: { partition_id: number }[] }) => body.data.map((p) => p.partition_id);

describe("the partitions of a topic (issue 11: 2,000 of them were 2,000 calls)", () => {
  it("are one call of the controller, without offsets", async () => {
    const topic = await newTopic({ partitions_count: 40, replication_factor: 3 });
    const { body, calls } = await listed(`${TOPICS}/${topic}/partitions`);
    expect(calls).toEqual(ONE_OF_THE_CONTROLLER);
    expect(ids(body)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(body.metadata.next).toBeNull();
    expect(body.data[7]).toMatchObject({
      leader_id: expect.any(Number),
      log_start_offset: null,
      high_watermark: null,
      log_end_offset: null,
    });
    expect(body.data[7].replica_states).toHaveLength(3);
    for (const state of body.data[7].replica_states) {
      expect(state).toMatchObject({ is_in_sync: true, is_reachable: null, log_end_offset: null });
    }
  });

  it("come a page at a time", async () => {
    const topic = await newTopic({ partitions_count: 7 });
    let url: string | null = `${TOPICS}/${topic}/partitions?limit=3`;
    const pages: number[][] = [];
    while (url !== null) {
      const { body, calls }: Awaited<ReturnType<typeof listed>> = await listed(url);
      expect(calls).toEqual(ONE_OF_THE_CONTROLLER);
      pages.push(ids(body));
      url = body.metadata.next;
    }
    expect(pages).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    const beyond = await listed(`${TOPICS}/${topic}/partitions?start=7`);
    expect([beyond.body.data, beyond.body.metadata.next]).toEqual([[], null]);
    for (const query of ["start=-1", "start=x", "limit=1.5", "offsets=maybe"]) {
      const refused = await call(`${TOPICS}/${topic}/partitions?${query}`);
      await expectError(refused, "INVALID_REQUEST");
    }
  });

  it("are with offsets one call more for each partition of the page that was used, of its leader", async () => {
    const topic = await newTopic({ partitions_count: 5, replication_factor: 3 });
    await append(topic, 1);
    const { body, calls } = await listed(`${TOPICS}/${topic}/partitions?offsets=true&limit=2`);
    expect(calls).toEqual({ controller: 1, partitions: 1, groups: 0 });
    expect(body.metadata.next).toContain("offsets=true&start=2&limit=2");
    const [unused, one] = body.data;
    expect(unused).toMatchObject({ log_start_offset: 0, high_watermark: 0, log_end_offset: 0 });
    expect(one).toMatchObject({ log_start_offset: 0, high_watermark: 1, log_end_offset: 1 });
    const leader = one.replica_states.find((state: { is_leader: boolean }) => state.is_leader);
    expect(leader).toMatchObject({ is_reachable: true, storage: "sound", log_end_offset: 1 });
    const followers = one.replica_states.filter((s: { is_leader: boolean }) => !s.is_leader);
    for (const state of followers) {
      expect(state).toMatchObject({ is_reachable: null, storage: null, log_end_offset: 1 });
    }
  });
});

describe("a topic of 2,000 partitions (issue 11: it stopped everything else for 69 s)", () => {
  const created = (topic: string, partitions_count: number) =>
    listed(TOPICS, {
      method: "POST",
      json: { topic_name: topic, partitions_count, replication_factor: 3 },
    });

  it("is created and deleted with one call of the controller, and no object of a partition", async () => {
    const { body, calls } = await created("wide", 2_000);
    expect(body.partitions_count).toBe(2_000);
    expect(calls).toEqual(ONE_OF_THE_CONTROLLER);
    const topic = await topicMetadata(serviceOf(env), "wide");
    if (!topic.ok) throw new Error(topic.message);
    const { leader, replicas } = topic.metadata.partitions[1_999]!;
    const { generation } = replicas.find(({ brokerId }) => brokerId === leader)!;
    const name = {
      topicId: topic.metadata.topicId,
      partition: 1_999,
      brokerId: leader,
      generation,
    };
    const stub = objectsEnv.PARTITION.getByName(replicaObjectName(name));
    expect(await stub.probe()).toMatchObject({ ok: false });
    expect(await append("wide", 1_999)).toBe(0);
    expect(await stub.probe()).toMatchObject({ ok: true, logEndOffset: 1 });
    expect((await call(`${TOPICS}/wide`, { method: "DELETE" })).status).toBe(204);
    expect(await stub.probe()).toMatchObject({ ok: false });
  });

  it("moves a thousand of them in one request, and is asked for none", async () => {
    await created("moved", 1_000);
    const data = Array.from({ length: 1_000 }, (_, partition_id) => ({
      ...{ topic_name: "moved", partition_id, broker_ids: [3, 1] },
    }));
    const { partitionCalls } = counters;
    const answer = await call(`${CLUSTER}/reassignments`, { method: "POST", json: { data } });
    const { data: outcomes } = await bodyOf(answer);
    expect(counters.partitionCalls).toBe(partitionCalls);
    expect(outcomes).toHaveLength(1_000);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ error_code: 200, replicas: [3, 1], adding_replicas: [] });
    }
    const topic = await topicMetadata(serviceOf(env), "moved", true);
    if (!topic.ok) throw new Error(topic.message);
    expect(topic.metadata.partitions.every((one) => one.unfounded === true)).toBe(true);
    expect(topic.metadata.partitions.every((one) => one.inSync.join() === "3,1")).toBe(true);
    expect(await append("moved", 999)).toBe(0);
  });
});

describe("other lists", () => {
  it("of the whole cluster are one call of the controller", async () => {
    const topic = await newTopic({ partitions_count: 20, replication_factor: 3 });
    const paths = [
      TOPICS,
      "/topics",
      `/topics/${topic}`,
      `/topics/${topic}/partitions`,
      `${TOPICS}/-/configs`,
      `${TOPICS}/${topic}/configs`,
      `${TOPICS}/-/partitions/-/reassignment`,
      `${TOPICS}/${topic}/partitions/-/reassignment`,
      `${CLUSTER}/reassignments`,
      `${CLUSTER}/brokers`,
      `${CLUSTER}/brokers/-/configs`,
      `${CLUSTER}/brokers/1/configs`,
      `${CLUSTER}/brokers/1/partition-replicas`,
      "/v3/clusters",
    ];
    for (const path of paths)
      expect((await listed(path)).calls, path).toEqual(ONE_OF_THE_CONTROLLER);
    for (const path of [`${CLUSTER}/acls`, `${CLUSTER}/broker-configs`]) {
      expect((await listed(path)).calls, path).toEqual({ ...ONE_OF_THE_CONTROLLER, controller: 0 });
    }
  });

  it("of a broker's replicas come by pages, in the order of topics and partitions", async () => {
    await newTopic({ partitions_count: 6, replication_factor: 3 });
    const path = `${CLUSTER}/brokers/2/partition-replicas`;
    const { body: whole } = await listed(path);
    const names = (body: { data: { topic_name: string; partition_id: number }[] }) =>
      body.data.map((one) => `${one.topic_name}/${String(one.partition_id).padStart(4, "0")}`);
    expect(names(whole)).toEqual(names(whole).toSorted());
    expect(whole.data[0]).toMatchObject({ broker_id: 2, is_reachable: null, high_watermark: null });
    const pages: string[] = [];
    for (let url: string | null = `${path}?limit=4`; url !== null;) {
      const { body }: Awaited<ReturnType<typeof listed>> = await listed(url);
      expect(body.data.length).toBeLessThanOrEqual(4);
      pages.push(...names(body));
      url = body.metadata.next;
    }
    expect(pages).toEqual(names(whole));
    await expectError(await call(`${CLUSTER}/brokers/9/partition-replicas`), "BROKER_NOT_FOUND");
  });

  it("of all topics' settings come by pages of topics", async () => {
    for (let i = 0; i < 3; i += 1) await newTopic();
    const path = `${TOPICS}/-/configs`;
    const seen: string[] = [];
    for (let url: string | null = `${path}?limit=2`; url !== null;) {
      const { body, calls }: Awaited<ReturnType<typeof listed>> = await listed(url);
      expect(calls).toEqual(ONE_OF_THE_CONTROLLER);
      const topics = new Set<string>(
        body.data.map((one: { topic_name: string }) => one.topic_name),
      );
      expect(topics.size).toBeLessThanOrEqual(2);
      seen.push(...topics);
      url = body.metadata.next;
    }
    const names: string[] = await bodyOf(await call("/topics"));
    expect(seen).toEqual(names);
  });

  it("of a topic's gauges call the replicas of a page", async () => {
    const topic = await newTopic({ partitions_count: 3 });
    const gauges = async (query: string) => {
      const { partitionCalls } = counters;
      const text = await (await call(`/metrics?topic=${topic}${query}`)).text();
      const shown = [...text.matchAll(/^odradek_high_watermark\{.*partition="(\d+)"/gm)];
      return { calls: counters.partitionCalls - partitionCalls, shown: shown.map(([, p]) => p) };
    };
    expect((await gauges("")).shown).toEqual(["0", "1", "2"]);
    const page = await gauges("&start=1&limit=1");
    expect(page.shown).toEqual(["1"]);
    expect(page.calls).toBeLessThanOrEqual(2);
  });

  it("of groups call the groups of the page, and none where only names are asked for", async () => {
    const topic = await newTopic();
    const set = { offsets: [{ topic_name: topic, partition_id: 0, offset: 0 }] };
    for (let i = 0; i < 4; i += 1) {
      const path = `${CLUSTER}/consumer-groups/budget-${i}/offsets`;
      await bodyOf(await call(path, { method: "POST", json: set }));
    }
    const path = `${CLUSTER}/consumer-groups?after=budget&limit=3`;
    const { body, calls } = await listed(path);
    expect(calls).toEqual({ controller: 2, partitions: 0, groups: 3 });
    expect(body.data.map((one: { state: string }) => one.state)).toEqual([
      "EMPTY",
      "EMPTY",
      "EMPTY",
    ]);
    const names = await listed(`${path}&state=false`);
    expect(names.calls).toEqual({ controller: 2, partitions: 0, groups: 0 });
    expect(names.body.data[0]).toMatchObject({ consumer_group_id: "budget-0", state: "UNKNOWN" });
    expect(names.body.metadata.next).toContain("&state=false");
    await expectError(await call(`${path}&state=x`), "INVALID_REQUEST");
  });

  it("of a group's lags call the leaders of the page, and the controller once for all topics", async () => {
    const topics = [await newTopic({ partitions_count: 4 }), await newTopic(), await newTopic()];
    const offsets = topics.map((topic_name) => ({ topic_name, partition_id: 0, offset: 0 }));
    for (const partition_id of [1, 2, 3]) {
      offsets.push({ topic_name: topics[0]!, partition_id, offset: 0 });
    }
    const group = `${CLUSTER}/consumer-groups/lagging`;
    const asked = await listed(`${CLUSTER}/brokers`);
    expect(asked.calls).toEqual(ONE_OF_THE_CONTROLLER);
    await bodyOf(await call(`${group}/offsets`, { method: "POST", json: { offsets } }));
    // What nobody has used is known to be empty.
    const unused = await listed(`${group}/lags`);
    expect(unused.calls).toEqual({ controller: 1, partitions: 0, groups: 2 });
    expect(unused.body.data).toHaveLength(6);
    for (const { topic_name, partition_id } of offsets) await append(topic_name, partition_id);
    const all = await listed(`${group}/lags`);
    expect(all.calls).toEqual({ controller: 1, partitions: 6, groups: 2 });
    expect(all.body.data).toHaveLength(6);
    const page = await listed(`${group}/lags?start=1&limit=2`);
    expect(page.calls).toEqual({ controller: 1, partitions: 2, groups: 2 });
    expect(page.body.metadata.next).toMatch(/\/lags\?start=3&limit=2$/);
    const summary = await listed(`${group}/lag-summary`);
    expect(summary.calls).toEqual({ controller: 1, partitions: 6, groups: 2 });
  });
});
