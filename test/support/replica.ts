/**
 * A partition replica on Node: the real rules over `node:sqlite`, with a clock, timers and an alarm
 * that the test moves, and restarts that keep only what was durable.
 */
import type { Refusal } from "../../src/base/errors.ts";
import type { TimerPort } from "../../src/base/ports.ts";
import type {
  Appended,
  AppendRequest,
  Fetched,
  FetchRequest,
} from "../../src/objects/contracts/partition.ts";
import type { PeerPort } from "../../src/objects/contracts/replication.ts";
import { Replica } from "../../src/objects/partition/replica.ts";
import { TailBudget } from "../../src/objects/partition/reads/tail-memory.ts";
import {
  encodeBatch,
  recordsFrom,
  type BatchFields,
  type LogRecord,
} from "../../src/records/index.ts";
import { ManualAlarm, SqliteStorage, type SqliteStorageOptions } from "./sqlite-storage.ts";
import type { ReplicaAssignment, ReplicaRef } from "../../src/objects/contracts/assignment.ts";
import type { ControllerPort } from "../../src/objects/contracts/controller-port.ts";

const TOPIC_ID = "0123456789abcdef0123456789abcdef";

class ManualTimers implements TimerPort {
  readonly pending = new Set<() => void>();

  after(_delayMs: number, run: () => void): () => void {
    const fire = (): void => {
      this.pending.delete(fire);
      run();
    };
    this.pending.add(fire);
    return () => this.pending.delete(fire);
  }

  fireAll(): void {
    for (const fire of [...this.pending]) fire();
  }
}

export interface HarnessOptions {
  readonly configs?: Record<string, string>;
  readonly settings?: Record<string, string>;
  readonly durability?: SqliteStorageOptions["durability"];
}

export class ReplicaHarness {
  readonly alarm = new ManualAlarm();
  readonly timers = new ManualTimers();
  storage: SqliteStorage;
  replica: Replica;
  nowMs = 1_700_000_000_000;
  brokenBy: unknown = null;
  readonly #settings: Record<string, string>;
  #epoch = 1;

  constructor(options: HarnessOptions = {}) {
    this.#settings = options.settings ?? {};
    const durability = options.durability ?? "auto";
    this.storage = new SqliteStorage({ durability, alarm: this.alarm });
    this.replica = Replica.create(this.#ports(), this.assignment(options.configs ?? {}));
    if (durability === "held") this.storage.confirm();
  }

  assignment(
    configs: Record<string, string>,
    changes: Partial<ReplicaAssignment> = {},
  ): ReplicaAssignment {
    return {
      topicId: TOPIC_ID,
      topic: "orders",
      partition: 0,
      brokerId: 1,
      generation: 0,
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: this.#epoch++,
      replicas: [replicaRef(1, { generation: 0 })],
      inSync: [1],
      configs,
      founding: true,
      ...changes,
    };
  }

  /** A crash and a restart. */
  restart(): void {
    this.storage = this.storage.reopen();
    const woken = Replica.wake(this.#ports());
    if (!woken) throw new Error("there is no replica to wake");
    this.replica = woken;
  }

  append(batches: Uint8Array, options: Partial<AppendRequest> = {}): Promise<Appended | Refusal> {
    return this.replica.append({ batches, acks: -1, ...options });
  }

  /** Appends records of these values as one batch; fails the test when refused. */
  async appendValues(values: readonly string[], fields: BatchFields = {}): Promise<Appended> {
    return expectOk(await this.append(batchOf(values, this.nowMs, fields)));
  }

  fetch(offset: number, request: Partial<FetchRequest> = {}): Promise<Fetched | Refusal> {
    const defaults = { maxBytes: 1_048_576, minBytes: 0, maxWaitMs: 0 } as const;
    return this.replica.fetch({ offset, isolation: "read_uncommitted", ...defaults, ...request });
  }

  /** With `held` durability: confirms write after write until `promise` has its answer. */
  async confirmUntil<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    void promise.then(() => (isSettled = true));
    for (let round = 0; round < 100; round++) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      if (isSettled) return promise;
      if (this.storage.syncsWaiting > 0) this.storage.confirm();
    }
    throw new Error("it has no answer, whatever is confirmed");
  }

  /** All records from `offset` on, page by page of `maxBytes`. */
  async readAll(offset: number, maxBytes = 1_048_576): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    for (let next = offset; ;) {
      const page = expectOk(await this.fetch(next, { maxBytes }));
      if (page.batches.length === 0) return records;
      const before = records.length;
      for (const record of recordsFrom(page.batches, next)) records.push(expectOk(record));
      if (records.length === before) throw new Error(`a page from ${next} on holds no record`);
      next = records.at(-1)!.offset + 1;
    }
  }

  #ports() {
    return {
      storage: this.storage,
      clock: { nowMs: () => this.nowMs },
      alarm: this.alarm,
      timers: this.timers,
      peers: ALONE,
      controller: ALONE,
      tailBudget: new TailBudget(33_554_432),
      settings: this.#settings,
      alarmAtMs: this.alarm.atMs,
      broken: (error: unknown) => {
        this.brokenBy = error;
      },
    };
  }
}

/** A replica as its peers find it: generation 1, anywhere, not fenced. */
export function replicaRef(brokerId: number, changes: Partial<ReplicaRef> = {}): ReplicaRef {
  return { brokerId, generation: 1, locationHint: "", fenced: false, ...changes };
}

const unreachable = async (): Promise<never> => {
  throw new Error("there is nobody else");
};

/** The ports of a replica that has no peers. */
const ALONE: PeerPort & ControllerPort = {
  replicate: unreachable,
  catchUp: unreachable,
  pull: unreachable,
  alterInSync: unreachable,
  reportReplica: unreachable,
};

export function expectOk<T extends { readonly ok: true }>(result: T | Refusal): T {
  if (!result.ok) throw new Error(`${result.error}: ${result.message}`);
  return result;
}

export function batchOf(
  values: readonly string[],
  timestamp: number,
  fields: BatchFields = {},
): Uint8Array {
  const records = values.map((value) => ({
    timestamp,
    key: null,
    value: new TextEncoder().encode(value),
    headers: [],
  }));
  return encodeBatch(records, fields);
}

export function valuesOf(records: readonly LogRecord[]): string[] {
  return records.map((record) => new TextDecoder().decode(record.value!));
}
