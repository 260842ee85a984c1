/**
 * The Durable Object of a partition replica: puts storage, alarm, timers, RPC and hibernating sockets of the platform
 * behind the ports of the rules. Holds no rule.
 */
import { configFromEnvironment } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { replicaObjectName } from "../../base/ids.ts";
import { StorageFailure } from "../../base/storage-failure.ts";
import type { Assigned, ReplicaAssignment } from "../contracts/assignment.ts";
import type { AppendRequest, ReplicaDescription } from "../contracts/partition.ts";
import type { PartitionObject } from "../contracts/partition-object.ts";
import { answerAppend, answerFetch, answerRefusal, readTransfer } from "../contracts/transfer.ts";
import type { Env } from "../runtime/env.ts";
import {
  answerPush,
  isPush,
  platformController,
  platformPeers,
  readPush,
  type CountedPeers,
} from "../runtime/peer-calls.ts";
import { ANSWER, objectWith, Shell, type CallsOf } from "../runtime/shell.ts";
import { platformClock } from "../runtime/time.ts";
import { TailBudget } from "./reads/tail-memory.ts";
import type { TailSocket, TailState } from "./reads/tails.ts";
import { Replica, type ReplicaPorts } from "./replica.ts";

/** A quarter of the memory that all objects of an isolate share. */
const TAIL_BUDGET_BYTES = 33_554_432;
const tailBudget = new TailBudget(TAIL_BUDGET_BYTES);

/** What the rules answer as it is: not what makes and unmakes the replica, nor the description, to which the shell adds. */
type RulesApi = Omit<PartitionObject, "assign" | "purge" | "describe" | "fetch">;

const CALLS: CallsOf<RulesApi> = {
  probe: true,
  append: true,
  appendAt: true,
  appendFenced: true,
  listOffset: true,
  endOfEpoch: true,
  deleteRecords: true,
  replicate: true,
  catchUp: true,
  pull: true,
};

