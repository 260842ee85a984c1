/**
 * Proves what replication promises, on the running service: under continuous load from idempotent and plain producers
 * the whole process tree is killed repeatedly, brokers are fenced and come back, sometimes all but one of them,
 * leaders are elected and a partition moves to another broker. Then nothing acknowledged is lost, nothing refused is
 * there, nothing is there twice, no reader of any replica was shown what a later leader does not have, and all
 * replicas are equal byte for byte.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  changeBroker,
  electPreferred,
  metric,
  partitionOf,
  racks,
  reassign,
  registerBroker,
  settled,
  type Place,
} from "./support/brokers.ts";
import { Client, createTopic } from "./support/client.ts";
import { randomFrom } from "./support/content.ts";
import { produce, read, type Live, type ProducerSpec } from "./support/live-clients.ts";
import { LiveHistory, logOf } from "./support/live-history.ts";
import { until } from "./support/processes.ts";
import { startService, type Service } from "./support/service.ts";

const SEED = Number(process.env["ODRADEK_SEED"] ?? 20_261_120);
const KILLS = 20;
const FENCES = 50;
const BROKERS = [1, 2, 3];
/** At least this many records are acknowledged between two faults. */
const PROGRESS_RECORDS = 100;
const PROGRESS_WAIT_MS = 30_000;
/** The kills before which a partition moves to a broker that was not there, and back. */
const MOVES = { away: 7, back: 13 };

const PAIR: readonly Place[] = [
  { topic: "pair", partition: 0 },
  { topic: "pair", partition: 1 },
];
/** Needs two in sync to take anything. */
const STRICT: Place = { topic: "strict", partition: 0 };
const STRICT_MIN = 2;

const PRODUCERS: readonly (ProducerSpec & { readonly place: Place })[] = [
  { place: PAIR[0]!, stream: 0, idempotent: true },
  { place: PAIR[0]!, stream: 1, idempotent: true },
  { place: PAIR[0]!, stream: 2, idempotent: false },
  { place: PAIR[1]!, stream: 3, idempotent: true },
  { place: PAIR[1]!, stream: 4, idempotent: false },
  { place: STRICT, stream: 5, idempotent: false },
  { place: STRICT, stream: 6, idempotent: true },
];

const random = randomFrom(SEED);
const chance = (probability: number): boolean => random() < probability;
const histories = [...PAIR, STRICT].map((place) => new LiveHistory(place));
const done = { kills: 0, fences: 0, elections: 0 };
let service: Service;
let live: Live;
let clients: Promise<unknown>;
let failure: unknown;
let preferred: ReadonlyMap<Place, readonly number[]>;

const acknowledged = (): number => histories.reduce((sum, one) => sum + one.acknowledged, 0);

async function brokersOf(place: Place): Promise<number[]> {
  const { replica_states: replicas } = await partitionOf(live.client, place);
  return replicas.map(({ broker_id }) => broker_id);
}

beforeAll(async () => {
  service = await startService();
  const client = new Client(service.url);
  live = {
    client,
    start: Promise.resolve(),
    isOver: false,
    unknownOutcomes: 0,
    refusals: 0,
    pages: new Map(),
  };
  const configs = { "retention.ms": "-1" };
  await createTopic(client, "pair", { partitions: 2, replicas: 3, configs });
  const strict = { ...configs, "min.insync.replicas": String(STRICT_MIN) };
  await createTopic(client, "strict", { replicas: 3, configs: strict });
  const order = histories.map(async ({ place }) => [place, await brokersOf(place)] as const);
  preferred = new Map(await Promise.all(order));
});

afterAll(async () => {
  live.isOver = true;
  await clients.catch(() => {});
  await live.client.close();
  await service.stop();
});

function begin(): void {
  const regions = ["weur", "enam", "apac", null];
  clients = Promise.all([
    ...PRODUCERS.map((spec) => {
      return produce(
        live,
        histories.find(({ place }) => place === spec.place)!,
        spec,
      );
    }),
    ...histories.flatMap((history) => regions.map((region) => read(live, history, region))),
  ]);
  clients.catch((error: unknown) => (failure = error));
}

/** Whether some partition is able to take records, as the controller has it. */
async function isSomeoneThere(): Promise<boolean> {
  const states = await Promise.all(
    histories.map(async ({ place }) => ({ place, ...(await partitionOf(live.client, place)) })),
  );
  return states.some(({ place, leader_id, in_sync_replicas }) => {
    return leader_id !== null && in_sync_replicas.length >= (place === STRICT ? STRICT_MIN : 1);
  });
}

/** The load continues: records are acknowledged, unless every partition is rightly unavailable. */
async function progress(): Promise<void> {
  const target = acknowledged() + PROGRESS_RECORDS;
  let looks = 0;
  await until(
    async () => {
      if (failure !== undefined) throw failure;
      looks += 1;
      return acknowledged() >= target || (looks % 20 === 0 && !(await isSomeoneThere()));
    },
    PROGRESS_WAIT_MS,
    () => `acknowledged ${acknowledged()} of ${target}, with a leader and enough in sync`,
  );
}

