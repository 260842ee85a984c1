/**
 * The instances of a group in memory: how far each has read, when its session ends, and when it last polled.
 * Tells which have exceeded `session.timeout.ms` or `max.poll.interval.ms`; ends none.
 */
import { refuse, type Refusal } from "../../../../base/errors.ts";
import type { Group } from "../classic/group.ts";
import type { Rebalance } from "../classic/rebalance.ts";
import type { StoredInstance } from "../image/image.ts";
import type { GroupContext } from "../ports.ts";
import { Reading } from "./reading.ts";

export interface FoundInstance {
  readonly ok: true;
  readonly instance: StoredInstance;
  readonly reading: Reading;
}

export class InstanceSessions {
  readonly #context: GroupContext;
  readonly #group: Group;
  readonly #rebalance: Rebalance;
  readonly #readings = new Map<string, Reading>();

  constructor(context: GroupContext, group: Group, rebalance: Rebalance) {
    this.#context = context;
    this.#group = group;
    this.#rebalance = rebalance;
    for (const instanceId of context.image.instances.keys()) this.begin(instanceId);
  }

  /** The instance, whose session is renewed. UNKNOWN_MEMBER_ID. */
  find(instanceId: string): FoundInstance | Refusal {
    const instance = this.#context.image.instances.get(instanceId);
    if (!instance) return refuse("UNKNOWN_MEMBER_ID");
    this.renew(instanceId);
    return { ok: true, instance, reading: this.begin(instanceId) };
  }

  /** Gives an instance, and its membership, a whole session from now on. Does nothing for other ids. */
  renew(instanceId: string): void {
    const instance = this.#context.image.instances.get(instanceId);
    if (!instance) return;
    const nowMs = this.#context.nowMs();
    this.begin(instanceId).deadlineMs = nowMs + instance.spec.sessionTimeoutMs;
    const member = this.#rebalance.members.get(instanceId);
    if (member?.isInstance === true) this.#group.renew(member);
  }

  /** The instance's reading, made where there is none yet. */
  begin(instanceId: string): Reading {
    let reading = this.#readings.get(instanceId);
    if (!reading) {
      const nowMs = this.#context.nowMs();
      reading = new Reading(nowMs);
      reading.lastPollMs = nowMs;
      const { spec } = this.#context.image.instances.get(instanceId)!;
      reading.deadlineMs = nowMs + spec.sessionTimeoutMs;
      this.#readings.set(instanceId, reading);
    }
    return reading;
  }

  end(instanceId: string): void {
    this.#readings.delete(instanceId);
  }

  /** The first deadline, in milliseconds since the epoch. */
  nextMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [instanceId, { deadlineMs, lastPollMs }] of this.#readings) {
      nextMs = Math.min(nextMs, deadlineMs);
      const instance = this.#context.image.instances.get(instanceId);
      if (!instance || !this.#rebalance.members.has(instanceId)) continue;
      nextMs = Math.min(nextMs, lastPollMs + instance.spec.maxPollIntervalMs);
    }
    return nextMs;
  }

  /** `expired`: their sessions are over. `idle`: they have not polled within their interval. */
  overdue(): { readonly expired: readonly string[]; readonly idle: readonly string[] } {
    const nowMs = this.#context.nowMs();
    const expired: string[] = [];
    const idle: string[] = [];
    for (const [instanceId, { deadlineMs, lastPollMs }] of this.#readings) {
      const instance = this.#context.image.instances.get(instanceId);
      if (!instance || deadlineMs <= nowMs) expired.push(instanceId);
      else if (lastPollMs + instance.spec.maxPollIntervalMs <= nowMs) idle.push(instanceId);
    }
    return { expired, idle };
  }
}
