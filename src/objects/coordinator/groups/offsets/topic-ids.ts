/**
 * Which topic a name stands for now, as far as commits go: they hold for one topic, and die with it
 * (KIP-516), whatever is created under its name later. The answer is always the controller's; what is
 * remembered here only says when it need not be asked.
 */
import type { GroupImage } from "../image.ts";
import type { ClusterPort } from "../ports.ts";

interface Context {
  readonly image: GroupImage;
}

export class TopicIds {
  readonly #context: Context;
  readonly #cluster: ClusterPort;
  /** What the group was last told, by name; null: that there is no such topic. */
  readonly #told = new Map<string, string | null>();

  constructor(context: Context, cluster: ClusterPort) {
    this.#context = context;
    this.#cluster = cluster;
  }

  /**
   * Whether a commit's topic has to be asked for: it is not the one that the group was last told of, or
   * has committed of. So a group that goes on as it did asks nobody.
   */
  isDoubtful(topic: string, topicId: string): boolean {
    const told = this.#told.get(topic);
    const known = told === undefined ? this.#context.image.offsets.first(topic)?.topicId : told;
    return known !== topicId;
  }

  /** The ids of those that exist, by name, as they are now; null where the controller was not reached. */
  async ask(names: readonly string[]): Promise<ReadonlyMap<string, string> | null> {
    if (names.length === 0) return new Map();
    const facts = await this.#cluster.topics(names);
    if (facts === null) return null;
    const ids = new Map(facts.map(({ topic, topicId }) => [topic, topicId]));
    for (const name of names) this.#told.set(name, ids.get(name) ?? null);
    return ids;
  }
}
