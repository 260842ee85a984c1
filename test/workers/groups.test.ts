/** Operators' views and changes of groups: lists, members, lags, resets, deletion, and their errors. */
import { describe, expect, it } from "vitest";
import { newGroup, newInstance, produce, settle, topicOf, valuesOf } from "./consumers-support.ts";
import { GROUPS, committedGroup, get, lagsOf, of, refused, remove } from "./groups-support.ts";
import { call, CLUSTER, ORIGIN, post } from "./records-support.ts";

describe("the list", () => {
  it("comes in pages, in the order of ids, and follows its links", async () => {
    const names = ["list/ü", "list/a", "list/b b"];
    for (const name of names) await newInstance(name);
    const found: string[] = [];
    let next: string | null = `${GROUPS}?after=list%2F&limit=1`;
    while (next !== null && found.length < 3) {
      const { data, metadata, kind }: any = await get(next); // oxlint-disable-line typescript/no-explicit-any
      expect(kind).toBe("KafkaConsumerGroupList");
      expect(metadata.self).toBe(ORIGIN + GROUPS);
      found.push(...data.map((group: { consumer_group_id: string }) => group.consumer_group_id));
      next = metadata.next === null ? null : metadata.next.slice(ORIGIN.length);
    }
    expect(found).toEqual(names.toSorted());
    expect(await refused(call(`${GROUPS}?limit=x`))).toEqual([400, 400]);
    expect(await refused(call(`${GROUPS}?after=${"x".repeat(32_768)}`))).toEqual([400, 400]);
  });

  it("leads on from an id that no URL can carry, also when its group is gone", async () => {
    const beginning = `long/${"ü".repeat(300)}`;
    const [before, long, after] = ["a", "b".repeat(16_384), "c"].map((end) => beginning + end);
    for (const name of [before!, after!]) await newInstance(name);
    const gone = await newInstance(long!);
    const idsAt = async (path: string): Promise<[string[], string | null]> => {
      const { data, metadata } = await get(path);
      const next: string | null =
        metadata.next === null ? null : metadata.next.slice(ORIGIN.length);
      return [data.map((group: { consumer_group_id: string }) => group.consumer_group_id), next];
    };
    const [[first], toLong] = await idsAt(`${GROUPS}?after=long%2F&limit=1`);
    expect(first).toBe(before);
    const [[second], onwards] = await idsAt(toLong!);
    expect(second).toBe(long);
    expect(onwards!.length).toBeLessThan(16_384);
    expect((await idsAt(onwards!))[0]).toEqual([after]);
    await gone.close();
    expect((await remove(of(long!))).status).toBe(204);
    // Its position in the list is not known any more: some groups are listed twice, none is left out.
    expect((await idsAt(onwards!.replace("limit=1", "limit=2")))[0]).toEqual([before, after]);
    expect(await refused(call(`${GROUPS}?after=x&after_digest=y`))).toEqual([400, 400]);
  });

  it("is counted by /metrics", async () => {
    await newInstance(newGroup());
    const text = await (await call("/metrics")).text();
    expect(text).toMatch(/^odradek_groups [1-9]/m);
    expect(text).toMatch(/^odradek_object_calls_total\{object="coordinator"\} [1-9]/m);
  });
});

describe("a group", () => {
  it("is shown with its members and what is theirs", async () => {
    const topic = await topicOf([1], 2);
    const group = `${newGroup()}/größe`;
    const settings = { name: "me & you", "client.id": "client" };
    const instance = await (await newInstance(group, settings)).subscribe(topic);
    await settle([instance], 2);
    await newInstance(group);
    const shown = await get(of(group));
    expect(shown).toMatchObject({
      kind: "KafkaConsumerGroup",
      cluster_id: "odradek",
      consumer_group_id: group,
      is_simple: false,
      partition_assignor: "cooperative-sticky",
      state: "STABLE",
      members_count: 1,
      loose_instances_count: 1,
    });
    expect(shown.metadata.self).toBe(ORIGIN + of(group));
    const consumers = await get(shown.consumers.related.slice(ORIGIN.length));
    expect(consumers.data).toMatchObject([
      { consumer_id: "me & you", client_id: "client", instance_id: null, is_http_instance: true },
    ]);
    const consumer = await get(consumers.data[0].metadata.self.slice(ORIGIN.length));
    expect(consumer).toEqual(consumers.data[0]);
    const assignments = await get(consumer.assignments.related.slice(ORIGIN.length));
    expect(assignments.kind).toBe("KafkaConsumerAssignmentList");
    const owned = assignments.data as { topic_name: string; partition_id: number }[];
    expect(owned.map(({ partition_id }) => partition_id).toSorted()).toEqual([0, 1]);
    const one = assignments.data[0];
    expect(await get(one.metadata.self.slice(ORIGIN.length))).toEqual(one);
    expect(
      await refused(call(of(group, "/consumers/me%20%26%20you/assignments/a/partitions/0"))),
    ).toEqual([404, 40403]);
    expect(await get(one.lag.related.slice(ORIGIN.length))).toMatchObject({
      topic_name: topic,
      consumer_id: "me & you",
      current_offset: null,
      log_end_offset: 1,
      lag: null,
    });
    expect((await get(one.partition.related.slice(ORIGIN.length))).kind).toBe("KafkaPartition");
  });

  it("that is not there, or whose member is not, is not found", async () => {
    const paths = ["", "/consumers", "/lags", "/lag-summary", "/lags/a/partitions/0"];
    for (const path of [...paths, "/consumers/x", "/consumers/x/assignments"]) {
      expect(await refused(call(of("nobody", path))), path).toEqual([404, 40405]);
      expect(await refused(call(of("g".repeat(32_768), path))), path).toEqual([400, 400]);
    }
    const group = newGroup();
    await newInstance(group);
    for (const path of ["/consumers/x", "/consumers/x/assignments"]) {
      expect(await refused(call(of(group, path))), path).toEqual([404, 40403]);
    }
    expect(await refused(call(of(group, "/lags/a/partitions/0")))).toEqual([404, 40403]);
    expect(await refused(remove(of("nobody")))).toEqual([404, 40405]);
  });

  it("is deleted when nobody is there, with its offsets", async () => {
    const topic = await topicOf([1, 2]);
    const { group, instance } = await committedGroup(topic, 2);
    expect(await refused(remove(of(group)))).toEqual([409, 40903]);
    await instance.close();
    expect((await remove(of(group))).status).toBe(204);
    expect(await refused(call(of(group)))).toEqual([404, 40405]);
    const again = await (await newInstance(group)).subscribe(topic);
    expect(valuesOf(await again.read(2))).toEqual([1, 2]);
  });
});

