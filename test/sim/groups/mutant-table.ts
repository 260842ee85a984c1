/** The mutants of consumer groups: rules of the coordinator, and how each is switched off. */
import type { Mutant, NoticingTest } from "../mutant.ts";

const anew = (name: string): NoticingTest => ({
  file: "test/core/coordinator/topics-anew.test.ts",
  name,
});

const deadlines = (name: string): NoticingTest => ({
  file: "test/core/coordinator/deadlines.test.ts",
  name,
});

const moves = (name: string): NoticingTest => ({
  file: "test/core/coordinator/moves.test.ts",
  name,
});
const expiry = (name: string): NoticingTest => ({
  file: "test/core/coordinator/expiry.test.ts",
  name,
});

export const GROUP_MUTANTS: readonly Mutant[] = [
  {
    name: "commits-of-old-generations",
    breaks: "commits, heartbeats and syncs of an old generation are refused",
    off: {
      "requests-are-of-this-generation": {
        value: "generationId <= this.#context.image.generationId",
      },
    },
    seed: 3,
    groups: true,
  },
  {
    name: "partition-given-before-it-is-given-up",
    breaks: "under the cooperative assignor a partition moves only after its owner has revoked it",
    off: {
      "partitions-move-when-given-up": {
        value:
          'assignPartitions(assignor === "cooperative-sticky" ? "sticky" : assignor, assignorMembers, partitionCounts)',
      },
    },
    seed: 1,
    groups: true,
  },
  {
    name: "commit-not-recorded",
    breaks: "a commit is durable before it is acknowledged",
    off: {
      "commits-are-recorded": {
        statement:
          "for (const one of taken) this.#context.image.offsets.set(one.topic, one.partition, { ...one, topicId: one.topicId ?? '', committedMs: this.#context.nowMs() });",
      },
    },
    seed: 3,
    groups: true,
  },
  {
    name: "instance-commit-not-recorded-whole",
    breaks: "a decision is recorded with all its partitions",
    off: {
      "all-partitions-are-packed": {
        statement: "if (!found) topics.set(key, [item.topic, topicId, [pack(item)]]);",
      },
    },
    seed: 1,
    groups: true,
  },
  {
    name: "position-moves-with-the-answer",
    breaks: "a position advances only when the answer has arrived at the client",
    off: { "positions-move-with-arrived-answers": { condition: "pending" } },
    seed: 1,
    groups: true,
  },
  {
    name: "silence-is-not-written-down",
    breaks: "after restarts of the object, members that are gone are still removed",
    off: { "silence-is-recorded": { without: true } },
    seed: 1,
    groups: true,
  },
  {
    name: "generation-without-everybody",
    breaks: "a rebalance waits until every member has rejoined",
    off: { "generations-have-everybody": { without: true } },
    seed: 2,
    groups: true,
  },
  {
    name: "latest-for-partitions-that-come-later",
    breaks: "a partition added after the subscription is read from its first record (KAFKA-20035)",
    off: { "later-partitions-begin-at-their-first-record": { value: '"latest"' } },
    seed: 2,
    groups: true,
  },
  {
    name: "beginning-not-kept",
    breaks: "the position at which a group starts without a commit is recorded",
    off: { "beginnings-are-recorded": { without: true } },
    seed: 6,
    groups: true,
  },
  {
    name: "offsets-expire-that-are-read",
    breaks: "the offsets of topics that members read do not expire (KIP-211)",
    off: { "offsets-that-are-read-stay": { value: "expired" } },
    test: expiry("those of topics that members read stay, the others go (KIP-211)"),
  },
  {
    name: "offsets-of-living-groups-stay",
    breaks: "the offsets of topics that no member of an active group reads expire (KIP-211)",
    off: { "living-groups-are-looked-through": { condition: "this.#isLiving" } },
    test: expiry("those of topics that members read stay, the others go (KIP-211)"),
  },
  {
    name: "offsets-expire-with-the-commit-though-read",
    breaks: "offsets read by manual assignment expire only after their reader has gone",
    off: { "offsets-are-kept-since-the-last-reader": { without: true } },
    test: expiry("what an instance reads by hand is kept since it was closed"),
  },
  {
    name: "revocation-not-asked-for",
    breaks: "a member that has revoked its partitions triggers the next rebalance",
    off: { "what-was-given-up-is-shared-anew": { value: "false" } },
    seed: 4,
    groups: true,
  },
  {
    name: "positions-outlive-the-ownership",
    breaks: "an instance that gets a partition back continues from the committed offset",
    off: { "positions-end-with-the-ownership": { without: true } },
    test: moves(
      "ends with the ownership: whoever gets a partition back goes on from what is committed",
    ),
  },
  {
    name: "commits-of-partitions-of-others",
    breaks: "an instance commits only partitions it owns",
    off: { "commits-are-of-own-partitions": { value: "isCommit || $" } },
    seed: 2,
    groups: true,
  },
  {
    name: "sessions-that-never-end",
    breaks: "members whose session has expired leave the group",
    off: { "sessions-end": { value: "() => false" } },
    test: {
      file: "test/core/coordinator/membership.test.ts",
      name: "whoever leaves is gone at once, and a silent one after its session",
    },
  },
  {
    name: "beginning-before-the-commit",
    breaks:
      "a position is the one sought, else the committed one, else the one at which the group started",
    off: {
      "positions-are-sought-then-committed-then-first": {
        value:
          "[instance.seeks.get(topic, partition), image.initialPositions.get(topic, partition), image.offsets.get(topic, partition)]",
      },
    },
    test: moves("is what was committed rather than where the group began"),
  },
  {
    name: "seek-lost-under-a-pending-answer",
    breaks: "a seek is not undone by an earlier answer that arrives later",
    off: { "what-is-sought-is-not-pending": { without: true } },
    test: moves("is where it was sought although an answer of before arrives"),
  },
  {
    name: "seek-lost-while-giving-up",
    breaks: "a seek in a partition holds until the partition is revoked",
    off: {
      "what-is-sought-stays-until-given-up": { value: "[image.assignments.get(instanceId)]" },
    },
    test: moves("is where it was sought while the partition is still to be given up"),
  },
  {
    name: "giving-up-not-recorded",
    breaks: "partitions that an instance still has to revoke are part of the recorded assignment",
    off: { "what-is-to-be-given-up-is-recorded": { without: true } },
    seed: 9,
    groups: true,
  },
  {
    name: "given-up-by-nobody",
    breaks:
      "under the cooperative assignor partitions that move are recorded until their owner has revoked them",
    off: { "what-moves-is-given-up-first": { without: true } },
    seed: 9,
    groups: true,
  },
  {
    name: "taken-at-once-by-a-leader-of-another-kind",
    breaks:
      "partitions that a leading client takes from an instance are recorded until the instance has revoked them",
    off: { "leaders-of-others-take-nothing-at-once": { statement: "return [];" } },
    test: moves("is given up with the next poll, also where a client of Kafka's protocol takes it"),
  },
  {
    name: "given-up-taken-for-unassigned",
    breaks: "partitions being revoked count as assigned, so waking up starts no rebalance",
    off: { "what-is-being-given-up-was-assigned": { without: true } },
    test: moves("was assigned: an object that wakes up meanwhile shares nothing anew for it"),
  },
  {
    name: "delivery-of-an-older-poll",
    breaks: "only the last poll delivers records",
    off: { "a-delivery-is-of-the-last-poll": { condition: "false" } },
    test: {
      file: "test/core/coordinator/instances.test.ts",
      name: "one that another has overtaken delivers nothing",
    },
  },
  {
    name: "delivery-after-the-partition-moved",
    breaks: "an answer contains only partitions that the instance owns",
    off: { "commits-are-of-own-partitions": { value: "!isCommit || $" } },
    test: moves("with a partition that the instance has not any more is not given"),
  },
  {
    name: "delivery-between-generations",
    breaks: "an instance that has joined the next generation delivers nothing of the previous one",
    off: { "a-delivery-is-of-who-may-read": { value: "null" } },
    test: moves("is not given by an instance that has joined the next generation"),
  },
  {
    name: "commits-while-completing",
    breaks: "members commit only after the generation has its assignments",
    off: { "members-commit-in-their-generation": { value: "null" } },
    test: {
      file: "test/core/coordinator/membership.test.ts",
      name: "members commit only when their generation has its assignments",
    },
  },
  {
    name: "instances-commit-while-completing",
    breaks: "instances commit and read only after the generation has its assignments",
    off: { "nothing-is-noted-between-generations": { condition: "false" } },
    test: moves("an instance commits only when its generation has its assignments"),
  },
  {
    name: "ring-one-row-short",
    breaks: "a row of the ring is overwritten only when the snapshot contains it",
    off: {
      "a-full-ring-is-in-the-snapshot": {
        value: "this.#seq + pieces.length - this.#snapshotSeq > ringRows + 1",
      },
    },
    seed: 1,
    groups: true,
  },
  {
    name: "commits-outlive-their-topic",
    breaks: "commits of a deleted topic do not apply to a later topic of the same name",
    off: { "commits-die-with-their-topic": { without: true } },
    seed: 3,
    groups: true,
  },
  {
    name: "commits-by-the-workers-cache",
    breaks: "a commit applies to the current topic, even if the worker's cache is stale",
    off: { "doubtful-topics-are-asked-for": { condition: "false" } },
    test: anew("a worker that knows the earlier topic commits of the one that is there"),
  },
  {
    name: "commits-by-the-name-alone",
    breaks:
      "positions read from a deleted topic are not committed for a later topic of the same name",
    off: { "commits-are-of-what-was-read": { value: "owned" } },
    test: anew(
      "its own commit of positions in the earlier topic is refused, and overwrites nothing",
    ),
  },
  {
    name: "pending-members-are-waited-for",
    breaks: "a member id that was never used delays a rebalance only until its deadline",
    off: { "pending-members-hold-up-nobody": { condition: "this.pendingMembers.size > 0" } },
    test: deadlines("holds a rebalance up no longer than its deadline"),
  },
  {
    name: "static-members-leave-with-a-rebalance",
    breaks:
      "a static member that misses a rebalance stays a member until its session ends (KIP-345)",
    off: { "static-members-outlive-a-rebalance": { statement: "return false;" } },
    test: deadlines(
      "that miss a rebalance stay members of the next generation, until their session ends",
    ),
  },
  {
    name: "alarms-in-vain",
    breaks: "a deadline that has passed sets the alarm in the past only once",
    off: { "nothing-is-set-for-the-past-twice": { without: true } },
    test: deadlines(
      "a deadline that has gone by is set in the past once, and afterwards once a second",
    ),
  },
];
