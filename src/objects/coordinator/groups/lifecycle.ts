/**
 * A group's object while it is awake: wakes up by replaying its record, records decisions and applies them, keeps
 * the group's deadlines, and ends the group when nothing of it is left. Holds the parts that decide.
 */
import type { EffectiveConfig } from "../../../base/config.ts";
import type { RandomPort } from "../../../base/ports.ts";
import { Deadlines } from "../../runtime/deadlines.ts";
import { Group } from "./classic/group.ts";
import { Rebalance } from "./classic/rebalance.ts";
import { topicsInUse } from "./description.ts";
import { applyChangeSet } from "./image/apply.ts";
import type { Change } from "./image/changes.ts";
import { emptyImage, type GroupImage } from "./image/image.ts";
import type { GroupStore } from "./image/store.ts";
import { Instances } from "./instances/instances.ts";
import { Liveness } from "./liveness.ts";
import { Commits } from "./offsets/commits.ts";
import { Expiry } from "./offsets/expiry.ts";
import { TopicIds } from "./offsets/topic-ids.ts";
import type { CoordinatorPorts } from "./ports.ts";
import { Registration, type RegistrationHost } from "./registration.ts";
import { Topics } from "./topics.ts";

/** A group without members, instances and offsets exists for so long, in milliseconds. */
const EMPTY_MS = 600_000;
/** A look-up of topics that failed is repeated after this, in milliseconds. */
const LOOK_UP_RETRY_MS = 1_000;

/** The parts of a group. What they hold in memory is made from the image, so they are replaced together with it. */
export interface GroupParts {
  readonly topics: Topics;
  readonly rebalance: Rebalance;
  readonly group: Group;
  readonly instances: Instances;
  readonly expiry: Expiry;
  readonly commits: Commits;
}

export class GroupLifecycle implements RegistrationHost {
  readonly config: EffectiveConfig;
  readonly registration: Registration;
  readonly liveness: Liveness;
  image: GroupImage;
  parts!: GroupParts;
  readonly #ports: CoordinatorPorts;
  readonly #store: GroupStore;
  readonly #deadlines: Deadlines;
  #isReady = false;

  /** Wakes up: replays what was recorded. */
  constructor(store: GroupStore, ports: CoordinatorPorts, config: EffectiveConfig) {
    this.#ports = ports;
    this.#store = store;
    this.config = config;
    this.#deadlines = new Deadlines(ports, () => this.#onDeadline(false));
    this.registration = new Registration(this, ports);
    this.liveness = new Liveness(this);
    this.image = store.load();
    this.#assemble();
  }

  get random(): RandomPort {
    return this.#ports.random;
  }

  nowMs(): number {
    return this.#ports.clock.nowMs();
  }

  record(...changes: readonly Change[]): void {
    const set = { atMs: this.nowMs(), changes };
    try {
      this.#store.append(this.image, set);
    } catch (error) {
      // Members and pending answers may have changed already: this instance must not go on from them.
      this.#ports.broken(error);
      throw error;
    }
    applyChangeSet(this.image, set);
  }

  arm(): void {
    if (this.#isReady) this.#deadlines.set(this.#nextMs());
  }

  touch(): void {
    this.#store.touch();
  }

  deleteAll(): Promise<void> {
    return this.#store.deleteAll();
  }

  ended(): void {
    this.#deadlines.forget();
    this.image = emptyImage();
    this.#assemble();
  }

  /** Whether the group has neither members nor instances. */
  get isDeserted(): boolean {
    return this.parts.rebalance.members.size + this.image.instances.size === 0;
  }

  /** Looks topics up behind an answer, then goes on with the rebalance that needs them. */
  lookUpTopics(): void {
    const { rebalance, topics } = this.parts;
    const work = async (): Promise<void> => {
      const isKnown = await topics.refresh();
      if (rebalance !== this.parts.rebalance) return;
      if (isKnown) {
        rebalance.prepareIfTopicsChanged();
        rebalance.tryComplete();
      } else if (rebalance.state === "PreparingRebalance") {
        this.#ports.timer.after(LOOK_UP_RETRY_MS, () => rebalance.tryComplete());
      }
      this.arm();
    };
    this.#ports.background(work());
  }

  /** Resolves when the group's state may have changed, or after `waitMs`. */
  untilChanged(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        forget();
        cancel();
        resolve();
      };
      const forget = this.parts.rebalance.onChange(done);
      const cancel = this.#ports.timer.after(waitMs, done);
    });
  }

  /** The alarm has fired. Rejects where ending the group has failed. */
  async onAlarm(): Promise<void> {
    this.#deadlines.fired();
    this.#onDeadline(true);
    await this.registration.ending;
  }

  #assemble(): void {
    this.#isReady = false;
    const { image } = this;
    const topics = new Topics(image, this.#ports);
    const rebalance = new Rebalance(this, topics, () => this.lookUpTopics());
    const group = new Group(this, rebalance);
    this.parts = {
      topics,
      rebalance,
      group,
      instances: new Instances(this, group, rebalance, topics, this.#ports.matcher),
      expiry: new Expiry(image, this.config, () => topicsInUse(rebalance, topics, image)),
      commits: new Commits(this, new TopicIds(this, this.#ports.cluster)),
    };
    this.#isReady = true;
    if (image.sinceMs !== 0) this.arm();
  }

  #nextMs(): number {
    const { rebalance, instances, expiry } = this.parts;
    if (this.image.sinceMs === 0) return Number.POSITIVE_INFINITY;
    let nextMs = Math.min(rebalance.nextMs(), instances.nextMs());
    if (this.#isVacant) {
      nextMs = Math.min(nextMs, Math.max(this.#vacantUntilMs, this.registration.retryAtMs));
    }
    return Math.min(nextMs, expiry.nextMs());
  }

  /** Whether nothing of the group is left that anybody could miss. */
  get #isVacant(): boolean {
    return this.isDeserted && this.image.offsets.size === 0;
  }

  get #vacantUntilMs(): number {
    return (this.image.emptySinceMs ?? this.nowMs()) + EMPTY_MS;
  }

  #onDeadline(isAlarm: boolean): void {
    if (this.image.sinceMs === 0) return;
    this.touch();
    const { instances, group, expiry } = this.parts;
    if (isAlarm) this.#expireSilent();
    instances.expire();
    group.expire();
    const expired = expiry.decide(this.nowMs());
    if (expired.length > 0) this.record(...expired);
    const mayEnd = (): boolean => this.#isVacant && this.#vacantUntilMs <= this.nowMs();
    if (mayEnd() && this.registration.retryAtMs <= this.nowMs()) {
      this.#ports.background(this.registration.end(mayEnd).then(() => this.arm()));
      return;
    }
    this.arm();
  }

  #expireSilent(): void {
    const { instances, group, rebalance } = this.parts;
    const expired = this.liveness.recordSilent();
    instances.end(expired);
    const members = expired.filter((memberId) => rebalance.members.has(memberId));
    if (members.length > 0) group.remove(members);
  }
}