describe("lags", () => {
  it("are the log's end minus what is committed, while consumers run and after they are gone", async () => {
    const topic = await topicOf([1, 2, 3], 3);
    const { group, instance } = await committedGroup(topic, 1, 3, 0);
    await produce(topic, [4], 1);
    const expected = [
      [topic, 0, 1, 3, 2],
      [topic, 1, 3, 4, 1],
    ];
    expect(await lagsOf(group)).toEqual([...expected, [topic, 2, null, 3, null]]);
    const summary = await get(of(group, "/lag-summary"));
    expect(summary).toMatchObject({
      kind: "KafkaConsumerGroupLagSummary",
      max_lag_topic_name: topic,
      max_lag_partition_id: 0,
      max_lag: 2,
      total_lag: 3,
      max_lag_consumer_id: instance.id,
    });
    expect((await get(summary.max_lag_consumer.related.slice(ORIGIN.length))).consumer_id).toBe(
      instance.id,
    );
    await instance.close();
    expect(await lagsOf(group)).toEqual(expected);
    expect(await get(of(group, `/lags/${topic}/partitions/1`))).toMatchObject({
      consumer_id: "",
      lag: 1,
    });
    expect(await refused(call(of(group, `/lags/${topic}/partitions/2`)))).toEqual([404, 40403]);
    expect(await get(of(group, "/lag-summary"))).toMatchObject({ total_lag: 3 });
  });

  it("come in pages where they are many", async () => {
    const topic = await topicOf([1], 3);
    const { group } = await committedGroup(topic, 1, 1, 1);
    const partitions: number[] = [];
    let next: string | null = of(group, "/lags?limit=2");
    while (next !== null) {
      const { data, metadata }: any = await get(next); // oxlint-disable-line typescript/no-explicit-any
      partitions.push(...data.map((lag: { partition_id: number }) => lag.partition_id));
      next = metadata.next === null ? null : metadata.next.slice(ORIGIN.length);
    }
    expect(partitions).toEqual([0, 1, 2]);
  });

  it("of a topic that is gone, or was created anew, are not shown", async () => {
    const topic = await topicOf([1, 2]);
    const { group, instance } = await committedGroup(topic, 2);
    await instance.close();
    expect((await remove(`${CLUSTER}/topics/${topic}`)).status).toBe(204);
    expect(await lagsOf(group)).toEqual([]);
    expect((await post(`${CLUSTER}/topics`, { topic_name: topic })).status).toBe(201);
    expect(await lagsOf(group)).toEqual([]);
    expect(await get(of(group, "/lag-summary"))).toMatchObject({
      max_lag: 0,
      total_lag: 0,
      max_lag_topic_name: null,
    });
  });
});

describe("an id as long as Kafka's protocol allows", () => {
  it.each([256, 4_000, 32_767])("of %i bytes is a group over HTTP as others are", async (bytes) => {
    const topic = await topicOf(["a", "b", "c"]);
    const group = `${newGroup()}/`.padEnd(bytes, "g");
    const instance = await (await newInstance(group)).subscribe(topic);
    await settle([instance], 1);
    const offsets = [{ topic, partition: 0, offset: 0 }];
    await instance.done(instance.post("/offsets", { offsets }));
    expect(await get(of(group))).toMatchObject({ consumer_group_id: group, state: "STABLE" });
    expect((await get(of(group, "/consumers"))).data[0].consumer_group_id).toBe(group);
    expect(await lagsOf(group)).toEqual([[topic, 0, 1, 3, 2]]);
    await instance.close();
    const reset = { to: "latest" };
    expect((await post(of(group, "/offsets"), { reset })).status).toBe(200);
    expect(await lagsOf(group)).toEqual([[topic, 0, 3, 3, 0]]);
    expect((await remove(of(group))).status).toBe(204);
    expect(await refused(call(of(group)))).toEqual([404, 40405]);
    // An operator's offsets begin the group again: the object gets the id, which its name does not contain.
    const set = { offsets: [{ topic_name: topic, partition_id: 0, offset: 2 }] };
    expect((await post(of(group, "/offsets"), set)).status).toBe(200);
    expect(await get(of(group))).toMatchObject({ consumer_group_id: group, is_simple: true });
    expect((await remove(of(group))).status).toBe(204);
  });
});
