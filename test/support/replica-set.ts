/**
 * The replicas of one partition on Node, calling each other directly: the real rules over
 * `node:sqlite`, a controller that keeps its decisions in a field, links that the test cuts, and
 * crashes that keep only what was durable. For directed tests; random faults are test/sim's.
 */
import { refuse, type Refusal } from "../../src/base/errors.ts";
import type { Appended, AppendRequest } from "../../src/objects/contracts/partition.ts";
import type { PeerPort } from "../../src/objects/contracts/replication.ts";
import { Replica } from "../../src/objects/partition/replica.ts";
import { TailBudget } from "../../src/objects/partition/reads/tail-memory.ts";
import { batchOf, replicaRef } from "./replica.ts";
import { ManualAlarm, SqliteStorage } from "./sqlite-storage.ts";
import type { ReplicaAssignment } from "../../src/objects/contracts/assignment.ts";
import type {
  AlteredInSync,
  AlterInSyncRequest,
  ControllerPort,
} from "../../src/objects/contracts/controller-port.ts";

const TOPIC_ID = "0123456789abcdef0123456789abcdef";

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

class Member {
  readonly alarm = new ManualAlarm();
  timers = new Set<Timer>();
  storage = new SqliteStorage({ alarm: this.alarm });
  replica: Replica | null = null;
  isDown = false;
}

/** What a call between replicas was. */
export type PeerCall = {
  readonly kind: keyof PeerPort;
  readonly from: number;
  readonly to: number;
};

export class ReplicaSet {
  readonly members = new Map<number, Member>();
  readonly calls: PeerCall[] = [];
  /** Brokers whose replica a leader has found without storage. */
  readonly reported: number[] = [];
  nowMs = 1_700_000_000_000;
  state: Pick<
    ReplicaAssignment,
    "leader" | "leaderEpoch" | "uncleanEpoch" | "partitionEpoch" | "inSync" | "configs" | "replicas"
  >;
  /** The controller does not answer leaders. */
  isControllerCut = false;
  /** Called before a message between replicas is handed over: it rejects where it throws. */
  beforeCall: ((call: PeerCall, request: unknown) => void | Promise<void>) | null = null;
  readonly #settings: Record<string, string>;

  constructor(
    options: {
      brokers?: readonly number[];
      configs?: Record<string, string>;
      settings?: Record<string, string>;
    } = {},
  ) {
    const brokers = options.brokers ?? [1, 2, 3];
    this.#settings = options.settings ?? {};
    this.state = {
      leader: brokers[0]!,
      leaderEpoch: 0,
      partitionEpoch: 0,
      inSync: brokers,
      configs: options.configs ?? {},
      replicas: brokers.map((brokerId) => replicaRef(brokerId)),
    };
    for (const brokerId of brokers) {
      this.members.set(brokerId, new Member());
      this.create(brokerId, true);
    }
  }

