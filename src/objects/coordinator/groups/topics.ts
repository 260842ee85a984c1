/**
 * The topics that a group's instances read, as the controller knows them: looked up, and kept for some seconds.
 * Tells when the topics that an assignment was computed from have changed.
 */
import type { GroupImage, StoredInstance } from "./image/image.ts";
import type { CoordinatorPorts, TopicFact } from "./ports.ts";
import type { Subscription } from "../../contracts/instances.ts";

/** Topics that were looked up longer ago than this, in milliseconds, are looked up again by a poll. */
const FRESH_MS = 5_000;

/** Texts that identify a subscription: the same for the same subscription of any instance. */
export function subscriptionKeys(subscription: Subscription): readonly string[] {
  return subscription.by === "pattern"
    ? [`pattern ${subscription.pattern}`]
    : subscription.topics.map((topic) => `topic ${topic}`);
}

export class Topics {
  readonly #image: GroupImage;
  readonly #ports: CoordinatorPorts;
  readonly #facts = new Map<string, TopicFact>();
  readonly #matchers = new Map<string, (name: string) => boolean>();
  /** Subscriptions that the facts resolve, as {@link subscriptionKeys}. */
  #resolved: ReadonlySet<string> = new Set();
  #lookedUpMs = Number.NEGATIVE_INFINITY;
  #lookUp: Promise<boolean> | null = null;

  constructor(image: GroupImage, ports: CoordinatorPorts) {
    this.#image = image;
    this.#ports = ports;
  }

  get(topic: string): TopicFact | undefined {
    return this.#facts.get(topic);
  }

  /** Whether all that the instances subscribe to was looked up, however long ago. */
  get isKnown(): boolean {
    return this.#wanted().every((key) => this.#resolved.has(key));
  }

  get isFresh(): boolean {
    return this.isKnown && this.#ports.clock.nowMs() - this.#lookedUpMs < FRESH_MS;
  }

  /** The names that a subscription covers, by the last look-up. */
  covered(subscription: Subscription): readonly string[] {
    if (subscription.by === "topics") return subscription.topics;
    const matches = this.#matcher(subscription.pattern);
    return [...this.#facts.keys()].filter(matches).toSorted();
  }

  /** A text that changes when the topics do that the instances subscribe to: their names, ids or partitions. */
  fingerprint(): string {
    const names = new Set<string>();
    for (const subscription of this.#subscriptions()) {
      for (const name of this.covered(subscription)) names.add(name);
    }
    return [...names]
      .toSorted()
      .map((name) => {
        const fact = this.#facts.get(name);
        return `${name}:${fact?.topicId ?? ""}:${fact?.partitions ?? 0}`;
      })
      .join(" ");
  }

  /** Looks the topics up; false where the controller was not reached. Joins a look-up that is under way. */
  refresh(): Promise<boolean> {
    this.#lookUp ??= this.#lookUpAll().finally(() => (this.#lookUp = null));
    return this.#lookUp;
  }

  async #lookUpAll(): Promise<boolean> {
    const wanted = this.#wanted();
    const subscriptions = this.#subscriptions();
    const isAll = subscriptions.some(({ by }) => by === "pattern");
    const names = subscriptions.flatMap((one) => (one.by === "topics" ? one.topics : []));
    names.push(...this.#assigned());
    const facts = await this.#ports.cluster.topics(isAll ? null : [...new Set(names)]);
    if (facts === null) return false;
    this.#lookedUpMs = this.#ports.clock.nowMs();
    this.#facts.clear();
    for (const fact of facts) this.#facts.set(fact.topic, fact);
    this.#resolved = new Set(wanted);
    return true;
  }

  #subscriptions(): Subscription[] {
    const found: Subscription[] = [];
    for (const { subscription } of this.#image.instances.values() as Iterable<StoredInstance>) {
      if (subscription !== null) found.push(subscription);
    }
    return found;
  }

  /** Topics of partitions that instances were assigned by hand. */
  #assigned(): string[] {
    const found = new Set<string>();
    for (const { assigned } of this.#image.instances.values()) {
      for (const { topic } of assigned?.keys() ?? []) found.add(topic);
    }
    return [...found];
  }

  #wanted(): string[] {
    const assigned = this.#assigned().map((topic) => `topic ${topic}`);
    return [...this.#subscriptions().flatMap(subscriptionKeys), ...assigned];
  }

  #matcher(pattern: string): (name: string) => boolean {
    let matches = this.#matchers.get(pattern);
    if (matches === undefined) {
      // It was compiled before it was recorded; a pattern that does not compile any more matches nothing.
      matches = this.#ports.matcher(pattern) ?? (() => false);
      this.#matchers.set(pattern, matches);
    }
    return matches;
  }
}