export class Partition
  extends objectWith<RulesApi>(CALLS)
  implements Omit<PartitionObject, "fetch">
{
  readonly #shell: Shell;
  readonly #peers: CountedPeers;
  readonly #sockets = new Map<WebSocket, TailSocket>();
  /** Null before the first assignment, after a purge, and while the storage cannot be read. */
  #replica: Replica | null = null;
  /** The storage could not be read when the object woke up. */
  #isUnreadable = false;
  #alarmAtMs: number | null = null;
  #wakeRowsRead = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#shell = new Shell(ctx, "partition");
    this.#peers = platformPeers(env);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAtMs = await ctx.storage.getAlarm();
      this.#replica = this.#wake();
      this.#wakeRowsRead = this.#shell.storage.rowsRead;
      this.#resumeTails(ctx.getWebSockets());
    });
  }

  async assign(assignment: ReplicaAssignment): Promise<Assigned | Refusal> {
    const name = this.ctx.id.name;
    if (name !== undefined && replicaObjectName(assignment) !== name) {
      return refuse("INVALID_REQUEST", "The assignment is one of another replica.");
    }
    // Storage that cannot be read is not written over: it may hold the last copy of the log.
    if (this.#isUnreadable) return this.#gone();
    return this.#shell.failures.answer(() => {
      this.#replica ??= Replica.create(this.#ports(), assignment);
      return this.#replica.assign(assignment);
    });
  }

  async describe(): Promise<ReplicaDescription | Refusal> {
    return this.#answer((replica) => ({
      // Before what describing reads.
      ...this.#shell.rows,
      ...replica.describe(),
      wakeRowsRead: this.#wakeRowsRead,
      peerCalls: this.#peers.calls,
    }));
  }

  /** Throws if storage fails: the controller then calls again. */
  async purge(): Promise<{ readonly ok: true }> {
    return this.#shell.failures.guard(async () => {
      this.#replica?.close();
      this.#replica = null;
      await this.#shell.storage.deleteAll();
      this.#isUnreadable = false;
      return { ok: true };
    });
  }

  override [ANSWER](call: (replica: Replica) => unknown): Promise<unknown> {
    return this.#answer(call);
  }

  override async alarm(): Promise<void> {
    await this.#shell.failures.guard(() => this.#replica?.onAlarm());
  }

  /** Calls that carry batches: see transfer.ts and peer-calls.ts. */
  override async fetch(request: Request): Promise<Response> {
    if (isPush(request)) return answerPush(await this.replicate(await readPush(request)));
    const asked = readTransfer(request.url);
    switch (asked?.kind) {
      case "append": {
        const { bytes, acks, sparse: sparseSequences } = asked;
        const read = async (): Promise<AppendRequest> => {
          const batches = new Uint8Array(await request.arrayBuffer());
          return { batches, acks, sparseSequences };
        };
        return answerAppend(await this.#answer((replica) => replica.receive(bytes, read)));
      }
      case "fetch":
        return answerFetch(await this.#answer((replica) => replica.fetch(asked.request)));
      case "tail":
        return this.#openTail(asked.offset);
      default:
        return answerRefusal(refuse("INVALID_REQUEST"));
    }
  }

  async #openTail(offset: number): Promise<Response> {
    const pair = new WebSocketPair();
    const accept = (): TailSocket => {
      this.ctx.acceptWebSocket(pair[1]);
      return this.#adapt(pair[1]);
    };
    const refusal = await this.#answer((replica) => replica.openTail(offset, accept));
    if (refusal) return answerRefusal(refusal);
    return new Response(null, { status: 101, webSocket: pair[0] });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const tail = this.#sockets.get(socket);
    const text = typeof message === "string" ? message : "";
    if (tail) await this.#shell.failures.guard(() => this.#replica?.tails.message(tail, text));
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.#forget(socket);
    socket.close();
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#forget(socket);
  }

  /** Wakes the replica up; null if there is none, or its storage cannot be read, which is remembered. */
  #wake(): Replica | null {
    try {
      return Replica.wake(this.#ports());
    } catch (error) {
      if (!(error instanceof StorageFailure)) throw error;
      this.#shell.failures.note(error);
      this.#isUnreadable = true;
      return null;
    }
  }

  #answer<T>(run: (replica: Replica) => T | Promise<T>): Promise<T | Refusal> {
    const replica = this.#replica;
    if (replica === null) return Promise.resolve(this.#gone());
    return this.#shell.failures.answer(() => run(replica));
  }

  /** Why there is no replica. */
  #gone(): Refusal {
    return refuse(this.#isUnreadable ? "STORAGE_LOST" : "UNKNOWN_TOPIC_OR_PARTITION");
  }

  #ports(): ReplicaPorts {
    return {
      storage: this.#shell.storage,
      alarm: this.#shell.alarm,
      clock: platformClock,
      timers: this.#shell.timers,
      peers: this.#peers,
      controller: platformController(this.env),
      tailBudget,
      settings: configFromEnvironment(this.env),
      alarmAtMs: this.#alarmAtMs,
      broken: this.#shell.failures.broken,
    };
  }

  #adapt(socket: WebSocket): TailSocket {
    // Sending to a reader that has disconnected throws; webSocketClose or webSocketError follows.
    const attempt = (send: () => void): void => {
      try {
        send();
      } catch {
        this.#forget(socket);
      }
    };
    const tail: TailSocket = {
      sendText: (text) => attempt(() => socket.send(text)),
      sendBytes: (bytes) => attempt(() => socket.send(bytes)),
      close: (code, reason) => attempt(() => socket.close(code, reason)),
      keep: (state) => socket.serializeAttachment(state),
    };
    this.#sockets.set(socket, tail);
    return tail;
  }

  #resumeTails(sockets: readonly WebSocket[]): void {
    if (!this.#replica) return;
    const resumed: [TailSocket, TailState][] = [];
    for (const socket of sockets) {
      const state = socket.deserializeAttachment() as TailState | null;
      if (state) resumed.push([this.#adapt(socket), state]);
    }
    this.#replica.resumeTails(resumed);
  }

  #forget(socket: WebSocket): void {
    const tail = this.#sockets.get(socket);
    if (!tail) return;
    this.#sockets.delete(socket);
    this.#replica?.tails.gone(tail);
  }
}
