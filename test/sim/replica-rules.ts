/**
 * The object of a replica under simulation: the rules as its shell calls them, on simulated ports. Mirrors
 * src/objects/partition/object.ts and holds no rule.
 */
import { refuse } from "../../src/base/errors.ts";
import { refusalOfThrown } from "../../src/base/storage-failure.ts";
import type { ReplicaAssignment } from "../../src/objects/contracts/assignment.ts";
import type { AppendRequest } from "../../src/objects/contracts/partition.ts";
import { CorruptLog } from "../../src/objects/partition/log/integrity.ts";
import type { TailSocket } from "../../src/objects/partition/reads/tails.ts";
import { Replica, type ReplicaPorts } from "../../src/objects/partition/replica.ts";
import type { Instance, Rules } from "./cell.ts";

/** What the reader of a tail receives: first its connection, then what is sent to it. */
export type TailFrame =
  | { readonly kind: "opened"; readonly isOpen: () => boolean; readonly leave: () => void }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

export interface TailRequest {
  readonly offset: number;
  /** Where the reader is. */
  readonly place: number;
  readonly deliver: (frame: TailFrame) => void;
}

/** What the checks may look at inside a running instance. */
export class ReplicaRules implements Rules {
  replica: Replica | null;
  readonly #instance: Instance;
  readonly #ports: ReplicaPorts;

  constructor(instance: Instance, ports: ReplicaPorts) {
    this.#instance = instance;
    this.#ports = ports;
    this.replica = Replica.wake(ports);
  }

  call(method: string, args: readonly unknown[]): unknown {
    if (method === "assign") return this.#assign(args[0] as ReplicaAssignment);
    if (method === "purge") return this.#purge();
    const replica = this.replica;
    if (!replica) return refuse("UNKNOWN_TOPIC_OR_PARTITION");
    if (method === "openTail") return this.#openTail(replica, args[0] as TailRequest);
    if (method === "append") return this.#append(replica, args[0] as AppendRequest);
    const rules = replica as unknown as Record<string, (...args: unknown[]) => unknown>;
    return asTheShell(() => rules[method]!(...args));
  }

  alarm(): unknown {
    return this.replica?.onAlarm();
  }

  #assign(assignment: ReplicaAssignment): unknown {
    this.replica ??= Replica.create(this.#ports, assignment);
    return this.replica.assign(assignment);
  }

  /** What is acknowledged with acks=all is committed by then (10). */
  async #append(replica: Replica, request: AppendRequest): Promise<unknown> {
    const answer = await replica.append(request);
    const { highWatermark } = replica.probe();
    if (request.acks === -1 && answer.ok && answer.lastOffset >= highWatermark) {
      const { world, name } = this.#instance.cell;
      world.fail(
        `10: ${name} acknowledges ${answer.lastOffset} at high watermark ${highWatermark}`,
      );
    }
    return answer;
  }

  /** Frames arrive in their order, or the connection breaks. */
  async #openTail(replica: Replica, request: TailRequest): Promise<unknown> {
    const { offset, place, deliver } = request;
    const { cell } = this.#instance;
    const { scheduler, weather } = cell.world;
    const random = cell.world.random(`tail ${cell.name} ${scheduler.nowMs}`);
    let isOpen = true;
    let lastMs = 0;
    const carry = (frame: TailFrame): void =>
      this.#instance.send(() => {
        if (isOpen && weather.isCut(cell.place, place)) leave();
        if (!isOpen) return;
        const arrivesMs = scheduler.nowMs + weather.latencyMs(random, cell.place, place);
        lastMs = Math.max(lastMs, arrivesMs);
        scheduler.after(lastMs - scheduler.nowMs, () => {
          if (isOpen) deliver(frame);
        });
      });
    const socket: TailSocket = {
      sendText: (text) => carry({ kind: "text", text }),
      sendBytes: (bytes) => carry({ kind: "bytes", bytes }),
      close: () => (isOpen = false),
      keep: () => {},
    };
    const leave = (): void => {
      isOpen = false;
      replica.tails.gone(socket);
    };
    const refusal = await replica.openTail(offset, () => {
      deliver({
        kind: "opened",
        isOpen: () => isOpen && this.#instance.state === "running",
        leave,
      });
      return socket;
    });
    return refusal ?? { ok: true };
  }

  async #purge(): Promise<unknown> {
    this.replica?.close();
    this.replica = null;
    await this.#instance.handle.deleteAll();
    return { ok: true };
  }
}

/** As the shell does: a corrupt log is refused, and does not reset the object. */
function asTheShell(call: () => unknown): unknown {
  const refused = (error: unknown): unknown => {
    if (error instanceof CorruptLog) return refusalOfThrown(error);
    throw error;
  };
  try {
    const answer = call();
    return answer instanceof Promise ? answer.catch(refused) : answer;
  } catch (error) {
    return refused(error);
  }
}
