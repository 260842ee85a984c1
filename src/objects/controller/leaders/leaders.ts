/**
 * Failure detection without heartbeats: a caller whose call to a leader fails reports it; the leader is probed, and
 * where it does not answer a replica that does is elected. Decides by the probes' answers and by the image after
 * them; records and delivers through {@link LeaderActions}.
 */
import type { EffectiveConfig } from "../../../base/config.ts";
import { assert, refuse, type Refusal } from "../../../base/errors.ts";
import { replicaObjectName, type ReplicaName } from "../../../base/ids.ts";
import type { ClockPort } from "../../../base/ports.ts";
import type {
  PartitionAnswer,
  PartitionMetadata,
  TopicMetadata,
} from "../../contracts/controller.ts";
import type { PartitionChange } from "../image/changes.ts";
import { partitionKey, partitionOf, type ClusterImage } from "../image/cluster.ts";
import { candidatesOf, isFenced, uncleanElection, withoutMember } from "./elections.ts";
import { brokerIdsOf } from "../image/partitions.ts";
import type { Probes } from "./probes.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import type { Probed } from "../../contracts/assignment.ts";
import type { LeaderReport, ReplicaReport } from "../../contracts/controller-port.ts";

export interface LeaderActions {
  /** Records the change of one partition. */
  record(topicId: string, change: PartitionChange): void;
  /** Delivers the partition's state to its replicas; resolves when the leader has it, or is sure to get it later. */
  deliver(topicId: string, partition: number): Promise<void>;
  /** Sends the replica its assignment, whether or not it had confirmed it. */
  resend(replica: ReplicaName): Promise<void>;
  /** Gives the partition's replicas their storage; resolves as `deliver` does. */
  found(topicId: string, partition: number): Promise<void>;
}

/** A leader that has answered a probe within this time, in milliseconds, is not probed again. */
const HEALTHY_MS = 1_000;

/**
 * In-sync replicas that do not answer are waited for this long, in milliseconds, before an unclean election gives up
 * records. Where their brokers are fenced, an operator has decided that already.
 */
export const UNCLEAN_AFTER_MS = 10_000;

/** Partitions that are recovered at once; each probes all its replicas. */
const RECOVERIES_AT_ONCE = 16;

interface Standing {
  readonly brokerId: number;
  readonly probed: Probed;
}

export class Leaders {
  readonly #image: ClusterImage;
  readonly #defaults: EffectiveConfig;
  readonly #probes: Probes;
  readonly #clock: ClockPort;
  readonly #actions: LeaderActions;
  /** By partition: reports that come while a leader is being examined wait for the same outcome. */
  readonly #examinations = new Map<string, Promise<void>>();
  /** By partition: in which leader epoch, and since when, no in-sync replica answers. */
  readonly #unreachable = new Map<
    string,
    { readonly leaderEpoch: number; readonly sinceMs: number }
  >();
  /** When leaders last answered a probe, by object name; oldest first. In milliseconds since the epoch. */
  readonly #healthyMs = new Map<string, number>();

  constructor(
    image: ClusterImage,
    defaults: EffectiveConfig,
    probes: Probes,
    clock: ClockPort,
    actions: LeaderActions,
  ) {
    this.#image = image;
    this.#defaults = defaults;
    this.#probes = probes;
    this.#clock = clock;
    this.#actions = actions;
  }

