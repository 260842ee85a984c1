/**
 * When committed offsets expire (KIP-211). Offsets of topics that members read do not. The others are kept for
 * `offsets.retention.minutes`: in an empty group since it became empty, or since the commit where that came later;
 * in a group with members since the commit. A commit may bring its own retention time (OffsetCommit 2 to 4).
 */
import type { EffectiveConfig } from "../../../../base/config.ts";
import type { Change } from "../image/changes.ts";
import type { GroupImage, StoredOffset } from "../image/image.ts";

const MINUTE_MS = 60_000;

/** A group with members is checked this often, as in Kafka (`offsets.retention.check.interval.ms`). */
const CHECK_MS = 600_000;

/** Topics whose offsets stay; null: those of all topics do, because it is not known at present which are read. */
export type TopicsInUse = ReadonlySet<string> | null;

export class Expiry {
  readonly #image: GroupImage;
  readonly #config: EffectiveConfig;
  readonly #topicsInUse: () => TopicsInUse;
  #checkMs = Number.NEGATIVE_INFINITY;

  constructor(image: GroupImage, config: EffectiveConfig, topicsInUse: () => TopicsInUse) {
    this.#image = image;
    this.#config = config;
    this.#topicsInUse = topicsInUse;
  }

  /**
   * The first expiry, in milliseconds since the epoch; Infinity while the group has members: their sessions have
   * the object look at its clock often enough.
   */
  nextMs(): number {
    if (this.#isLiving) return Number.POSITIVE_INFINITY;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [, , stored] of this.#image.offsets.entries()) {
      nextMs = Math.min(nextMs, this.#expiresMs(stored));
    }
    return nextMs;
  }

  /** The deletion of what has expired; empty where nothing has. */
  decide(nowMs: number): readonly Change[] {
    // rule: living-groups-are-looked-through
    if (this.#isLiving && nowMs < this.#checkMs) return [];
    this.#checkMs = nowMs + Math.min(CHECK_MS, this.#retentionMs);
    const expired = this.#image.offsets
      .entries()
      .filter(([, , stored]) => this.#expiresMs(stored) <= nowMs);
    if (expired.length === 0) return [];
    const inUse = this.#topicsInUse();
    if (inUse === null) return [];
    // rule: offsets-that-are-read-stay
    const unused = expired.filter(([topic]) => !inUse.has(topic));
    if (unused.length === 0) return [];
    const partitions = unused.map(([topic, partition]) => ({ topic, partition }));
    return [{ type: "offsets-deleted", partitions }];
  }

  get #isLiving(): boolean {
    return this.#image.emptySinceMs === null || this.#image.instances.size > 0;
  }

  get #retentionMs(): number {
    return this.#config["offsets.retention.minutes"] * MINUTE_MS;
  }

  #expiresMs({ committedMs, retentionMs }: StoredOffset): number {
    if (retentionMs !== undefined) return committedMs + retentionMs;
    return Math.max(this.#image.emptySinceMs ?? committedMs, committedMs) + this.#retentionMs;
  }
}
