/**
 * Which topic has a name now. Commits hold for one topic and are dropped with it (KIP-516), whatever is created
 * under its name later. The answer is always the controller's; what is remembered only saves questions.
 */
import type { GroupImage } from "../image/image.ts";
import type { ClusterPort } from "../ports.ts";

interface Context {
  readonly image: GroupImage;
}

export class TopicIds {
  readonly #context: Context;
  readonly #cluster: ClusterPort;
  /** The controller's last answer, by name; null: there is no such topic. */
  readonly #answers = new Map<string, string | null>();

  constructor(context: Context, cluster: ClusterPort) {
    this.#context = context;
    this.#cluster = cluster;
  }

  /**
   * Whether the controller has to be asked about a commit's topic: its id is another one than in the last answer
   * or in the last commit. A group whose topics stay the same never asks.
   */
  isDoubtful(topic: string, topicId: string): boolean {
    const answer = this.#answers.get(topic);
    const known = answer === undefined ? this.#context.image.offsets.first(topic)?.topicId : answer;
    return known !== topicId;
  }

  /** The present ids of the topics that exist, by name; null where the controller was not reached. */
  async ask(names: readonly string[]): Promise<ReadonlyMap<string, string> | null> {
    if (names.length === 0) return new Map();
    const facts = await this.#cluster.topics(names);
    if (facts === null) return null;
    const ids = new Map(facts.map(({ topic, topicId }) => [topic, topicId]));
    for (const name of names) this.#answers.set(name, ids.get(name) ?? null);
    return ids;
  }
}
