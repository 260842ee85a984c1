/** Readers on bare connections: fetches from the leader, and questions for the end of a log and for offsets. */
import { setTimeout as sleep } from "node:timers/promises";
import { ERRORS } from "../../../src/base/errors.ts";
import { recordsFrom } from "../../../src/records/index.ts";
import { endsOf } from "../support/client.ts";
import { nullIfLost } from "./wire-leader.ts";
import type { LiveHistory } from "../support/live-history.ts";
import { ReaderHistory } from "../support/reader-history.ts";
import { WireLeader } from "./wire-leader.ts";
import { count, type World } from "./world.ts";

const FETCH = { key: 1, version: 12 } as const;
const LIST_OFFSETS = { key: 2, version: 7 } as const;
const NONE = 0;
const CONSUMER = -1;
const LATEST = -1;
const PAUSE_MS = 100;

/** What a healthy cluster answers a reader under faults that asks where it was led to. */
const EXPECTED: ReadonlySet<number> = new Set([
  ERRORS.NOT_LEADER_OR_FOLLOWER.kafka,
  ERRORS.LEADER_NOT_AVAILABLE.kafka,
  ERRORS.UNKNOWN_TOPIC_OR_PARTITION.kafka,
  ERRORS.OFFSET_NOT_AVAILABLE.kafka,
  ERRORS.REPLICA_NOT_AVAILABLE.kafka,
  ERRORS.REQUEST_TIMED_OUT.kafka,
  ERRORS.KAFKA_STORAGE_ERROR.kafka,
]);

/** Reads a partition as a consumer does that was assigned it by hand. */
export async function fetchAll(
  world: World,
  history: LiveHistory,
  isolationLevel: 0 | 1,
): Promise<void> {
  const reader = new ReaderHistory(history, `wire reader (isolation ${isolationLevel})`);
  const leader = new WireLeader(world.kafka, history.place);
  while (!isDone(world, reader)) {
    const isAnswered = await fetchOnce(leader, reader, isolationLevel, world);
    if (!isAnswered) await leader.again();
  }
  leader.close();
}

async function fetchOnce(
  leader: WireLeader,
  reader: ReaderHistory,
  isolationLevel: 0 | 1,
  world: World,
): Promise<boolean> {
  const { history } = reader;
  const { topic, partition } = history.place;
  const { visibleEnd } = history;
  const connection = await leader.connection();
  const answer = await connection
    ?.ask(FETCH.key, FETCH.version, {
      maxWaitMs: 300,
      minBytes: 1,
      maxBytes: 500_000,
      isolationLevel,
      topics: [
        {
          topic,
          partitions: [{ partition, fetchOffset: reader.next, partitionMaxBytes: 300_000 }],
        },
      ],
    })
    .catch(nullIfLost);
  const found = answer?.responses[0]?.partitions[0];
  if (found === undefined) return false;
  if (found.errorCode !== NONE) {
    if (EXPECTED.has(found.errorCode)) return false;
    throw new Error(`${reader.name}: answered ${found.errorCode} at ${reader.next}`);
  }
  const before = reader.next;
  for (const record of recordsFrom(found.records ?? new Uint8Array(0), before)) {
    if (!record.ok) throw new Error(`${reader.name}: ${record.message}`);
    if (record.offset >= before) reader.take(record.offset, Buffer.from(record.value!).toString());
  }
  const read = reader.next - before;
  if (read === 0) history.ended(visibleEnd, before, reader.name);
  if (read > 0 && found.highWatermark < reader.next) {
    throw new Error(`${reader.name}: shown up to ${reader.next}, above ${found.highWatermark}`);
  }
  count(world.totals, "read: wire", read);
  return true;
}

/** Asks for the ends of all partitions, over HTTP and over the wire, one after the other. */
export async function askEnds(world: World): Promise<void> {
  const leaders = new Map<LiveHistory, WireLeader>();
  while (!world.live.isOver) {
    for (const history of world.histories) {
      const leader = leaders.get(history) ?? new WireLeader(world.kafka, history.place);
      leaders.set(history, leader);
      await askEndOverHttp(world, history);
      for (const isolationLevel of [0, 1] as const) {
        await askEnd(world, history, leader, isolationLevel);
      }
      if (world.live.isOver) break;
    }
    await sleep(PAUSE_MS);
  }
  for (const leader of leaders.values()) leader.close();
}

async function askEndOverHttp({ live, totals }: World, history: LiveHistory): Promise<void> {
  const { visibleEnd, place } = history;
  // What is refused, or never answered, tells nothing.
  const ends = await endsOf(live.client, place.topic, place.partition).catch(() => null);
  if (ends === null) return;
  history.ended(visibleEnd, ends.latest_offset, "HTTP");
  count(totals, "ends: HTTP");
}

async function askEnd(
  { totals }: World,
  history: LiveHistory,
  leader: WireLeader,
  isolationLevel: 0 | 1,
): Promise<void> {
  const { visibleEnd, place } = history;
  const partitions = [{ partitionIndex: place.partition, timestamp: LATEST }];
  const connection = await leader.connection();
  const answer = await connection
    ?.ask(LIST_OFFSETS.key, LIST_OFFSETS.version, {
      replicaId: CONSUMER,
      isolationLevel,
      topics: [{ name: place.topic, partitions }],
    })
    .catch(nullIfLost);
  const found = answer?.topics[0]?.partitions[0];
  if (found?.errorCode === NONE) {
    history.ended(visibleEnd, Number(found.offset), `ListOffsets (isolation ${isolationLevel})`);
    count(totals, "ends: wire");
    return;
  }
  if (found !== undefined && !EXPECTED.has(found.errorCode)) {
    throw new Error(`ListOffsets of ${place.topic}: answered ${found.errorCode}`);
  }
  await leader.again();
}

/** Everything is written, and it has read all of it. */
export function isDone({ live, isSettled }: World, { next, history }: ReaderHistory): boolean {
  return live.isOver || (isSettled && next >= history.visibleEnd);
}
