/**
 * Proves what happens to a replica whose file was truncated, overwritten or changed while the service was down: where
 * others are in sync it gets in sync again by itself, with every acknowledged record, whether it led or followed.
 * Where it was the only one, the answer says what is wrong, and an operator has to decide what is given up.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  partitionOf,
  partitionPath,
  racks,
  settled,
  type PartitionState,
  type Place,
} from "./support/brokers.ts";
import { Client, createTopic, eventually } from "./support/client.ts";
import { logOf } from "./support/live-history.ts";
import { damage, replicaFile, type Damage } from "./support/replica-files.ts";
import { startService, type Service } from "./support/service.ts";

const BROKERS = [1, 2, 3];
/** Enough for several pages of a database. */
const BATCHES = 4;
const RECORDS = 20;
const VALUE_LENGTH = 1_000;

interface Case {
  readonly role: "leader" | "follower";
  readonly how: Damage;
}

const CASES: readonly Case[] = (["leader", "follower"] as const).flatMap((role) =>
  (["truncated", "overwritten", "garbled", "emptied"] as const).map((how) => ({ role, how })),
);

const placeOf = ({ role, how }: Case): Place => ({ topic: `${role}-${how}`, partition: 0 });

const SOLE: readonly Damage[] = ["overwritten", "garbled", "emptied"];
/** A topic with one replica. */
const soleOf = (how: Damage): Place => ({ topic: `sole-${how}`, partition: 0 });

let service: Service;
let client: Client;
/** By topic: the broker whose file was damaged. */
const victims = new Map<string, number>();

/** Appends a batch with acks=all; false where that is to be tried again. */
async function append(place: Place, first: number): Promise<boolean> {
  const records = Array.from({ length: RECORDS }, (_, i) => ({
    value: { type: "STRING", data: `${first + i}`.padEnd(VALUE_LENGTH, ".") },
  }));
  const answer = await client.ask(`${partitionPath(place)}/records:batch`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ records }),
    deadlineMs: 60_000,
  });
  return answer.status === 200;
}

beforeAll(async () => {
  service = await startService();
  client = new Client(service.url);
  for (const one of CASES) {
    const place = placeOf(one);
    await createTopic(client, place.topic, { replicas: 3 });
    for (let i = 0; i < BATCHES; i++) expect(await append(place, i * RECORDS)).toBe(true);
    const { leader_id: leader } = await partitionOf(client, place);
    const follower = BROKERS.find((id) => id !== leader)!;
    victims.set(place.topic, one.role === "leader" ? leader! : follower);
  }
  for (const how of SOLE) {
    await createTopic(client, soleOf(how).topic);
    expect(await append(soleOf(how), 0)).toBe(true);
    victims.set(soleOf(how).topic, (await partitionOf(client, soleOf(how))).leader_id!);
  }
  await service.kill();
  await client.close();
  const damaged = [
    ...CASES.map((one) => ({ how: one.how, ...placeOf(one) })),
    ...SOLE.map((how) => ({ how, ...soleOf(how) })),
  ];
  const files = damaged.map(({ topic, partition }) =>
    replicaFile(service.dataDir, { topic, partition, brokerId: victims.get(topic)! }),
  );
  for (const [i, { how }] of damaged.entries()) damage(files[i]!, how);
  await service.restart();
  client = new Client(service.url);
}, 120_000);

afterAll(async () => {
  await client.close();
  await service.stop();
});

/** All in sync, and each as far as the leader. */
async function caughtUp(place: Place): Promise<PartitionState> {
  await settled(client, place, BROKERS);
  return eventually("every replica at the end", async () => {
    const state = await partitionOf(client, place);
    const ends = state.replica_states.map(({ log_end_offset }) => log_end_offset);
    return ends.every((end) => end === state.log_end_offset) ? state : undefined;
  });
}

test.concurrent.each(CASES)("a $role's file that was $how", async (one) => {
  const place = placeOf(one);
  const victim = victims.get(place.topic)!;
  // The caller is what notices the damage.
  await eventually("an append", async () => (await append(place, BATCHES * RECORDS)) || undefined);
  const reads = BROKERS.map((id) => partitionRead(place, id));
  await Promise.all(reads);
  const state = await caughtUp(place);
  const end = state.log_end_offset!;
  expect(end).toBeGreaterThanOrEqual((BATCHES + 1) * RECORDS);
  const rackOf = await racks(client);
  const logs = await Promise.all(
    BROKERS.map(async (id) =>
      Buffer.concat(await logOf(client, place, end, { id, rack: rackOf.get(id)! })),
    ),
  );
  for (const log of logs) expect(log.equals(logs[0]!)).toBe(true);
  const generations = new Map(
    state.replica_states.map(({ broker_id, generation }) => [broker_id, generation]),
  );
  // A file that opens is repaired in place; only one that does not open becomes another object.
  const isMended = one.how === "emptied";
  expect(generations.get(victim)).toBe(isMended ? 1 : 2);
  for (const id of BROKERS) if (id !== victim) expect(generations.get(id)).toBe(1);
});

test.each(SOLE)("the only replica's file that was %s: the answer says so", async (how) => {
  const place = soleOf(how);
  const batch = { records: [{ value: { type: "STRING", data: "x" } }] };
  const produced = await client.post(`${partitionPath(place)}/records:batch`, batch);
  const read = await client.ask(`${partitionPath(place)}/records?offset=0`);
  for (const answer of [produced, read]) {
    expect(answer.status).toBe(500);
    expect(answer.json()).toMatchObject({ error_code: 50003 });
    expect(answer.text).toMatch(/storage of the object is lost or cannot be opened.*operator/);
  }
  // Nothing is created anew without an operator's decision.
  const state = await partitionOf(client, place);
  expect(state.replica_states.map(({ generation }) => generation)).toEqual([1]);
  const storage = how === "emptied" ? "lost" : "unopened";
  expect(state.replica_states.map((replica) => replica.storage)).toEqual([storage]);
  const { text } = await client.ask(`/metrics?topic=${place.topic}`);
  expect(text).toMatch(new RegExp(`^odradek_replica_storage\\{.*state="${storage}"\\} 1$`, "m"));
  expect(text).toMatch(/^odradek_damaged_replicas [1-9]/m);
  // One partition's storage is not that of the service.
  expect((await client.ask("/healthz")).status).toBe(200);
});

test("the only replica's file that was removed: an operator gives up what it held", async () => {
  const place = soleOf("emptied");
  const elected = await client.post(`${partitionPath(place)}:elect-leader`, {
    election_type: "unclean",
  });
  expect(elected.status).toBeLessThan(300);
  await eventually("an append", async () => (await append(place, 0)) || undefined);
  expect(await partitionOf(client, place)).toMatchObject({ log_end_offset: RECORDS });
});

/** A reader near to a replica, so that it is asked: whatever it answers. */
async function partitionRead(place: Place, brokerId: number): Promise<void> {
  const rack = (await racks(client)).get(brokerId)!;
  await client.ask(`${partitionPath(place)}/records?offset=0&client.rack=${rack}`);
}
