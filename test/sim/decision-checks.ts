/**
 * Checks every decision of the controller against the one before it: epochs rise, leaders are in sync and not fenced,
 * in-sync sets are not empty, elections are clean unless an unclean one is expected. Reads only.
 */
import { effectiveConfig } from "../../src/base/config.ts";
import type {
  ClusterMetadata,
  PartitionMetadata,
  TopicMetadata,
} from "../../src/objects/contracts/controller.ts";
import type { Cluster } from "./cluster.ts";
import type { Truth } from "./truth.ts";

export class DecisionChecks {
  /** Unclean elections are expected. */
  allowsUnclean = false;
  elections = 0;
  uncleanElections = 0;
  shrinks = 0;
  expands = 0;
  /** The newest decision. */
  metadata: ClusterMetadata | null = null;
  readonly #cluster: Cluster;
  readonly #truths: ReadonlyMap<string, Truth>;
  readonly #truth: (log: string) => Truth;

  /** @param truth the truth of a log, which may be new */
  constructor(cluster: Cluster, truths: ReadonlyMap<string, Truth>, truth: (log: string) => Truth) {
    this.#cluster = cluster;
    this.#truths = truths;
    this.#truth = truth;
  }

  /** The controller has decided, durably. */
  decided(metadata: ClusterMetadata): void {
    const before = this.metadata;
    this.metadata = metadata;
    this.#checkBrokers(before, metadata);
    this.#checkFenced(metadata);
    const topicsBefore = new Map(before?.topics.map((topic) => [topic.topicId, topic]));
    const topicsNow = new Set(metadata.topics.map(({ topicId }) => topicId));
    for (const [log, truth] of this.#truths) {
      if (!topicsNow.has(log.split("/")[0]!)) truth.isDeleted = true;
    }
    for (const topic of metadata.topics) {
      const known = topicsBefore.get(topic.topicId);
      if (known === topic) continue;
      for (const partition of topic.partitions) {
        this.#checkPartition(topic, known?.partitions[partition.partition], partition);
      }
    }
  }

  #checkBrokers(before: ClusterMetadata | null, now: ClusterMetadata): void {
    for (const broker of now.brokers) {
      const known = before?.brokers.find(({ brokerId }) => brokerId === broker.brokerId);
      this.#cluster.world.expect(
        !known || broker.brokerEpoch >= known.brokerEpoch,
        () => `4: the broker epoch of ${broker.brokerId} fell`,
      );
    }
  }

  /** No leader is on a fenced broker (15). */
  #checkFenced({ brokers, topics }: ClusterMetadata): void {
    const fenced = new Set(
      brokers.filter(({ state }) => state === "fenced").map(({ brokerId }) => brokerId),
    );
    if (fenced.size === 0) return;
    for (const { leader } of topics.flatMap(({ partitions }) => partitions)) {
      this.#cluster.world.expect(!fenced.has(leader), () => `15: fenced broker ${leader} leads`);
    }
  }

  #checkPartition(
    topic: TopicMetadata,
    before: PartitionMetadata | undefined,
    now: PartitionMetadata,
  ): void {
    // The state that is read from a snapshot is equal, but another object.
    if (before === now || JSON.stringify(before) === JSON.stringify(now)) return;
    const { world, settings } = this.#cluster;
    const truth = this.#truth(`${topic.topicId}/${now.partition}`);
    const minInSync = effectiveConfig(topic.configs, settings)["min.insync.replicas"];
    const replicas = now.replicas.map(({ brokerId }) => brokerId);
    const shown = JSON.stringify(now);
    world.expect(now.inSync.length > 0, () => `6: an empty in-sync set: ${shown}`);
    world.expect(
      now.inSync.every((id) => replicas.includes(id)),
      () => `8: not a replica: ${shown}`,
    );
    world.expect(
      now.leader < 0 || now.inSync.includes(now.leader),
      () => `6: not in sync: ${shown}`,
    );
    if (before) {
      const isHigher = now.partitionEpoch > before.partitionEpoch;
      world.expect(isHigher, () => `4: the partition epoch did not rise: ${shown}`);
      const rises =
        now.leader === before.leader
          ? now.leaderEpoch >= before.leaderEpoch
          : now.leaderEpoch > before.leaderEpoch;
      world.expect(rises, () => `4: the leader epoch did not rise: ${shown}`);
      this.#checkElection(truth, before, now);
      if (now.inSync.some((id) => !before.inSync.includes(id))) this.expands += 1;
      if (before.inSync.some((id) => !now.inSync.includes(id))) this.shrinks += 1;
    }
    truth.latest = { partition: now, minInSync };
    truth.decisions.set(now.partitionEpoch, truth.latest);
    truth.checkInSync();
  }

  #checkElection(truth: Truth, before: PartitionMetadata, now: PartitionMetadata): void {
    if (now.leader < 0 || now.leaderEpoch === before.leaderEpoch) return;
    const { world } = this.#cluster;
    this.elections += 1;
    // A replica that joins a set which keeps its members may become leader in the same decision, and so may the last
    // replica of a move. That it holds everything is checked as for every replica that joins.
    const stays = (id: number): boolean =>
      now.inSync.includes(id) || before.removing?.includes(id) === true;
    const isJoining = before.inSync.every(stays) && now.inSync.length > 1;
    const isMoving = before.adding?.includes(now.leader) === true;
    // All replicas of a partition that nobody has used hold everything there is.
    const isUnused = now.unfounded === true;
    const isClean = before.inSync.includes(now.leader) || isJoining || isMoving || isUnused;
    if (isClean && now.uncleanEpoch !== now.leaderEpoch) return;
    this.uncleanElections += 1;
    // Even if it has everything, the old leader may commit more before it learns of the election.
    truth.isLossy = true;
    world.expect(
      this.allowsUnclean,
      () =>
        `15: broker ${now.leader} was elected out of sync: ${JSON.stringify(before)} to ${JSON.stringify(now)}`,
    );
  }
}
