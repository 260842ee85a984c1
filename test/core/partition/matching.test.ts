/**
 * How far two logs match, and what a follower takes over: epochs, log starts, high watermarks and producers, after one of
 * the logs was truncated, emptied or begun anew.
 */
import { expect, test } from "vitest";
import type { ReplicateRequest } from "../../../src/objects/contracts/replication.ts";
import { batchOf, expectOk } from "../../support/replica.ts";
import { ReplicaSet } from "../../support/replica-set.ts";

async function appended(set: ReplicaSet, ...values: string[]): Promise<void> {
  const answer = set.append(values);
  await set.settle();
  expectOk(await answer);
}

test("an emptied log goes on in its epoch after a restart", async () => {
  const set = new ReplicaSet({ configs: { "retention.ms": "-1" } });
  set.elect(1);
  set.tell(1, 2, 3);
  await appended(set, "a");
  await appended(set, "b");
  expectOk(await set.leader.deleteRecords(2));
  await set.settle();
  for (const brokerId of [1, 2, 3]) {
    set.restart(brokerId);
    expect(set.replica(brokerId).probe()).toMatchObject({ logEndOffset: 2, lastEpoch: 1 });
  }
  // Now the followers are known to match, and none begins anew.
  set.calls.length = 0;
  await appended(set, "c");
  expect(set.calls.map(({ kind }) => kind)).toEqual(["replicate", "replicate"]);
});

test("bytes that compaction has taken out of the leader's log are no mismatch", async () => {
  const set = new ReplicaSet({ brokers: [1, 2], configs: { "retention.ms": "-1" } });
  await appended(set, "a");
  let push: ReplicateRequest | null = null;
  set.beforeCall = ({ kind }, request) => {
    if (kind === "replicate") push ??= request as ReplicateRequest;
    throw new Error("the call is lost");
  };
  void set.append(["b"]);
  await set.settle();
  const { chunks, ...leader } = push!;
  const [{ facts, data }] = chunks as [ReplicateRequest["chunks"][number]];
  // The leader's next chunk begins at a higher position than the follower's log ends at.
  const position = facts.position + 1_000;
  const moved = { facts: { ...facts, position, segment_position: position }, data };
  const answer = await set.replica(2).replicate({ ...leader, chunks: [moved] });
  expect(answer).toMatchObject({ ok: true, matches: true, endOffset: 2 });
  set.restart(2);
  expect(set.replica(2).probe()).toMatchObject({ logEndOffset: 2, wasReset: false });
});

test("a log that begins anew forgets the producers of what it gave up", async () => {
  const set = new ReplicaSet({ configs: { "retention.ms": "-1" } });
  await appended(set, "a");
  set.setDown(3, true);
  // Only the old leader has the producer's batch when broker 3 takes over; it begins after it.
  set.setDown(2, true);
  const batches = batchOf(["lost"], set.nowMs, {
    producerId: 7,
    producerEpoch: 0,
    baseSequence: 0,
  });
  expectOk(await set.append(["lost"], { batches, acks: 1 }));
  expect(set.leader.describe().producers).toBe(1);
  set.setDown(2, false);
  set.setDown(3, false);
  set.setDown(1, true);
  set.elect(3, [2, 3]);
  set.tell(2, 3);
  for (const value of ["b", "c"]) await appended(set, value);
  expectOk(await set.leader.deleteRecords(3));
  await set.settle();
  set.setDown(1, false);
  set.tell(1);
  await set.pass(30_000);
  expect(set.replica(1).describe()).toMatchObject({ logStartOffset: 3, logEndOffset: 3 });
  expect(set.replica(1).describe().producers).toBe(0);
});

test("a push that a newer epoch overtakes while it is written acknowledges nothing", async () => {
  const set = new ReplicaSet();
  const pushes: ReplicateRequest[] = [];
  set.beforeCall = ({ to }, request) => {
    if (to !== 2) return;
    pushes.push(request as ReplicateRequest);
    throw new Error("it does not arrive");
  };
  const waiting = set.append(["a"]);
  await set.settle();
  const answer = set.replica(2).replicate({ ...pushes[0]!, highWatermark: 1 });
  set.elect(3);
  set.tell(2);
  expect(await answer).toMatchObject({ error: "FENCED_LEADER_EPOCH" });
  expect(set.replica(2).describe()).toMatchObject({ highWatermark: 0, logEndOffset: 1 });
  set.tell(1);
  expect(await waiting).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
});

