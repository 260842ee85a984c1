/**
 * The checks that need the whole history of a run, after the cluster has healed: what was acknowledged is there, what was
 * refused is not, nothing is there twice, everybody reads the same, the state of producers is the fold of the log, look-ups
 * by time equal a scan, deleted replicas hold nothing.
 */
import type { Fetched, ListedOffset } from "../../src/objects/contracts/partition.ts";
import { splitBatches } from "../../src/records/index.ts";
import type { History, SentBatch } from "./history.ts";
import { checkFencing, checkKeptToken } from "./fencing-checks.ts";
import { nameOfRecord, recordsOf, type ChunkRow, type Mirror } from "./mirror.ts";
import type { Profile } from "./profile.ts";
import type { Router } from "./router.ts";
import type { Truth } from "./truth.ts";
import type { Watch } from "./watch.ts";
import { Random } from "./random.ts";

type Fail = (what: string) => void;

export async function checkAtEnd(
  watch: Watch,
  history: History,
  router: Router,
  profile: Profile,
): Promise<void> {
  const { world } = watch.cluster;
  const fail: Fail = (what) => world.fail(what);
  checkPurged(watch, fail);
  for (const truth of watch.truths.values()) {
    if (!truth.isLossy) checkHistory(truth, history, fail);
  }
  await watch.cluster.until(router.locate(0, "leader"));
  for (let partition = 0; partition < profile.partitions; partition++) {
    if (world.failure !== null) return;
    const truth = watch.truth(router.log(partition));
    checkReplicas(truth, history, fail);
    const reader = readEverything(watch, router, partition, truth, fail);
    await watch.cluster.until(reader);
  }
}

/** The committed rows, which are equal on all replicas, and what these remember of them (2, 9, 17, 32). */
function checkReplicas(truth: Truth, history: History, fail: Fail): void {
  const token = truth.isLossy ? null : checkFencing(truth, history, fail);
  const { replicas, leader } = truth.latest!.partition;
  const leading = truth.mirrorOf(leader)!;
  for (const { brokerId } of replicas) {
    const mirror = truth.mirrorOf(brokerId);
    if (!mirror) return fail(`9: broker ${brokerId} holds nothing`);
    if (!truth.isLossy && mirror.verifiedTo < truth.committedEnd) {
      fail(`9: broker ${brokerId} differs from the committed log at ${mirror.verifiedTo}`);
    }
    if (mirror.endOffset !== leading.endOffset) {
      fail(`9: broker ${brokerId} ends at ${mirror.endOffset}, its leader at ${leading.endOffset}`);
    }
    compareRows(mirror, leading, fail);
    checkProducers(truth, mirror, fail);
    if (token !== null) checkKeptToken(token, mirror, fail);
  }
}

function compareRows(mirror: Mirror, leading: Mirror, fail: Fail): void {
  const rows = new Map(leading.rows.map((row) => [row.base_offset, row]));
  for (const row of mirror.rows) {
    const other = rows.get(row.base_offset);
    if (other && !Buffer.from(row.data).equals(Buffer.from(other.data))) {
      fail(`2: ${mirror.name} differs from its leader at ${row.base_offset}`);
    }
  }
}

type Entry = readonly [id: number, epoch: number, sequence: number, count: number, base: number];

/** For each producer, the last five batches of its epoch. */
function fold(entries: Iterable<Entry>): Map<number, Entry[]> {
  const windows = new Map<number, Entry[]>();
  for (const entry of entries) {
    const known = windows.get(entry[0]) ?? [];
    const isSameEpoch = known[0]?.[1] === entry[1];
    windows.set(entry[0], [...(isSameEpoch ? known : []), entry].slice(-5));
  }
  return windows;
}

function entriesOf(producers: string | null): Entry[] {
  return producers === null ? [] : (JSON.parse(producers) as Entry[]);
}

