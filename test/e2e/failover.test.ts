/**
 * Proves what an operator and a producer see when a broker is lost: with three replicas another leads at once and
 * nothing acknowledged is missing; with too few in sync, acks=all is refused with nothing written, and acks=1 follows
 * Kafka: acknowledged, and not readable before the in-sync set is back.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  changeBroker,
  partitionOf,
  partitionPath,
  settled,
  type PartitionState,
  type Place,
} from "./support/brokers.ts";
import {
  Client,
  createTopic,
  endsOf,
  eventually,
  topicPath,
  type Answer,
} from "./support/client.ts";
import { startService, type Service } from "./support/service.ts";

const BROKERS = [1, 2, 3];
const SUCCEEDS_AGAIN_MS = 2_000;
const IN_SYNC_AGAIN_MS = 10_000;

let service: Service;
let client: Client;

beforeAll(async () => {
  service = await startService();
  client = new Client(service.url);
});

afterAll(async () => {
  await client.close();
  await service.stop();
});

const produce = (place: Place, value: string, acks = "all"): Promise<Answer> =>
  client.post(`${partitionPath(place)}/records:batch?acks=${acks}`, {
    records: [{ value: { type: "STRING", data: value } }],
  });

/** The offset of a record that was acknowledged. */
async function acknowledged(place: Place, value: string): Promise<number> {
  const answer = await produce(place, value);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.json<{ base_offset: number }>().base_offset;
}

async function valuesFrom(place: Place, offset: number): Promise<Map<number, string>> {
  const path = `/topics/${place.topic}/partitions/${place.partition}/records?offset=${offset}`;
  const headers = { accept: "application/vnd.kafka.string.v2+json" };
  const answer = await client.ask(path, { headers });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  const records = answer.json<{ offset: number; value: string }[]>();
  return new Map(records.map((record) => [record.offset, record.value]));
}

describe("two partitions of three replicas", () => {
  const places: readonly Place[] = [
    { topic: "orders", partition: 0 },
    { topic: "orders", partition: 1 },
  ];
  const [place] = places as [Place];
  const written = new Map<number, string>();

  test("describe shows three in sync each, and leaders that are spread", async () => {
    await createTopic(client, "orders", { partitions: 2, replicas: 3 });
    const states = await Promise.all(places.map((one) => partitionOf(client, one)));
    for (const state of states) expect(state.in_sync_replicas.toSorted()).toEqual(BROKERS);
    const leaders = states.map(({ leader_id }) => leader_id);
    expect(new Set(leaders).size).toBe(2);
    expect(await client.get(topicPath("orders"))).toMatchObject({
      under_replicated_partitions: 0,
      offline_partitions: 0,
    });
  });

  test("the leader of one is fenced: a produce with acks=all succeeds again within 2 s", async () => {
    for (let n = 0; n < 200; n++)
      written.set(await acknowledged(place, `before ${n}`), `before ${n}`);
    const { leader_id: leader, leader_epoch: epoch } = await partitionOf(client, place);
    const startedMs = performance.now();
    await changeBroker(client, leader!, "fence");
    const offset = await eventually(
      "an acknowledged record",
      async () => {
        const answer = await produce(place, "after");
        return answer.status === 200
          ? answer.json<{ base_offset: number }>().base_offset
          : undefined;
      },
      SUCCEEDS_AGAIN_MS,
    );
    console.log(`acknowledged again after ${Math.round(performance.now() - startedMs)} ms`);
    written.set(offset, "after");
    const now = await partitionOf(client, place);
    expect(now.leader_id).not.toBe(leader);
    expect(now.leader_epoch).toBeGreaterThan(epoch);
    expect(now.in_sync_replicas).not.toContain(leader);
  });

  test("every record acknowledged before is readable at its offset", async () => {
    expect(await valuesFrom(place, 0)).toEqual(written);
  });

  test("after unfencing, three are in sync again within 10 s, on their own", async () => {
    const { in_sync_replicas: inSync } = await partitionOf(client, place);
    const fenced = BROKERS.find((id) => !inSync.includes(id))!;
    await changeBroker(client, fenced, "unfence");
    const startedMs = performance.now();
    await settled(client, place, BROKERS, IN_SYNC_AGAIN_MS);
    console.log(`three in sync again after ${Math.round(performance.now() - startedMs)} ms`);
    expect(await valuesFrom(place, 0)).toEqual(written);
  });
});

describe("fewer in sync than min.insync.replicas", () => {
  const place: Place = { topic: "strict", partition: 0 };
  let alone: PartitionState;
  let fenced: number[];

  beforeAll(async () => {
    const configs = { "min.insync.replicas": "2" };
    await createTopic(client, "strict", { replicas: 3, configs });
    expect(await acknowledged(place, "before")).toBe(0);
    const { leader_id: leader } = await partitionOf(client, place);
    fenced = BROKERS.filter((id) => id !== leader);
    for (const id of fenced) await changeBroker(client, id, "fence");
    alone = await partitionOf(client, place);
    expect(alone).toMatchObject({ leader_id: leader, in_sync_replicas: [leader] });
  });

  test("acks=all is refused with nothing written", async () => {
    const answer = await produce(place, "refused");
    expect(answer.status).toBe(503);
    expect(answer.json()).toMatchObject({ error_code: 50302 });
    const { log_end_offset, high_watermark } = await partitionOf(client, place);
    expect([log_end_offset, high_watermark]).toEqual([1, 1]);
  });

  test("acks=1 is acknowledged, and not readable", async () => {
    const answer = await produce(place, "mine", "1");
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ base_offset: 1 });
    expect(await valuesFrom(place, 1)).toEqual(new Map());
    expect(await endsOf(client, "strict", 0)).toMatchObject({ latest_offset: 1 });
    expect((await partitionOf(client, place)).log_end_offset).toBe(2);
  });

  test("until the in-sync set is back: then it is, and what was refused is nowhere", async () => {
    await changeBroker(client, fenced[0]!, "unfence");
    await eventually("the record", async () => {
      return (await valuesFrom(place, 1)).get(1) === "mine" ? true : undefined;
    });
    await changeBroker(client, fenced[1]!, "unfence");
    await settled(client, place, BROKERS);
    expect(await acknowledged(place, "all again")).toBe(2);
    const expected = ["before", "mine", "all again"].map(
      (value, offset) => [offset, value] as const,
    );
    expect(await valuesFrom(place, 0)).toEqual(new Map(expected));
  });
});