  /** Examines the leader; a report of another epoch than the present one changes nothing. */
  async report({ topicId, partition, leaderEpoch }: LeaderReport): Promise<PartitionAnswer> {
    const state = partitionOf(this.#image, topicId, partition);
    if (!state) return refuse("UNKNOWN_TOPIC_OR_PARTITION");
    if (state.leaderEpoch === leaderEpoch) await this.#examined(topicId, state);
    return this.#answer(topicId, partition);
  }

  /** Sends a follower that has lost its storage, or cannot write to it, its assignment again; its answer says which. */
  async reportReplica(report: ReplicaReport): Promise<{ readonly ok: true } | Refusal> {
    const { topicId, partition, brokerId, leaderEpoch } = report;
    const state = partitionOf(this.#image, topicId, partition);
    if (!state) return refuse("UNKNOWN_TOPIC_OR_PARTITION");
    const isReplica = brokerIdsOf(state).includes(brokerId);
    if (state.leaderEpoch === leaderEpoch && isReplica) {
      await this.#actions.resend(replicaOf(topicId, state, brokerId));
    }
    return { ok: true };
  }

  /** Elects the preferred replica if it is in sync, its broker is active, and it answers. */
  async electPreferred(topicId: string, state: PartitionMetadata): Promise<PartitionAnswer> {
    const [preferred] = brokerIdsOf(state);
    assert(preferred !== undefined, "a partition without replicas");
    if (state.leader === preferred) return refuse("ELECTION_NOT_NEEDED");
    const mayLead = (now: PartitionMetadata): boolean =>
      now.inSync.includes(preferred) && this.#image.brokers.get(preferred)?.state === "active";
    if (!mayLead(state)) return refuse("PREFERRED_LEADER_NOT_AVAILABLE");
    // An unfounded partition has no replica that could answer, and none that lacks a record.
    if (!state.unfounded) {
      const answer = await this.#probes.ask(replicaOf(topicId, state, preferred));
      // rule: a-reset-replica-is-not-preferred
      if (!answer?.ok || answer.wasReset) return refuse("PREFERRED_LEADER_NOT_AVAILABLE");
    }
    const now = this.#unchanged(topicId, state);
    if (!now || !mayLead(now)) return refuse("PREFERRED_LEADER_NOT_AVAILABLE");
    this.#actions.record(topicId, { partition: now.partition, leader: preferred });
    await this.#actions.deliver(topicId, now.partition);
    return this.#answer(topicId, now.partition);
  }

  /** For an operator: elects any replica that answers, in-sync ones first, unless the present leader answers. */
  async electUncleanly(topicId: string, state: PartitionMetadata): Promise<PartitionAnswer> {
    // An unfounded partition has a leader whenever one of its brokers is not fenced.
    if (state.unfounded && state.leader === -1) return refuse("ELIGIBLE_LEADERS_NOT_AVAILABLE");
    if (state.leader !== -1 && (state.unfounded || (await this.#isHealthy(topicId, state)))) {
      return refuse("ELECTION_NOT_NEEDED");
    }
    const isElected =
      (await this.#electInSync(topicId, state)) || (await this.#electAny(topicId, state));
    if (!isElected) return refuse("ELIGIBLE_LEADERS_NOT_AVAILABLE");
    return this.#answer(topicId, state.partition);
  }

  /** Whether a partition without a leader could get one, because its topic allows unclean elections. */
  get canRecover(): boolean {
    for (const key of this.#image.leaderless) {
      if (this.#recoverable(key)) return true;
    }
    return false;
  }

  /** Recovers every leaderless partition it can. */
  async recover(): Promise<void> {
    const permits = new Semaphore(RECOVERIES_AT_ONCE);
    const recoveries = [...this.#image.leaderless].map(async (key) => {
      await permits.acquire();
      try {
        const found = this.#recoverable(key);
        if (found) await this.#examined(found.topic.topicId, found.state);
      } finally {
        permits.release();
      }
    });
    await Promise.all(recoveries);
  }

  #recoverable(key: string): { topic: TopicMetadata; state: PartitionMetadata } | null {
    const slash = key.indexOf("/");
    const topic = this.#image.topics.get(key.slice(0, slash));
    const state = topic?.partitions[Number(key.slice(slash + 1))];
    if (!topic || !state || state.leader !== -1 || !this.#allowsUnclean(topic)) return null;
    const isUp = brokerIdsOf(state).some((id) => !isFenced(this.#image.brokers, id));
    return isUp ? { topic, state } : null;
  }

  #examined(topicId: string, state: PartitionMetadata): Promise<void> {
    const key = partitionKey(topicId, state.partition);
    const underWay = this.#examinations.get(key);
    if (underWay) return underWay;
    const examination = this.#examine(topicId, state).finally(() => this.#examinations.delete(key));
    this.#examinations.set(key, examination);
    return examination;
  }

  async #examine(topicId: string, state: PartitionMetadata): Promise<void> {
    // The caller did not know that the partition is not founded: its objects have no assignment.
    if (state.unfounded) await this.#actions.found(topicId, state.partition);
    const key = partitionKey(topicId, state.partition);
    const isLed = state.leader !== -1;
    if (
      isLed &&
      ((await this.#isHealthy(topicId, state)) || (await this.#electInSync(topicId, state)))
    ) {
      this.#unreachable.delete(key);
      return;
    }
    const topic = this.#image.topics.get(topicId);
    if (!topic || !this.#allowsUnclean(topic)) return;
    if (isLed && !this.#isUnreachableLong(key, state)) return;
    this.#unreachable.delete(key);
    await this.#electAny(topicId, state);
  }

  #isUnreachableLong(key: string, { leaderEpoch }: PartitionMetadata): boolean {
    const nowMs = this.#clock.nowMs();
    const known = this.#unreachable.get(key);
    if (known?.leaderEpoch === leaderEpoch) return nowMs - known.sinceMs >= UNCLEAN_AFTER_MS;
    this.#unreachable.set(key, { leaderEpoch, sinceMs: nowMs });
    return false;
  }

  async #isHealthy(topicId: string, state: PartitionMetadata): Promise<boolean> {
    const replica = replicaOf(topicId, state, state.leader);
    const name = replicaObjectName(replica);
    const nowMs = this.#clock.nowMs();
    for (const [old, atMs] of this.#healthyMs) {
      if (nowMs - atMs < HEALTHY_MS) break;
      this.#healthyMs.delete(old);
    }
    if (this.#healthyMs.has(name)) return true;
    let answer = await this.#probes.ask(replica);
    const isUnassigned = answer?.ok === false && answer.error !== "STORAGE_LOST";
    if (isUnassigned && this.#unchanged(topicId, state)) {
      // The object answers and has no assignment: it has lost its storage, or was never assigned.
      await this.#actions.resend(replica);
      answer = await this.#probes.ask(replica);
    }
    // rule: a-reset-leader-is-not-healthy
    if (!answer?.ok || answer.wasReset) return false;
    this.#healthyMs.delete(name);
    this.#healthyMs.set(name, this.#clock.nowMs());
    const now = this.#unchanged(topicId, state);
    if (now && answer.partitionEpoch < now.partitionEpoch) await this.#actions.resend(replica);
    return true;
  }

  /** Elects the first in-sync replica that answers; the leader, which did not, leaves the set. */
  async #electInSync(topicId: string, state: PartitionMetadata): Promise<boolean> {
    const others = state.inSync.filter((id) => id !== state.leader);
    const candidates = candidatesOf(state, others, this.#image.brokers);
    const answers = candidates.map((id) => this.#probes.ask(replicaOf(topicId, state, id)));
    for (const [index, brokerId] of candidates.entries()) {
      const answer = await answers[index];
      // rule: a-reset-replica-is-not-elected
      if (!answer?.ok || answer.wasReset) continue;
      const now = this.#unchanged(topicId, state);
      if (!now) return true;
      if (!candidatesOf(now, now.inSync, this.#image.brokers).includes(brokerId)) continue;
      const change =
        now.leader === -1
          ? { partition: now.partition, leader: brokerId }
          : withoutMember(now, now.leader, [brokerId]);
      assert(change, "an in-sync set loses its leader and its successor");
      this.#actions.record(topicId, change);
      await this.#actions.deliver(topicId, now.partition);
      return true;
    }
    return false;
  }

  /**
   * Elects the replica with the longest log among those that answer, in sync or not. Never one that is being added:
   * it may have almost nothing, and the others may come back with more.
   */
  async #electAny(topicId: string, state: PartitionMetadata): Promise<boolean> {
    const up = brokerIdsOf(state).filter(
      (id) => !isFenced(this.#image.brokers, id) && state.adding?.includes(id) !== true,
    );
    const answers = await Promise.all(
      up.map(async (brokerId) => ({
        brokerId,
        probed: await this.#probes.ask(replicaOf(topicId, state, brokerId)),
      })),
    );
    const now = this.#unchanged(topicId, state);
    if (!now) return true;
    const isLive = (id: number): boolean =>
      !isFenced(this.#image.brokers, id) && brokerIdsOf(now).includes(id);
    const standings = answers.flatMap(({ brokerId, probed }) =>
      probed?.ok && isLive(brokerId) ? [{ brokerId, probed }] : [],
    );
    const [first, ...rest] = standings;
    if (!first) return false;
    const { brokerId } = rest.reduce((best, one) => (isLonger(one, best) ? one : best), first);
    this.#actions.record(topicId, uncleanElection(now, brokerId));
    await this.#actions.deliver(topicId, now.partition);
    return true;
  }

  /** The partition as it is now; null where its leader epoch has changed, so that the probes do not count. */
  #unchanged(topicId: string, state: PartitionMetadata): PartitionMetadata | null {
    const now = partitionOf(this.#image, topicId, state.partition);
    return now?.leaderEpoch === state.leaderEpoch ? now : null;
  }

  #allowsUnclean({ configs }: TopicMetadata): boolean {
    const own = configs["unclean.leader.election.enable"];
    return own === undefined ? this.#defaults["unclean.leader.election.enable"] : own === "true";
  }

  #answer(
    topicId: string,
    partition: number,
  ): { ok: true; partition: PartitionMetadata } | Refusal {
    const state = partitionOf(this.#image, topicId, partition);
    return state ? { ok: true, partition: state } : refuse("UNKNOWN_TOPIC_OR_PARTITION");
  }
}

function isLonger(a: Standing, b: Standing): boolean {
  if (a.probed.lastEpoch !== b.probed.lastEpoch) return a.probed.lastEpoch > b.probed.lastEpoch;
  return a.probed.logEndOffset > b.probed.logEndOffset;
}

function replicaOf(topicId: string, state: PartitionMetadata, brokerId: number): ReplicaName {
  const replica = state.replicas.find((one) => one.brokerId === brokerId);
  assert(replica, `broker ${brokerId} has no replica of the partition`);
  return { topicId, partition: state.partition, ...replica };
}