/** The state of producers that a replica has after waking up is the fold of its log (17). */
function checkProducers(truth: Truth, mirror: Mirror, fail: Fail): void {
  if (truth.isLossy) return;
  const committed = [...truth.committed.values()].sort((a, b) => a.base_offset - b.base_offset);
  const expected = fold(committed.flatMap((row) => entriesOf(row.producers)));
  const from = mirror.disk.read<{ producers_from: number | null }>(
    "SELECT producers_from FROM chunks ORDER BY base_offset DESC LIMIT 1",
  )[0]?.producers_from;
  const parts = mirror.disk.read<{ next_offset: number; entries: string }>(
    "SELECT next_offset, entries FROM producer_snapshot ORDER BY part",
  );
  const covered = parts.at(-1)?.next_offset ?? 0;
  const since =
    from === null || from === undefined
      ? []
      : mirror.rows.filter((row) => row.base_offset >= Math.max(from, covered));
  const found = fold([
    ...parts.flatMap(({ entries }) => entriesOf(entries)),
    ...since.flatMap((row) => entriesOf(row.producers)),
  ]);
  for (const [producerId, window] of expected) {
    const kept = JSON.stringify(found.get(producerId) ?? null);
    if (kept !== JSON.stringify(window)) {
      fail(
        `17: ${mirror.name} remembers ${kept} of producer ${producerId}, its log says ${JSON.stringify(window)}`,
      );
    }
  }
}

/** Sequences along the log (16), compared with what the clients were told (9, 10, 16). */
function checkHistory(truth: Truth, history: History, fail: Fail): void {
  const rows = [...truth.committed.values()].sort((a, b) => a.base_offset - b.base_offset);
  checkSequences(rows, fail);
  const offsets = new Map<string, number[]>();
  for (const row of rows) {
    for (const record of recordsOf(row)) {
      const name = nameOfRecord(record);
      offsets.set(name, [...(offsets.get(name) ?? []), record.offset]);
    }
  }
  for (const batch of history.batches) {
    if (batch.log === truth.log) checkBatch(batch, offsets, truth, fail);
  }
  checkOrder(
    history.batches.filter((batch) => batch.log === truth.log),
    fail,
  );
}

function checkBatch(
  batch: SentBatch,
  offsets: ReadonlyMap<string, readonly number[]>,
  truth: Truth,
  fail: Fail,
): void {
  batch.values.forEach((value, i) => {
    const found = offsets.get(value) ?? [];
    const told = `${batch.producer} (acks ${batch.acks}, ${batch.outcome}, ${batch.refusals.join(" ")})`;
    if (batch.outcome === "absent" && found.length > 0) {
      fail(`10: ${value} of ${told} was refused and is at ${found.join()}`);
    }
    if (batch.isOnce && found.length > 1) fail(`16: ${value} of ${told} is at ${found.join()}`);
    const claimed = batch.expectedOffset + i;
    if (batch.expectedOffset >= 0 && found.some((offset) => offset !== claimed)) {
      fail(`32: ${value} of ${told} was expected at ${claimed} and is at ${found.join()}`);
    }
    const expected = batch.baseOffset + i;
    const isSure = batch.outcome === "ok" && batch.acks === -1;
    if (isSure && !found.includes(expected)) {
      fail(
        `9: ${value} of ${told} was acknowledged at ${expected} and is at ${found.join() || "none"}`,
      );
    }
    if (isSure && expected >= truth.committedEnd)
      fail(`10: ${value} was acknowledged above the high watermark`);
  });
}

/** What was acknowledged before something else was sent has a lower offset. */
function checkOrder(batches: readonly SentBatch[], fail: Fail): void {
  const sure = batches.filter(({ outcome, acks }) => outcome === "ok" && acks === -1);
  const byEnd = [...sure].sort((a, b) => a.completedMs - b.completedMs);
  let highest = -1;
  let next = 0;
  for (const batch of [...sure].sort((a, b) => a.invokedMs - b.invokedMs)) {
    while (next < byEnd.length && byEnd[next]!.completedMs < batch.invokedMs) {
      highest = Math.max(highest, byEnd[next]!.baseOffset);
      next += 1;
    }
    if (batch.baseOffset < highest) {
      fail(
        `11: ${batch.values[0]} at ${batch.baseOffset} was sent after ${highest} was acknowledged`,
      );
    }
  }
}

