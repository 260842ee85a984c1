/**
 * What a group's object knows of topics, for the instances whose assignment it computes: asked of the
 * controller, kept for some seconds. Tells when what an assignment was made from has changed.
 */
import type { GroupImage, StoredInstance } from "./image.ts";
import type { CoordinatorPorts, TopicFact } from "./ports.ts";
import type { Subscription } from "../../contracts/instances.ts";

/** After so long a poll has the topics looked up again, in milliseconds. */
const FRESH_MS = 5_000;

/** The same text for the same subscription, of whichever instance. */
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
  /** Subscriptions that the facts answer, as {@link subscriptionKeys}. */
  #answered: ReadonlySet<string> = new Set();
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<boolean> | null = null;

  constructor(image: GroupImage, ports: CoordinatorPorts) {
    this.#image = image;
    this.#ports = ports;
  }

  get(topic: string): TopicFact | undefined {
    return this.#facts.get(topic);
  }

  /** Whether what the instances subscribe to was looked up, however long ago. */
  get isKnown(): boolean {
    return this.#wanted().every((key) => this.#answered.has(key));
  }

  get isFresh(): boolean {
    return this.isKnown && this.#ports.clock.nowMs() - this.#askedMs < FRESH_MS;
  }

  /** The names that a subscription covers at present. */
  covered(subscription: Subscription): readonly string[] {
    if (subscription.by === "topics") return subscription.topics;
    const matches = this.#matcher(subscription.pattern);
    return [...this.#facts.keys()].filter(matches).toSorted();
  }

  /** What all instances together subscribe to, and is there: text that changes when it does. */
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

  /** Looks them up; false where the controller was not reached. One look-up at a time. */
  refresh(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask(): Promise<boolean> {
    const wanted = this.#wanted();
    const subscriptions = this.#subscriptions();
    const isAll = subscriptions.some(({ by }) => by === "pattern");
    const names = subscriptions.flatMap((one) => (one.by === "topics" ? one.topics : []));
    names.push(...this.#assigned());
    const facts = await this.#ports.cluster.topics(isAll ? null : [...new Set(names)]);
    if (facts === null) return false;
    this.#askedMs = this.#ports.clock.nowMs();
    this.#facts.clear();
    for (const fact of facts) this.#facts.set(fact.topic, fact);
    this.#answered = new Set(wanted);
    return true;
  }

  #subscriptions(): Subscription[] {
    const found: Subscription[] = [];
    for (const { subscription } of this.#image.instances.values() as Iterable<StoredInstance>) {
      if (subscription !== null) found.push(subscription);
    }
    return found;
  }

  /** Topics of which instances were assigned partitions by hand. */
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
      // It was checked when it came; where it cannot be read any more it matches nothing.
      matches = this.#ports.matcher(pattern) ?? (() => false);
      this.#matchers.set(pattern, matches);
    }
    return matches;
  }
}