test("a second request to catch up joins the first", async () => {
  const set = new ReplicaSet();
  set.setDown(3, true);
  for (const value of ["a", "b"]) expectOk(await set.append([value], { acks: 1 }));
  await set.settle();
  set.setDown(3, false);
  set.calls.length = 0;
  const wish = { leaderEpoch: 0, highWatermark: 0, logStartOffset: 0 };
  const answers = await Promise.all([set.replica(3).catchUp(wish), set.replica(3).catchUp(wish)]);
  for (const answer of answers) expect(answer).toMatchObject({ ok: true, endOffset: 2 });
  // One page with both records, and an empty one.
  expect(set.calls.filter(({ kind, from }) => kind === "pull" && from === 3)).toHaveLength(2);
});

test("the log start is not raised beyond what matches", async () => {
  const set = new ReplicaSet();
  for (const value of ["a", "b"]) await appended(set, value);
  const previous = { offset: 1, leaderEpoch: 0 };
  const leader = { leaderEpoch: 0, highWatermark: 2, logStartOffset: 2 };
  const answer = await set.replica(2).replicate({ ...leader, previous, chunks: [] });
  expect(answer).toMatchObject({ ok: true, matches: true, endOffset: 1 });
  expect(set.replica(2).describe()).toMatchObject({ logStartOffset: 0, logEndOffset: 2 });
  const all = { offset: 2, leaderEpoch: 0 };
  expectOk(await set.replica(2).replicate({ ...leader, previous: all, chunks: [] }));
  expect(set.replica(2).describe()).toMatchObject({ logStartOffset: 2, logEndOffset: 2 });
});

test("a high watermark is lowered with the end of its log", async () => {
  const set = new ReplicaSet();
  for (const value of ["a", "b", "c"]) await appended(set, value);
  expect(set.replica(3).describe().highWatermark).toBe(2);
  // The others are gone, and an operator elects the replica that lost its storage.
  await set.lose(2);
  set.create(2, false);
  set.setDown(1, true);
  set.decide({ leader: 2, leaderEpoch: 1, uncleanEpoch: 1, inSync: [2] });
  set.tell(2, 3);
  await set.pass(5_000);
  expect(set.replica(3).describe()).toMatchObject({ highWatermark: 0, logEndOffset: 0 });
  const page = { offset: 0, maxBytes: 1_000, minBytes: 0, maxWaitMs: 0 };
  const read = await set.replica(3).fetch({ ...page, isolation: "read_uncommitted" });
  expect(expectOk(read)).toMatchObject({ highWatermark: 0, nextOffset: 0 });
});

test("a log is a prefix only in an epoch of both", async () => {
  const set = new ReplicaSet();
  await appended(set, "a");
  set.setDown(3, true);
  expectOk(await set.append(["b"], { acks: 1 }));
  await set.settle();
  // Broker 3 leads an epoch of which nobody else ever has a record.
  set.elect(3);
  set.tell(3);
  expectOk(await set.append(["x"], { acks: 1 }));
  await set.settle();
  set.elect(1);
  set.tell(1, 2);
  set.setDown(3, false);
  await appended(set, "c");
  await set.pass(20_000);
  expect(set.rows(1)).toHaveLength(3);
  expect(set.rows(3)).toEqual(set.rows(1));
});

test("records are deleted below the high watermark only", async () => {
  const set = new ReplicaSet();
  await appended(set, "a");
  set.setDown(3, true);
  expectOk(await set.append(["b"], { acks: 1 }));
  await set.settle();
  expect(set.leader.describe()).toMatchObject({ highWatermark: 1, logEndOffset: 2 });
  expect(await set.leader.deleteRecords(2)).toMatchObject({ error: "OFFSET_OUT_OF_RANGE" });
  const deleted = set.leader.deleteRecords(-1);
  set.setDown(3, false);
  await set.pass(1_000);
  expect(await deleted).toEqual({ ok: true, logStartOffset: 1 });
  expect(set.leader.describe()).toMatchObject({ logStartOffset: 1, logEndOffset: 2 });
});
