/**
 * Three replicas as the objects they are, in workerd: what an append and being idle cost, and what
 * is left when objects are evicted, aborted or lose their storage. The rules themselves are proved on
 * Node (test/core/partition, test/sim).
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { refuse } from "../../src/base/errors.ts";
import { Controller } from "../../src/objects/controller/object.ts";
import { Partition } from "../../src/objects/partition/object.ts";
import { platformTimer } from "../../src/objects/runtime/time.ts";
import { counters } from "../../src/gateway/metrics.ts";
import { eventually } from "./eventually.ts";
import { Replicated } from "./replication-support.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** Counts calls of partition objects by their peers, and of the controller by them. */
function countPeerCalls(): () => Record<"pushes" | "others", number> {
  const replicate = vi.spyOn(Partition.prototype, "replicate");
  const others = [
    vi.spyOn(Partition.prototype, "catchUp"),
    vi.spyOn(Partition.prototype, "pull"),
    vi.spyOn(Partition.prototype, "assign"),
    vi.spyOn(Controller.prototype, "alterInSync"),
  ];
  return () => ({
    pushes: replicate.mock.calls.length,
    others: others.reduce((sum, spy) => sum + spy.mock.calls.length, 0),
  });
}

/** Timers of objects that are set and have neither run nor been cancelled. */
function watchTimers(): ReadonlySet<object> {
  const pending = new Set<object>();
  const { after } = platformTimer;
  vi.spyOn(platformTimer, "after").mockImplementation((delayMs, run) => {
    const timer = { delayMs };
    pending.add(timer);
    const cancel = after(delayMs, () => {
      pending.delete(timer);
      run();
    });
    return () => {
      pending.delete(timer);
      cancel();
    };
  });
  return pending;
}

describe("budgets", () => {
  it.for([
    ["small records, pushed by RPC", 10],
    ["larger ones, pushed as requests", 50_000],
  ] as const)("an append with acks=all is 3 rows and 3 calls: %s", async ([, bytes]) => {
    const partition = await Replicated.create();
    await partition.append("first");
    const rows = await partition.rowsWritten();
    const calls = counters.partitionCalls;
    const peerCalls = countPeerCalls();
    const appends = 10;
    for (let n = 0; n < appends; n++) await partition.append(`${n} ${"x".repeat(bytes)}`);
    expect(counters.partitionCalls - calls).toBe(appends);
    expect(peerCalls()).toEqual({ pushes: 2 * appends, others: 0 });
    expect((await partition.rowsWritten()) - rows).toBe(3 * appends);
    await partition.check();
  });

  it("while nothing is produced no call, no row, no timer and no alarm is to come", async () => {
    const timers = watchTimers();
    const partition = await Replicated.create();
    for (let n = 0; n < 5; n++) await partition.append(`record ${n}`);
    expect(vi.mocked(platformTimer.after), "the watch sees timers").toHaveBeenCalled();
    // What was set for the appends and for telling the replicas runs out without doing anything.
    const peerCalls = countPeerCalls();
    const rows = await partition.rowsWritten();
    await eventually(async () => expect(timers.size).toBe(0));
    expect(await partition.alarms()).toEqual([]);
    expect(peerCalls()).toEqual({ pushes: 0, others: 0 });
    expect(await partition.rowsWritten()).toBe(rows);
  });
});

describe("eviction", () => {
  it("between appends, of the leader, a follower or all: every append goes through", async () => {
    const partition = await Replicated.create();
    const leader = await partition.leader();
    const [one, other] = partition.brokers.filter((id) => id !== leader);
    const victims = [[leader], [one!], [other!], [leader, one!, other!], [one!, other!]];
    for (const [n, brokers] of victims.entries()) {
      await partition.append(`before ${n}`);
      for (const id of brokers) await partition.evict(id);
      await partition.append(`after ${n}`);
    }
    await partition.settled();
    expect(partition.acknowledged.size).toBe(2 * victims.length);
    expect(await partition.leader()).toBe(leader);
  });

  it("in the middle of appends loses nothing that was acknowledged", async () => {
    const partition = await Replicated.create();
    const brokers = partition.brokers;
    for (let n = 0; n < 6; n++) {
      const appends = Array.from({ length: 5 }, (_, i) => partition.send(`${n}.${i}`));
      await Promise.all([...appends, partition.evict(brokers[n % brokers.length]!)]);
    }
    await partition.append("last");
    await partition.settled();
  });
});

describe("an abort of all replicas at once", () => {
  it("in the middle of appends loses nothing that was acknowledged", async () => {
    const partition = await Replicated.create();
    for (let n = 0; n < 6; n++) {
      const appends = Array.from({ length: 5 }, (_, i) => partition.send(`${n}.${i}`));
      await Promise.race(appends);
      await partition.abort();
      await Promise.all(appends);
    }
    await eventually(() => partition.append("last"));
    await partition.settled();
    expect(partition.acknowledged.size).toBeGreaterThanOrEqual(6);
  });

  it("before its followers have a record: it is not acknowledged, and what comes next takes it along", async () => {
    const partition = await Replicated.create();
    await partition.append("before");
    const leader = await partition.leader();
    const replicate = vi.spyOn(Partition.prototype, "replicate");
    replicate.mockImplementation(async () => refuse("KAFKA_STORAGE_ERROR"));
    const status = partition.send("cut");
    await eventually(async () => expect((await partition.view()).log_end_offset).toBe(2));
    await eventually(async () => expect(replicate).toHaveBeenCalled());
    await partition.abort();
    vi.restoreAllMocks();
    expect(await status).toBeGreaterThanOrEqual(500);
    await eventually(() => partition.append("after"));
    expect(partition.acknowledged).toEqual(
      new Map([
        [0, "before"],
        [2, "after"],
      ]),
    );
    await partition.settled();
    expect(await partition.leader()).toBe(leader);
  });
});

describe("a replica whose storage is lost", () => {
  it("as a follower copies the log anew before it counts", async () => {
    const partition = await Replicated.create();
    for (let n = 0; n < 20; n++) await partition.append(`before ${n}`);
    const leader = await partition.leader();
    const lost = partition.brokers.find((id) => id !== leader)!;
    await partition.lose(lost);
    await eventually(() => partition.append("after"));
    // From here on it has left the in-sync set or holds the log again: it was waited for or not counted.
    await eventually(async () => {
      const view = await partition.view();
      expect(view.in_sync_replicas).toContain(lost);
      const { log_end_offset: end } = view.replica_states.find(
        ({ broker_id }) => broker_id === lost,
      )!;
      if (end !== view.log_end_offset) throw new Error(`in sync at ${end}`);
    });
    await partition.settled();
    expect(await partition.leader()).toBe(leader);
  });

  it("as the leader leads no more: another does, with all that was acknowledged", async () => {
    const partition = await Replicated.create();
    for (let n = 0; n < 20; n++) await partition.append(`before ${n}`);
    const lost = await partition.leader();
    await partition.lose(lost);
    await eventually(() => partition.append("after"));
    expect(await partition.leader()).not.toBe(lost);
    await partition.settled();
  });
});