/** Sequences of a producer and epoch have no gaps or repeats (16); epochs never fall (18). */
function checkSequences(rows: readonly ChunkRow[], fail: Fail): void {
  const last = new Map<number, { epoch: number; next: number }>();
  for (const row of rows) {
    const split = splitBatches(new Uint8Array(row.data));
    if (!split.ok) return fail(`2: the chunk at ${row.base_offset} is no batches`);
    for (const header of split.batches) {
      const { producerId, producerEpoch, baseSequence, recordCount } = header;
      if (producerId < 0) continue;
      const known = last.get(producerId);
      const isNew = !known || producerEpoch > known.epoch;
      const expected = isNew ? (known ? 0 : baseSequence) : known.next;
      if (known && producerEpoch < known.epoch) {
        fail(
          `18: epoch ${producerEpoch} of producer ${producerId} at ${header.baseOffset} is after ${known.epoch}`,
        );
      }
      if (baseSequence !== expected) {
        fail(
          `16: sequence ${baseSequence} of producer ${producerId} at ${header.baseOffset}, ${expected} was next`,
        );
      }
      last.set(producerId, { epoch: producerEpoch, next: baseSequence + recordCount });
    }
  }
}

/** Reads the whole log from every replica, page by page; and looks offsets up by time (26). */
async function readEverything(
  watch: Watch,
  router: Router,
  partition: number,
  truth: Truth,
  fail: Fail,
): Promise<void> {
  const random = new Random(watch.cluster.world.seed, "end");
  for (const { brokerId } of truth.latest!.partition.replicas) {
    const cell = (await router.locate(partition, brokerId))!;
    let offset = truth.mirrorOf(brokerId)!.state!.logStartOffset;
    const isLeader = brokerId === truth.latest!.partition.leader;
    for (let page = 0; page < 10_000; page++) {
      const request = {
        offset,
        maxBytes: random.pick([300, 3_000, 100_000]),
        minBytes: 1,
        maxWaitMs: 0,
        isolation: "read_uncommitted",
      };
      const answer = await router.call<Fetched>(partition, cell, "fetch", request, 5_000);
      // Retention may delete records meanwhile.
      if (!answer.ok && offset < truth.logStart) {
        offset = truth.logStart;
        continue;
      }
      if (!answer.ok)
        return fail(`9: broker ${brokerId} refuses offset ${offset}: ${answer.error}`);
      watch.page(router.log(partition), `the end's reader at ${cell.name}`, offset, answer);
      if (answer.batches.length === 0) break;
      offset = answer.nextOffset;
    }
    if (isLeader && offset !== truth.committedEnd && !truth.isLossy) {
      fail(`9: the leader shows offsets below ${offset}, committed are ${truth.committedEnd}`);
    }
  }
  await lookUpTimes(router, partition, truth, random, fail);
}

async function lookUpTimes(
  router: Router,
  partition: number,
  truth: Truth,
  random: Random,
  fail: Fail,
): Promise<void> {
  const mirror = truth.mirrorOf(truth.latest!.partition.leader)!;
  const start = mirror.state!.logStartOffset;
  const records = mirror.rows.flatMap(recordsOf).filter(({ offset }) => offset >= start);
  if (records.length === 0) return;
  for (let i = 0; i < 5; i++) {
    const timestampMs = random.pick(records).timestamp + random.between(-1, 1);
    const spec = { at: "timestamp", timestampMs };
    const cell = (await router.locate(partition, "leader"))!;
    const answer = await router.call<ListedOffset>(partition, cell, "listOffset", spec, 5_000);
    if (mirror.state!.logStartOffset !== start) return;
    const scanned = records.find(({ timestamp }) => timestamp >= timestampMs)?.offset ?? -1;
    if (answer.ok && answer.offset !== scanned) {
      fail(`26: time ${timestampMs} is looked up at ${answer.offset}, a scan says ${scanned}`);
    }
  }
}

/** The objects of deleted replicas hold nothing. */
function checkPurged(watch: Watch, fail: Fail): void {
  const live = new Set<string>();
  for (const topic of watch.metadata?.topics ?? []) {
    for (const { partition, replicas } of topic.partitions) {
      for (const { brokerId, generation } of replicas) {
        live.add(`${topic.topicId}/${partition}/${brokerId}/${generation}`);
      }
    }
  }
  for (const [cell, mirror] of watch.mirrors) {
    if (!live.has(cell.name) && mirror.exists) fail(`purge: ${cell.name} still holds a log`);
  }
}
