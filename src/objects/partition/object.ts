/**
 * The Durable Object of a partition replica: adapts storage, alarm, RPC and hibernating sockets to
 * the ports of the rules. Holds no rules.
 */
import { DurableObject } from "cloudflare:workers";
import { configFromEnvironment } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { replicaObjectName } from "../../base/ids.ts";
import { StorageFailure } from "../../base/storage-failure.ts";
import type { Env } from "../runtime/env.ts";
import { Failures } from "../runtime/failures.ts";
import { DurableAlarm, DurableStorage } from "../runtime/storage.ts";
import { platformClock, platformTimer } from "../runtime/time.ts";
import type {
  Appended,
  AppendRefusal,
  AppendRequest,
  EpochEnd,
  ListedOffset,
  OffsetSpec,
  ReplicaDescription,
} from "../contracts/partition.ts";
import {
  answerPush,
  isPush,
  platformController,
  platformPeers,
  readPush,
  type CountedPeers,
} from "../runtime/peer-calls.ts";
import type {
  CatchUpAnswer,
  CatchUpRequest,
  PullAnswer,
  PullRequest,
  ReplicateAnswer,
  ReplicateRequest,
} from "../contracts/replication.ts";
import { Replica, type ReplicaPorts } from "./replica.ts";
import { TailAccount } from "./reads/tail-memory.ts";
import type { TailSocket, TailState } from "./reads/tails.ts";
import { answerAppend, answerFetch, answerRefusal, readTransfer } from "../contracts/transfer.ts";
import type { Assigned, Probed, ReplicaAssignment } from "../contracts/assignment.ts";
import type { PartitionObject } from "../contracts/partition-object.ts";

/** A quarter of what all objects of an isolate have together. */
const TAIL_ACCOUNT_BYTES = 33_554_432;
const tailAccount = new TailAccount(TAIL_ACCOUNT_BYTES);

export class Partition extends DurableObject<Env> implements Omit<PartitionObject, "fetch"> {
  readonly #storage: DurableStorage;
  readonly #alarm: DurableAlarm;
  readonly #peers: CountedPeers;
  readonly #sockets = new Map<WebSocket, TailSocket>();
  readonly #failures: Failures;
  #replica: Replica | null = null;
  /** The storage could not be read when the object woke up. */
  #isUnreadable = false;
  #alarmAtMs: number | null = null;
  #wakeRowsRead = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#failures = new Failures(ctx, "partition");
    this.#storage = new DurableStorage(ctx.storage);
    this.#alarm = new DurableAlarm(ctx.storage);
    this.#peers = platformPeers(env);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAtMs = await ctx.storage.getAlarm();
      this.#replica = this.#wake();
      this.#wakeRowsRead = this.#storage.rowsRead;
      this.#resumeTails(ctx.getWebSockets());
    });
  }

  async assign(assignment: ReplicaAssignment): Promise<Assigned | Refusal> {
    const name = this.ctx.id.name;
    if (name !== undefined && replicaObjectName(assignment) !== name) {
      return refuse("INVALID_REQUEST", "The assignment is one of another replica.");
    }
    // What cannot be read is not written over: it may be all that is left.
    if (this.#isUnreadable) return this.#gone();
    return this.#failures.answer(() => {
      this.#replica ??= Replica.create(this.#ports(), assignment);
      return this.#replica.assign(assignment);
    });
  }

  async probe(): Promise<Probed | Refusal> {
    return this.#replica?.probe() ?? this.#gone();
  }

  async replicate(request: ReplicateRequest): Promise<ReplicateAnswer> {
    return this.#answer((replica) => replica.replicate(request));
  }

  async catchUp(request: CatchUpRequest): Promise<CatchUpAnswer> {
    return this.#answer((replica) => replica.catchUp(request));
  }

  async pull(request: PullRequest): Promise<PullAnswer> {
    return this.#answer((replica) => replica.pull(request));
  }

  async append(request: AppendRequest): Promise<Appended | AppendRefusal> {
    return this.#answer((replica) => replica.append(request));
  }

  async listOffset(spec: OffsetSpec): Promise<ListedOffset | Refusal> {
    return this.#answer((replica) => replica.listOffset(spec));
  }

  async endOfEpoch(leaderEpoch: number): Promise<EpochEnd | Refusal> {
    return this.#answer((replica) => replica.endOfEpoch(leaderEpoch));
  }

  async deleteRecords(
    before: number,
    timeoutMs?: number,
  ): Promise<{ readonly ok: true; readonly logStartOffset: number } | Refusal> {
    return this.#answer((replica) => replica.deleteRecords(before, timeoutMs));
  }

  async describe(): Promise<ReplicaDescription | Refusal> {
    return this.#answer((replica) => {
      const rowsWritten = this.#storage.rowsWritten + this.#alarm.rowsWritten;
      const { rowsRead } = this.#storage;
      const wakeRowsRead = this.#wakeRowsRead;
      const peerCalls = this.#peers.calls;
      return { ...replica.describe(), peerCalls, wakeRowsRead, rowsRead, rowsWritten };
    });
  }

  async purge(): Promise<{ readonly ok: true }> {
    this.#replica?.close();
    this.#replica = null;
    await this.#storage.deleteAll();
    this.#isUnreadable = false;
    return { ok: true };
  }

  override async alarm(): Promise<void> {
    await this.#failures.guard(() => this.#replica?.onAlarm());
  }

  /** The calls that carry batches: see transfer.ts and peer-calls.ts. */
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
    if (!this.#replica) return answerRefusal(this.#gone());
    const pair = new WebSocketPair();
    const refusal = await this.#replica.openTail(offset, () => {
      this.ctx.acceptWebSocket(pair[1]);
      return this.#adapt(pair[1]);
    });
    if (refusal) return answerRefusal(refusal);
    return new Response(null, { status: 101, webSocket: pair[0] });
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    const tail = this.#sockets.get(socket);
    const text = typeof message === "string" ? message : "";
    if (tail) await this.#failures.guard(() => this.#replica?.tails.message(tail, text));
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.#forget(socket);
    socket.close();
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#forget(socket);
  }

  /** The replica that was here; null also where the storage cannot be read, which is remembered. */
  #wake(): Replica | null {
    try {
      return Replica.wake(this.#ports());
    } catch (error) {
      if (!(error instanceof StorageFailure)) throw error;
      this.#failures.note(error);
      this.#isUnreadable = true;
      return null;
    }
  }

  #answer<T>(run: (replica: Replica) => T | Promise<T>): Promise<T | Refusal> {
    const replica = this.#replica;
    if (replica === null) return Promise.resolve(this.#gone());
    return this.#failures.answer(() => run(replica));
  }

  #gone(): Refusal {
    return refuse(this.#isUnreadable ? "STORAGE_LOST" : "UNKNOWN_TOPIC_OR_PARTITION");
  }

  #ports(): ReplicaPorts {
    return {
      storage: this.#storage,
      alarm: this.#alarm,
      clock: platformClock,
      timers: platformTimer,
      peers: this.#peers,
      controller: platformController(this.env),
      tailAccount,
      settings: configFromEnvironment(this.env),
      alarmAtMs: this.#alarmAtMs,
      broken: this.#failures.broken,
    };
  }

  #adapt(socket: WebSocket): TailSocket {
    // A reader that is gone is told of by webSocketClose or webSocketError, not by a failed send.
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
