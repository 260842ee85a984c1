/** Reads that are sent to the nearest replica, through the routes and real followers. */
import { describe, expect, it } from "vitest";
import { bodyOf, call, CLUSTER, environment, replicated } from "./admin-support.ts";
import { eventually } from "./eventually.ts";

interface Partition {
  readonly leader_id: number;
  readonly replica_states: readonly { readonly broker_id: number; readonly is_leader: boolean }[];
}

const records = (topic: string) => `${CLUSTER}/topics/${topic}/partitions/0/records`;
const produce = async (topic: string, data: string) =>
  bodyOf(
    await call(`${records(topic)}:batch`, {
      method: "POST",
      json: { records: [{ value: { type: "STRING", data } }] },
    }),
  );

/** A topic with two records, and the racks of its leader and of a follower. */
async function filled() {
  const topic = await replicated();
  await produce(topic, "one");
  await produce(topic, "two");
  const partition: Partition = await bodyOf(await call(`${CLUSTER}/topics/${topic}/partitions/0`));
  const follower = partition.replica_states.find((replica) => !replica.is_leader)!.broker_id;
  const rackOf = async (id: number): Promise<string> =>
    (await bodyOf(await call(`${CLUSTER}/brokers/${id}`))).rack;
  const leader = partition.leader_id;
  return { topic, leader, follower, near: await rackOf(follower), home: await rackOf(leader) };
}

const servedBy = (response: Response): number => Number(response.headers.get("x-odradek-replica"));
const valuesOf = async (response: Response) =>
  (await bodyOf(response)).map((record: { value: unknown }) => record.value);

describe("a reader that says where it is", () => {
  it("is served by the replica there, once that knows that the records are committed", async () => {
    const { topic, follower, near } = await filled();
    const path = `${records(topic)}?offset=0&limit=1`;
    for (const read of [
      () => call(`${path}&client.rack=${near}`),
      () => call(path, { headers: { "client-rack": near } }),
      () => call(`${path}&client.rack=${near}`, { headers: { "client-rack": "other" } }),
    ]) {
      await eventually(async () => {
        const response = await read();
        expect(servedBy(response)).toBe(follower);
        expect(await valuesOf(response)).toEqual(["one"]);
      });
    }
  });

  it("sees at once what was acknowledged, whoever knows of it", async () => {
    const { topic, near } = await filled();
    for (let i = 0; i < 5; i += 1) {
      const { base_offset: offset } = await produce(topic, `more ${i}`);
      const response = await call(`${records(topic)}?offset=${offset}&client.rack=${near}`);
      expect(await valuesOf(response)).toEqual([`more ${i}`]);
    }
  });

  it("and waits is told of what comes, though nobody tells its replica of the commit", async () => {
    const { topic, near } = await filled();
    const waiting = call(`${records(topic)}?offset=2&timeout=30000&client.rack=${near}`);
    await produce(topic, "three");
    expect(await valuesOf(await waiting)).toEqual(["three"]);
  });
});

describe("others serve", () => {
  it("who is near to the leader, who is nowhere, and all where the setting is off", async () => {
    const { topic, leader, near, home } = await filled();
    const off = environment({ OPEN_ON_LOOPBACK: "true", REPLICA_SELECTOR_NEAREST: "false" });
    const path = `${records(topic)}?offset=0`;
    for (const response of [
      await call(path),
      await call(`${path}&client.rack=${home}`),
      await call(`${path}&client.rack=rack-of-nobody`),
      await call(`${path}&client.rack=${near}`, {}, off),
    ]) {
      expect(servedBy(response)).toBe(leader);
      expect(await valuesOf(response)).toEqual(["one", "two"]);
    }
  });

  it("readers whose replica is fenced", async () => {
    const { topic, follower, near } = await filled();
    await bodyOf(await call(`${CLUSTER}/brokers/${follower}:fence`, { method: "POST" }));
    const response = await call(`${records(topic)}?offset=0&limit=1&client.rack=${near}`);
    expect(servedBy(response)).not.toBe(follower);
    expect(await valuesOf(response)).toEqual(["one"]);
    await bodyOf(await call(`${CLUSTER}/brokers/${follower}:unfence`, { method: "POST" }));
  });
});
