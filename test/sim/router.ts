/**
 * A client's access to the cluster, a small version of what the worker does: metadata from the controller, cached until
 * an answer shows that it is stale; calls with a deadline; reports of leaders that fail.
 */
import type { Refusal } from "../../src/base/errors.ts";
import { replicaObjectName } from "../../src/base/ids.ts";
import type {
  ClusterMetadata,
  PartitionAnswer,
  PartitionMetadata,
  PartitionsAnswer,
} from "../../src/objects/contracts/controller.ts";
import type { Cell } from "./cell.ts";
import type { Cluster } from "./cluster.ts";
import type { Caller } from "./network.ts";
import type { LeaderReport } from "../../src/objects/contracts/controller-port.ts";

/** Answers that show that metadata is stale. */
const MOVED = new Set([
  "NOT_LEADER_OR_FOLLOWER",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "LEADER_NOT_AVAILABLE",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "REPLICA_NOT_AVAILABLE",
]);

/** Answers that another replica might not give. */
const BROKEN = new Set(["KAFKA_STORAGE_ERROR", "STORAGE_LOST"]);

/** No answer within the deadline, or the call was cut off: the outcome is not known. */
const LOST = { ok: false, error: "REQUEST_TIMED_OUT", message: "lost" } as const;

const METADATA_FRESH_MS = 10_000;

export class Router {
  readonly cluster: Cluster;
  readonly caller: Caller;
  readonly topic: string;
  topicId = "";
  #partitions: readonly PartitionMetadata[] = [];
  #freshUntilMs = -1;
  /** Calls that may still arrive, even if nobody waits for their answers any more. */
  #unsettledAppends = 0;
  /** The leader epoch that refused the last call, by partition. */
  readonly #refusedEpochs = new Map<number, number>();

  constructor(cluster: Cluster, name: string, place: number, topic: string, isOnce = false) {
    this.cluster = cluster;
    this.caller = { place, name, instance: null, isOnce };
    this.topic = topic;
  }

  get nowMs(): number {
    return this.cluster.world.scheduler.nowMs;
  }

  /** Whether an append that was given up on may still arrive. */
  get hasStragglers(): boolean {
    return this.#unsettledAppends > 0;
  }

  log(partition: number): string {
    return `${this.topicId}/${partition}`;
  }

  /** The object of the leader, or of another replica; null if none is known. */
  async locate(partition: number, broker: "leader" | number): Promise<Cell | null> {
    if (this.nowMs >= this.#freshUntilMs) await this.#refresh();
    if (this.#partitions[partition]?.unfounded) await this.#found(partition);
    const known = this.#partitions[partition];
    if (!known) return null;
    const brokerId = broker === "leader" ? known.leader : broker;
    const replica = known.replicas.find((candidate) => candidate.brokerId === brokerId);
    if (!replica) {
      if (broker === "leader") this.#freshUntilMs = this.nowMs + 200;
      return null;
    }
    const name = replicaObjectName({ topicId: this.topicId, partition, ...replica });
    return this.cluster.cell(name);
  }

  /** Brokers of the in-sync set in the cached metadata. */
  inSync(partition: number): readonly number[] {
    return this.#partitions[partition]?.inSync ?? [];
  }

  /** Calls with a deadline; {@link LOST} if there is no answer. Reports leaders that fail. */
  async call<A extends { readonly ok: true }>(
    partition: number,
    cell: Cell,
    method: string,
    request: unknown,
    deadlineMs: number,
  ): Promise<A | Refusal> {
    const epoch = this.#partitions[partition]?.leaderEpoch ?? -1;
    const answer = await this.ask<A>(cell, method, [request], deadlineMs);
    if (answer === null) {
      await this.#report(partition, epoch);
      return LOST;
    }
    if (!answer.ok && BROKEN.has(answer.error)) {
      // Another replica may have what cannot be read here.
      await this.#report(partition, epoch);
    } else if (answer.ok || !MOVED.has(answer.error)) {
      this.#refusedEpochs.delete(partition);
    } else if (this.#refusedEpochs.get(partition) === epoch) {
      // It keeps refusing although the controller has it lead: it may have lost its storage.
      this.#refusedEpochs.delete(partition);
      await this.#report(partition, epoch);
    } else {
      this.#freshUntilMs = -1;
      this.#refusedEpochs.set(partition, epoch);
    }
    return answer;
  }

  /** Null if there is no answer in time. */
  ask<A extends { readonly ok: true }>(
    cell: Cell,
    method: string,
    args: readonly unknown[],
    deadlineMs: number,
  ): Promise<A | Refusal | null> {
    const appends = method === "append" ? 1 : 0;
    this.#unsettledAppends += appends;
    return new Promise((resolve) => {
      const cancel = this.cluster.world.scheduler.after(deadlineMs, () => resolve(null));
      this.cluster.call(this.caller, cell, method, ...args).then(
        (answer) => {
          this.#unsettledAppends -= appends;
          cancel();
          resolve(answer as A | Refusal);
        },
        () => {
          this.#unsettledAppends -= appends;
          cancel();
          resolve(null);
        },
      );
    });
  }

  async #refresh(): Promise<void> {
    const { controller } = this.cluster;
    const answer = await this.ask<ClusterMetadata>(controller, "metadata", [[this.topic]], 5_000);
    if (!answer?.ok) return;
    const topic = answer.topics[0];
    this.#freshUntilMs = this.nowMs + METADATA_FRESH_MS;
    if (!topic) return;
    this.topicId = topic.topicId;
    this.#partitions = topic.partitions;
  }

  /** What is called first is founded; where that fails, the call does, and is reported. */
  async #found(partition: number): Promise<void> {
    const args = [this.topicId, [partition]];
    const { controller } = this.cluster;
    const answer = await this.ask<PartitionsAnswer>(controller, "foundPartitions", args, 5_000);
    if (answer?.ok) this.#learn(answer.partitions[0]!);
  }

  #learn(partition: PartitionMetadata): void {
    const known = this.#partitions[partition.partition];
    if (!known || partition.partitionEpoch <= known.partitionEpoch) return;
    this.#partitions = this.#partitions.with(partition.partition, partition);
    this.#freshUntilMs = this.nowMs + METADATA_FRESH_MS;
  }

  async #report(partition: number, leaderEpoch: number): Promise<void> {
    this.#freshUntilMs = -1;
    const report: LeaderReport = { topicId: this.topicId, partition, leaderEpoch };
    const { controller } = this.cluster;
    const answer = await this.ask<PartitionAnswer & { ok: true }>(
      controller,
      "reportLeader",
      [report],
      6_000,
    );
    if (answer?.ok && answer.partition.partition === partition) this.#learn(answer.partition);
  }
}
