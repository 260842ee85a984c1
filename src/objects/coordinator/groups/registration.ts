/**
 * The group's entry in the controller's list of groups: registered before the group's first row is written,
 * unregistered before its storage is deleted. So every group that has storage is on the list.
 */
import { refuse, type Refusal } from "../../../base/errors.ts";
import { groupIdProblem } from "../../../base/ids.ts";
import type { CoordinatorPorts, GroupContext } from "./ports.ts";

type Ok = { readonly ok: true };

/** An attempt to unregister is repeated after this at the earliest, in milliseconds. */
const RETRY_MS = 30_000;

export interface RegistrationHost extends GroupContext {
  /** Throws in an instance that was superseded. */
  touch(): void;
  /** Deletes the group's storage. */
  deleteAll(): Promise<void>;
  /** The storage is deleted: there is no group any more. */
  ended(): void;
}

export class Registration {
  readonly #host: RegistrationHost;
  readonly #ports: CoordinatorPorts;
  #beginning: Promise<Ok | Refusal> | null = null;
  #ending: Promise<void> | null = null;
  #retryAtMs = Number.NEGATIVE_INFINITY;

  constructor(host: RegistrationHost, ports: CoordinatorPorts) {
    this.#host = host;
    this.#ports = ports;
  }

  /** Null where no request has given it yet. */
  get groupId(): string | null {
    return this.#ports.groupId ?? this.#host.image.groupId;
  }

  /** Earliest time of the next attempt to unregister, in milliseconds since the epoch. */
  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  /** What is under way to end the group; null where nothing is. */
  get ending(): Promise<void> | null {
    return this.#ending;
  }

  /**
   * Begins the group where there is none. `groupId` as in `JoinGroupRequest`. INVALID_GROUP_ID,
   * COORDINATOR_NOT_AVAILABLE, GROUP_MAX_SIZE_REACHED.
   */
  ensure(groupId?: string): Promise<Ok | Refusal> {
    if (this.#host.image.sinceMs !== 0 && this.#ending === null) {
      this.#host.touch();
      return Promise.resolve({ ok: true });
    }
    this.#beginning ??= this.#begin(groupId).finally(() => (this.#beginning = null));
    return this.#beginning;
  }

  /** Ends the group, unless the controller is not reached, or `mayEnd` says no once it was. */
  end(mayEnd: () => boolean): Promise<void> {
    this.#ending ??= this.#unregister(mayEnd).finally(() => (this.#ending = null));
    return this.#ending;
  }

  async #begin(given?: string): Promise<Ok | Refusal> {
    await this.#ending;
    const host = this.#host;
    if (host.image.sinceMs !== 0) return { ok: true };
    const groupId = this.#ports.groupId ?? given;
    if (groupId === undefined) return refuse("INVALID_GROUP_ID", "The request has no group id.");
    const problem = groupIdProblem(groupId);
    if (problem !== null) return refuse("INVALID_GROUP_ID", problem);
    const sinceMs = host.nowMs();
    const registered = await this.#ports.cluster.register(groupId, sinceMs);
    if (registered === null) return refuse("COORDINATOR_NOT_AVAILABLE");
    if (!registered.ok) return registered;
    const own = this.#ports.groupId === null ? { groupId } : {};
    host.record({ type: "group-began", sinceMs, ...own });
    host.arm();
    return { ok: true };
  }

  async #unregister(mayEnd: () => boolean): Promise<void> {
    const { sinceMs } = this.#host.image;
    const groupId = this.groupId ?? "";
    const unregistered = await this.#ports.cluster.unregister(groupId, sinceMs);
    this.#retryAtMs = this.#host.nowMs() + RETRY_MS;
    if (unregistered?.ok !== true) return;
    if (!mayEnd()) {
      // A member or a commit came meanwhile: the group goes on as the same one.
      await this.#ports.cluster.register(groupId, sinceMs);
      return;
    }
    await this.#host.deleteAll();
    this.#host.ended();
  }
}
