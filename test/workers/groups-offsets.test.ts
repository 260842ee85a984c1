/** What an operator does to the offsets of a group: sets, resets and deletes them. */
import { describe, expect, it } from "vitest";
import { newGroup, newInstance, topicOf, valuesOf } from "./consumers-support.ts";
import { committedGroup, get, lagsOf, of, refused, remove } from "./groups-support.ts";
import { call, newTopic, post } from "./records-support.ts";

describe("an operator", () => {
  const alter = (group: string, body: unknown) => post(of(group, "/offsets"), body);
  const set = async (group: string, body: unknown) => {
    const response = await alter(group, body);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    const { data } = JSON.parse(text) as { data: Record<string, unknown>[] };
    return data.map(({ partition_id, previous_offset, offset }) => [
      partition_id,
      previous_offset,
      offset,
    ]);
  };

  it("sets next offsets, of a group that need not be there, and an instance goes on from them", async () => {
    const topic = await topicOf(["a", "b", "c"]);
    const group = newGroup();
    const offsets = [{ topic_name: topic, partition_id: 0, offset: 2, metadata: "by hand" }];
    expect(await set(group, { offsets, dry_run: true })).toEqual([[0, null, 2]]);
    expect(await refused(call(of(group)))).toEqual([404, 40405]);
    expect(await set(group, { offsets })).toEqual([[0, null, 2]]);
    expect(await get(of(group))).toMatchObject({ is_simple: true, state: "EMPTY" });
    const instance = await (await newInstance(group)).subscribe(topic);
    expect(valuesOf(await instance.read(1))).toEqual(["c"]);
  });

  it("resets to the ends, an offset, a time, by shifting, and keeps within the log", async () => {
    const topic = await topicOf([0, 1, 2, 3, 4], 2);
    const records = [1_000, 2_000, 3_000].map((timestamp) => ({ value: timestamp, timestamp }));
    const timed = await newTopic();
    expect((await post(`/topics/${timed}`, { records })).status).toBe(200);
    const { group, instance } = await committedGroup(topic, 3, 2);
    await instance.close();
    const reset = (rule: Record<string, unknown>, more = {}) =>
      set(group, { reset: rule, ...more });
    expect(await reset({ to: "earliest" }, { dry_run: true })).toEqual([
      [0, 3, 0],
      [1, 2, 0],
    ]);
    expect(await reset({ to: "shift-by", by: 1 })).toEqual([
      [0, 3, 4],
      [1, 2, 3],
    ]);
    expect(await reset({ to: "shift-by", by: 2, topics: [{ topic_name: topic }] })).toEqual([
      [0, 4, 5],
      [1, 3, 5],
    ]);
    const first = { topics: [{ topic_name: topic, partitions: [0] }] };
    expect(await reset({ to: "shift-by", by: -99, ...first })).toEqual([[0, 5, 0]]);
    expect(await reset({ to: "offset", offset: 99, ...first })).toEqual([[0, 0, 5]]);
    expect(await reset({ to: "offset", offset: 1, ...first })).toEqual([[0, 5, 1]]);
    expect(await reset({ to: "latest" })).toEqual([
      [0, 1, 5],
      [1, 5, 5],
    ]);
    expect(await reset({ to: "current", ...first })).toEqual([[0, 5, 5]]);
    const byTime = { to: "timestamp", topics: [{ topic_name: timed }] };
    expect(await reset({ ...byTime, timestamp: 1_500 })).toEqual([[0, null, 1]]);
    expect(await reset({ ...byTime, timestamp: "1970-01-01T00:00:03Z" })).toEqual([[0, 1, 2]]);
    expect(await reset({ ...byTime, timestamp: 9_000 })).toEqual([[0, 2, 3]]);
    expect(await lagsOf(group)).toEqual(
      [...[0, 1].map((partition) => [topic, partition, 5, 5, 0]), [timed, 0, 3, 3, 0]].toSorted(),
    );
  });

  it("is refused what makes no sense, and nothing is set then", async () => {
    const topic = await topicOf([1, 2]);
    const { group, instance } = await committedGroup(topic, 1);
    const one = { topic_name: topic, partition_id: 0, offset: 2 };
    expect(await refused(alter(group, { offsets: [one] }))).toEqual([409, 40903]);
    expect(await refused(alter(group, { reset: { to: "latest" }, dry_run: true }))).toEqual([
      409, 40903,
    ]);
    expect(await refused(remove(of(group, `/offsets?topic=${topic}`)))).toEqual([409, 40903]);
    await instance.close();
    const bad: [unknown, number[]][] = [
      [{}, [400, 400]],
      [{ offsets: [one], reset: { to: "latest" } }, [400, 400]],
      [{ offsets: [] }, [400, 400]],
      [{ offsets: [{ ...one, offset: -1 }] }, [400, 400]],
      [{ offsets: [one, one] }, [400, 400]],
      [{ offsets: [{ ...one, topic_name: "nowhere" }] }, [404, 40401]],
      [{ offsets: [one, { ...one, partition_id: 1 }] }, [404, 40403]],
      [{ offsets: [{ ...one, metadata: "x".repeat(4_097) }] }, [422, 42206]],
      [{ reset: { to: "somewhere" } }, [400, 400]],
      [{ reset: { to: "offset" } }, [400, 400]],
      [{ reset: { to: "timestamp", timestamp: "yesterday" } }, [400, 400]],
      [{ reset: { to: "earliest", by: 1 } }, [400, 400]],
      [{ reset: { to: "latest", topics: [{ topic_name: "nowhere" }] } }, [404, 40401]],
      [{ reset: { to: "latest", topics: [{ topic_name: topic, partitions: [1] }] } }, [404, 40403]],
    ];
    for (const [body, expected] of bad) {
      expect(await refused(alter(group, body)), JSON.stringify(body)).toEqual(expected);
    }
    const other = await topicOf([1]);
    const shift = { to: "shift-by", by: 1, topics: [{ topic_name: other }] };
    expect(await refused(alter(group, { reset: shift }))).toEqual([400, 400]);
    expect(await refused(alter("nobody", { reset: { to: "latest" } }))).toEqual([404, 40405]);
    expect(await lagsOf(group)).toEqual([[topic, 0, 1, 2, 1]]);
  });

  it("deletes what is committed of a topic, or of one partition", async () => {
    const topic = await topicOf([1], 3);
    const { group, instance } = await committedGroup(topic, 1, 1, 1);
    await instance.close();
    const path = of(group, "/offsets");
    expect((await remove(`${path}?topic=${topic}&partition=1`)).status).toBe(204);
    expect((await lagsOf(group)).map(([, partition]) => partition)).toEqual([0, 2]);
    expect((await remove(`${path}?topic=another`)).status).toBe(204);
    expect((await remove(`${path}?topic=${topic}`)).status).toBe(204);
    expect(await lagsOf(group)).toEqual([]);
    for (const query of ["", `?topic=${topic}&partition=x`]) {
      expect(await refused(remove(path + query))).toEqual([400, 400]);
    }
    for (const name of ["", "a%2Fb"]) {
      expect(await refused(remove(`${path}?topic=${name}`))).toEqual([400, 40002]);
    }
    expect(await refused(remove(of("nobody", "/offsets?topic=a")))).toEqual([404, 40405]);
  });
});