  /** An object without storage is assigned. */
  create(brokerId: number, founding: boolean): Replica {
    const member = this.#member(brokerId);
    const assignment = this.assignment(brokerId, founding);
    member.replica = Replica.create(this.#ports(brokerId, member), assignment);
    return member.replica;
  }

  replica(brokerId: number): Replica {
    const { replica } = this.#member(brokerId);
    if (!replica) throw new Error(`replica ${brokerId} has no object`);
    return replica;
  }

  get leader(): Replica {
    return this.replica(this.state.leader);
  }

  assignment(brokerId: number, founding = false): ReplicaAssignment {
    const name = { topicId: TOPIC_ID, topic: "orders", partition: 0, generation: 1 };
    return { ...name, brokerId, ...this.state, founding };
  }

  /** The controller decides; nobody is told. */
  decide(change: Partial<ReplicaSet["state"]>): void {
    const { partitionEpoch } = this.state;
    this.state = { ...this.state, ...change, partitionEpoch: partitionEpoch + 1 };
  }

  /** The controller makes a replica the leader; nobody is told. */
  elect(leader: number, inSync: readonly number[] = this.state.inSync): void {
    this.decide({ leader, leaderEpoch: this.state.leaderEpoch + 1, inSync });
  }

  /** Tells replicas how things stand. */
  tell(...brokerIds: number[]): void {
    for (const brokerId of brokerIds) this.replica(brokerId).assign(this.assignment(brokerId));
  }

  setFenced(brokerId: number, fenced: boolean): void {
    const replicas = this.state.replicas.map((replica) =>
      replica.brokerId === brokerId ? { ...replica, fenced } : replica,
    );
    this.decide({ replicas });
  }

  /** Its calls reject, both ways. */
  setDown(brokerId: number, isDown: boolean): void {
    this.#member(brokerId).isDown = isDown;
  }

  /** A crash and a restart. */
  restart(brokerId: number): void {
    const member = this.#member(brokerId);
    member.timers = new Set();
    member.storage = member.storage.reopen();
    member.replica = Replica.wake(this.#ports(brokerId, member));
  }

  /** All of the object's storage is gone. */
  async lose(brokerId: number): Promise<void> {
    const member = this.#member(brokerId);
    member.replica?.close();
    member.timers = new Set();
    await member.storage.deleteAll();
    member.replica = null;
  }

  append(
    values: readonly string[],
    options: Partial<AppendRequest> = {},
  ): Promise<Appended | Refusal> {
    return this.leader.append({ batches: batchOf(values, this.nowMs), acks: -1, ...options });
  }

  /** Lets everything happen that waits for nothing but its turn. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves the clock and fires what is due, step by step. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      await this.settle();
      const due = [...this.members.values()]
        .flatMap((member) => [...member.timers].map((timer) => ({ member, timer })))
        .filter(({ timer }) => timer.atMs <= endMs)
        .toSorted((a, b) => a.timer.atMs - b.timer.atMs)[0];
      if (!due) break;
      this.nowMs = Math.max(this.nowMs, due.timer.atMs);
      due.member.timers.delete(due.timer);
      due.timer.run();
    }
    this.nowMs = endMs;
  }

  /** Fires the replica's alarm; false when none is set. */
  async fireAlarm(brokerId: number): Promise<boolean> {
    const member = this.#member(brokerId);
    const { atMs } = member.alarm;
    if (atMs === null) return false;
    this.nowMs = Math.max(this.nowMs, atMs);
    member.alarm.clear();
    this.replica(brokerId).onAlarm();
    await this.settle();
    return true;
  }

  /** The rows that followers copy, without the columns that are the replica's own. */
  rows(brokerId: number): unknown[] {
    return this.#member(brokerId).storage.all(
      `SELECT base_offset, last_offset, leader_epoch, max_timestamp, position, size_bytes, segment_base,
         segment_position, segment_started_ms, segment_chunks, producers, hex(data) AS data
       FROM chunks ORDER BY base_offset`,
    );
  }

  ends(): [number, number, number][] {
    return [...this.members.keys()].map((brokerId) => {
      const { logStartOffset, highWatermark, logEndOffset } = this.replica(brokerId).describe();
      return [logStartOffset, highWatermark, logEndOffset];
    });
  }

  rowsWritten(): number {
    let rows = 0;
    for (const { storage } of this.members.values()) rows += storage.rowsWritten;
    return rows;
  }

  #member(brokerId: number): Member {
    const member = this.members.get(brokerId);
    if (!member) throw new Error(`there is no replica ${brokerId}`);
    return member;
  }

  async #call<A>(
    call: PeerCall,
    request: unknown,
    run: (replica: Replica) => Promise<A | Refusal>,
  ): Promise<A | Refusal> {
    this.calls.push(call);
    await this.beforeCall?.(call, request);
    const member = this.#member(call.to);
    if (member.isDown || this.#member(call.from).isDown) throw new Error("the call did not arrive");
    if (!member.replica) return refuse("UNKNOWN_TOPIC_OR_PARTITION");
    return run(member.replica);
  }

  #ports(brokerId: number, member: Member) {
    const peers: PeerPort = {
      replicate: (to, request) =>
        this.#call({ kind: "replicate", from: brokerId, to: to.brokerId }, request, (replica) =>
          replica.replicate(request),
        ),
      catchUp: (to, request) =>
        this.#call({ kind: "catchUp", from: brokerId, to: to.brokerId }, request, (replica) =>
          replica.catchUp(request),
        ),
      pull: (to, request) =>
        this.#call({ kind: "pull", from: brokerId, to: to.brokerId }, request, (replica) =>
          replica.pull(request),
        ),
    };
    const controller: ControllerPort = {
      alterInSync: async (wish) => this.#alterInSync(wish),
      reportReplica: async (report) => {
        this.reported.push(report.brokerId);
        return { ok: true };
      },
    };
    const { timers } = member;
    return {
      storage: member.storage,
      clock: { nowMs: () => this.nowMs },
      alarm: member.alarm,
      timers: {
        after: (delayMs: number, run: () => void) => {
          const timer = { atMs: this.nowMs + delayMs, run };
          timers.add(timer);
          return () => timers.delete(timer);
        },
      },
      peers,
      controller,
      tailBudget: new TailBudget(33_554_432),
      settings: this.#settings,
      alarmAtMs: member.alarm.atMs,
      broken: (error: unknown) => {
        throw error;
      },
    };
  }

  #alterInSync(wish: AlterInSyncRequest): AlteredInSync | Refusal {
    if (this.isControllerCut) throw new Error("the controller does not answer");
    const { leader, leaderEpoch, partitionEpoch, replicas } = this.state;
    if (wish.brokerId !== leader || wish.leaderEpoch !== leaderEpoch) {
      return refuse("FENCED_LEADER_EPOCH");
    }
    if (wish.partitionEpoch !== partitionEpoch) return refuse("INVALID_UPDATE_VERSION");
    const isFenced = (id: number): boolean =>
      replicas.find(({ brokerId }) => brokerId === id)?.fenced !== false;
    if (wish.inSync.some(isFenced)) return refuse("INELIGIBLE_REPLICA");
    this.decide({ inSync: wish.inSync });
    return { ok: true, assignment: this.assignment(wish.brokerId) };
  }
}