async function kill(): Promise<void> {
  const start = Promise.withResolvers<void>();
  live.start = start.promise;
  try {
    await service.kill();
    await service.restart();
    const { client } = live;
    live.client = new Client(service.url);
    await client.close();
    done.kills += 1;
  } finally {
    start.resolve();
  }
}

const fence = (id: number): Promise<void> => changeBroker(live.client, id, "fence");
const unfence = (id: number): Promise<void> => changeBroker(live.client, id, "unfence");

/** Fences a broker or two and has them come back, with `pause` in between. */
async function fences(pause: () => Promise<void>): Promise<void> {
  const [first, second] = BROKERS.map((id) => ({ id, dice: random() }))
    .sort((a, b) => a.dice - b.dice)
    .map(({ id }) => id) as [number, number, number];
  const kind = random();
  await fence(first);
  await pause();
  if (kind < 0.4) {
    await unfence(first);
    done.fences += 1;
    return;
  }
  if (kind < 0.7) {
    // The second goes while the first is coming back.
    await unfence(first);
    await fence(second);
    await pause();
    await unfence(second);
  } else {
    // One is left.
    await fence(second);
    await pause();
    const [next, last] = chance(0.5) ? [first, second] : [second, first];
    await unfence(next);
    if (chance(0.5)) await pause();
    await unfence(last);
  }
  done.fences += 2;
}

/** Everything is killed while the controller decides: the broker is fenced after that, or not. */
async function killWhileFencing(id: number): Promise<void> {
  const before = acknowledged();
  let isAnswered = false;
  const cut = fence(id)
    .catch(() => "its answer may not have come")
    .finally(() => (isAnswered = true));
  // Still in progress: records sent after it have been answered.
  await until(
    () => isAnswered || acknowledged() > before,
    PROGRESS_WAIT_MS,
    () => "neither the fence nor a record was answered",
  );
  await kill();
  await cut;
  await progress();
  await unfence(id);
  done.fences += 1;
}

async function round(number: number): Promise<void> {
  let isDue = true;
  const pause = async (): Promise<void> => {
    await progress();
    if (!isDue || !chance(0.3)) return;
    isDue = false;
    await kill();
  };
  if (chance(0.25)) {
    isDue = false;
    await killWhileFencing(BROKERS[number % BROKERS.length]!);
  }
  if (number === MOVES.away) {
    await registerBroker(live.client, 4, "oc");
    await reassign(live.client, PAIR[0]!, [4, ...preferred.get(PAIR[0]!)!.slice(1)]);
  }
  if (number === MOVES.back) await reassign(live.client, PAIR[0]!, preferred.get(PAIR[0]!)!);
  while (done.fences < (FENCES * number) / KILLS) await fences(pause);
  if (chance(0.4)) {
    const { place } = histories[Math.floor(random() * histories.length)]!;
    if (await electPreferred(live.client, place)) done.elections += 1;
  }
  await pause();
  if (isDue) await kill();
}

describe(`replicas under load (seed ${SEED})`, () => {
  test(`${KILLS} kills and ${FENCES} fences: the load goes on, and all come back in sync`, async () => {
    begin();
    for (let number = 1; number <= KILLS; number++) await round(number);
    await progress();
    await Promise.all(
      histories.map(({ place }) => settled(live.client, place, preferred.get(place)!)),
    );
    await progress();
    live.isOver = true;
    await clients;
    expect(done.kills).toBeGreaterThanOrEqual(KILLS);
    expect(done.fences).toBeGreaterThanOrEqual(FENCES);
    expect(live.unknownOutcomes).toBeGreaterThan(0);
    expect(live.pages.size).toBeGreaterThanOrEqual(BROKERS.length);
    const elections = await metric(live.client, "odradek_leader_elections_total");
    const pages = [...live.pages].map(([id, count]) => `${count} by ${id}`).join(", ");
    console.log(
      `seed ${SEED}: ${acknowledged()} records acknowledged, ${done.kills} kills, ${done.fences} fences, ` +
        `${elections} elections (${done.elections} preferred), ${live.unknownOutcomes} outcomes unknown, ` +
        `${live.refusals} refused; pages read: ${pages}`,
    );
    expect(await metric(live.client, "odradek_unclean_leader_elections_total")).toBe(0);
  });

  test.for(histories)(
    "$place.topic/$place.partition holds its history, alike on every replica",
    async (history) => {
      expect(live.isOver, "the load has ended").toBe(true);
      const { place } = history;
      const own = PRODUCERS.filter((producer) => producer.place === place);
      const idempotent = own.filter((producer) => producer.idempotent);
      const rackOf = await racks(live.client);
      const state = await partitionOf(live.client, place);
      const end = state.log_end_offset!;
      expect(state.replica_states.map(({ log_end_offset }) => log_end_offset)).toEqual(
        BROKERS.map(() => end),
      );
      const logs = await Promise.all(
        BROKERS.map((id) => logOf(live.client, place, end, { id, rack: rackOf.get(id)! })),
      );
      history.check(logs[0]!, new Set(idempotent.map(({ stream }) => stream)));
      for (const log of logs) expect(Buffer.concat(log).equals(Buffer.concat(logs[0]!))).toBe(true);
    },
  );
});
