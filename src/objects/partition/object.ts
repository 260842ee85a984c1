/**
 * The Durable Object of a partition replica: adapts storage, alarm, RPC and hibernating sockets to
 * the ports of the rules. Holds no rules.
 */
import { DurableObject } from "cloudflare:workers";
import { configFromEnvironment } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { replicaObjectName } from "../../base/ids.ts";
import type { Env } from "../env.ts";
import { DurableAlarm, DurableStorage } from "../storage.ts";
import { platformClock, platformTimer } from "../time.ts";
import type {
  Appended,
  AppendRequest,
  Assigned,
  EpochEnd,
  ListedOffset,
  OffsetSpec,
  PartitionObject,
  Probed,
  ReplicaAssignment,
  ReplicaDescription,
} from "./api.ts";
import {
  answerPush,
  isPush,
  platformController,
  platformPeers,
  readPush,
  type CountedPeers,
} from "../peer-calls.ts";
import type {
  CatchUpAnswer,
  CatchUpRequest,
  PullAnswer,
  PullRequest,
  ReplicateAnswer,
  ReplicateRequest,
} from "./peers.ts";
import { Replica, type ReplicaPorts } from "./replica.ts";
import { TailAccount } from "./tail-memory.ts";
import type { TailSocket, TailState } from "./tails.ts";
import { answerAppend, answerFetch, answerRefusal, readTransfer } from "./transfer.ts";

/** A quarter of what all objects of an isolate have together. */
const TAIL_ACCOUNT_BYTES = 33_554_432;
const tailAccount = new TailAccount(TAIL_ACCOUNT_BYTES);

export class Partition extends DurableObject<Env> implements Omit<PartitionObject, "fetch"> {
  readonly #storage: DurableStorage;
  readonly #alarm: DurableAlarm;
  readonly #peers: CountedPeers;
  readonly #sockets = new Map<WebSocket, TailSocket>();
  #replica: Replica | null = null;
  #alarmAtMs: number | null = null;
  #wakeRowsRead = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#storage = new DurableStorage(ctx.storage);
    this.#alarm = new DurableAlarm(ctx.storage);
    this.#peers = platformPeers(env);
    void ctx.blockConcurrencyWhile(async () => {
      this.#alarmAtMs = await ctx.storage.getAlarm();
      this.#replica = Replica.wake(this.#ports());
      this.#wakeRowsRead = this.#storage.rowsRead;
      this.#resumeTails(ctx.getWebSockets());
    });
  }

  async assign(assignment: ReplicaAssignment): Promise<Assigned | Refusal> {
    const name = this.ctx.id.name;
    if (name !== undefined && replicaObjectName(assignment) !== name) {
      return refuse("INVALID_REQUEST", "The assignment is one of another replica.");
    }
    this.#replica ??= Replica.create(this.#ports(), assignment);
    return this.#replica.assign(assignment);
  }

  async probe(): Promise<Probed | Refusal> {
    return this.#replica?.probe() ?? gone();
  }

  async replicate(request: ReplicateRequest): Promise<ReplicateAnswer> {
    return this.#replica?.replicate(request) ?? gone();
  }

  async catchUp(request: CatchUpRequest): Promise<CatchUpAnswer> {
    return this.#replica?.catchUp(request) ?? gone();
  }

  async pull(request: PullRequest): Promise<PullAnswer> {
    return this.#replica?.pull(request) ?? gone();
  }

  async append(request: AppendRequest): Promise<Appended | Refusal> {
    return this.#replica?.append(request) ?? gone();
  }

  async listOffset(spec: OffsetSpec): Promise<ListedOffset | Refusal> {
    return this.#replica?.listOffset(spec) ?? gone();
  }

  async endOfEpoch(leaderEpoch: number): Promise<EpochEnd | Refusal> {
    return this.#replica?.endOfEpoch(leaderEpoch) ?? gone();
  }

  async deleteRecords(
    before: number,
  ): Promise<{ readonly ok: true; readonly logStartOffset: number } | Refusal> {
    return this.#replica?.deleteRecords(before) ?? gone();
  }

  async describe(): Promise<ReplicaDescription | Refusal> {
    if (!this.#replica) return gone();
    const rowsWritten = this.#storage.rowsWritten + this.#alarm.rowsWritten;
    const { rowsRead } = this.#storage;
    const wakeRowsRead = this.#wakeRowsRead;
    const peerCalls = this.#peers.calls;
    return { ...this.#replica.describe(), peerCalls, wakeRowsRead, rowsRead, rowsWritten };
  }

  async purge(): Promise<{ readonly ok: true }> {
    this.#replica?.close();
    this.#replica = null;
    await this.#storage.deleteAll();
    return { ok: true };
  }

  override async alarm(): Promise<void> {
    this.#replica?.onAlarm();
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
        return answerAppend(this.#replica ? await this.#replica.receive(bytes, read) : gone());
      }
      case "fetch":
        return answerFetch(this.#replica ? await this.#replica.fetch(asked.request) : gone());
      case "tail":
        return this.#openTail(asked.offset);
      default:
        return answerRefusal(refuse("INVALID_REQUEST"));
    }
  }

  async #openTail(offset: number): Promise<Response> {
    if (!this.#replica) return answerRefusal(gone());
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
    if (tail) this.#replica?.tails.message(tail, typeof message === "string" ? message : "");
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.#forget(socket);
    socket.close();
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#forget(socket);
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
      broken: (error) => this.ctx.abort(`the write was not confirmed: ${String(error)}`),
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

function gone(): Refusal {
  return refuse("UNKNOWN_TOPIC_OR_PARTITION");
}
