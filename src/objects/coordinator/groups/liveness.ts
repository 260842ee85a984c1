/**
 * Whom an object has heard of since it woke up. The platform may evict it between two alarms, and what it has heard
 * is lost then; waking up gives every member a whole session. So that a dead member does not live on that way, its
 * silence is recorded, and a second silence ends its session.
 */
import { assert } from "../../../base/errors.ts";
import type { GroupContext } from "./ports.ts";

export class Liveness {
  readonly #context: GroupContext;
  /** Ids of members and instances. */
  readonly #heard = new Set<string>();

  constructor(context: GroupContext) {
    this.#context = context;
  }

  /** A request of this member or instance has come. */
  hear(memberId: string): void {
    if (memberId === "" || this.#heard.has(memberId)) return;
    const { members, instances, silent } = this.#context.image;
    if (!members.has(memberId) && !instances.has(memberId)) return;
    this.#heard.add(memberId);
    if (silent.has(memberId)) this.#context.record({ type: "heard", memberId });
  }

  /** Records who has been silent; returns those whose recorded silence is longer than their session. */
  recordSilent(): readonly string[] {
    const { image } = this.#context;
    const nowMs = this.#context.nowMs();
    const silent: string[] = [];
    const expired: string[] = [];
    const ids = new Set([...image.members.keys(), ...image.instances.keys()]);
    for (const memberId of ids) {
      if (this.#heard.has(memberId)) continue;
      const sinceMs = image.silent.get(memberId);
      if (sinceMs === undefined) silent.push(memberId);
      else if (sinceMs + this.#sessionTimeoutMs(memberId) <= nowMs) expired.push(memberId);
    }
    // rule: silence-is-recorded
    if (silent.length > 0) this.#context.record({ type: "silent", memberIds: silent });
    return expired;
  }

  #sessionTimeoutMs(memberId: string): number {
    const { members, instances } = this.#context.image;
    const timeoutMs =
      members.get(memberId)?.sessionTimeoutMs ?? instances.get(memberId)?.spec.sessionTimeoutMs;
    assert(timeoutMs !== undefined, "a silent member has no session");
    return timeoutMs;
  }
}
