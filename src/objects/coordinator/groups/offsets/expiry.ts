/**
 * When committed offsets have had their time (KIP-211). Those of topics that somebody reads stay. The others are
 * kept for `offsets.retention.minutes`: of a group that nobody is in, since it was left, or since the commit where
 * that came later; of a living group, since the commit. A commit may say itself how long it is to be kept.
 */
import type { EffectiveConfig } from "../../../../base/config.ts";
import type { Change } from "../changes.ts";
import type { GroupImage, StoredOffset } from "../image.ts";

const MINUTE_MS = 60_000;

/** A living group is looked through this often, as in Kafka (`offsets.retention.check.interval.ms`). */
const CHECK_MS = 600_000;

/** Topics whose offsets stay; null: all of them, because nobody can tell at present which are read. */
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
   * When the object has to look; Infinity while somebody is there: sessions have it look at its clock often
   * enough, and what is in use does not expire.
   */
  nextMs(): number {
    if (this.#isLiving) return Number.POSITIVE_INFINITY;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [, , stored] of this.#image.offsets.entries()) {
      nextMs = Math.min(nextMs, this.#expiresMs(stored));
    }
    return nextMs;
  }

  /** What has expired. */
  decide(nowMs: number): readonly Change[] {
    // rule: living-groups-are-looked-through
    if (this.#isLiving && nowMs < this.#checkMs) return [];
    this.#checkMs = nowMs + Math.min(CHECK_MS, this.#retentionMs);
    const over = this.#image.offsets
      .entries()
      .filter(([, , stored]) => this.#expiresMs(stored) <= nowMs);
    if (over.length === 0) return [];
    const inUse = this.#topicsInUse();
    if (inUse === null) return [];
    // rule: offsets-that-are-read-stay
    const unused = over.filter(([topic]) => !inUse.has(topic));
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
