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
    breaks: "commits are of the current generation, and so is whoever beats and syncs",
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
    breaks: "under the cooperative assignor a partition moves only after its owner gave it up",
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
    breaks: "the record holds what was decided, all of it",
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
    breaks: "a position moves only behind an answer that has arrived",
    off: { "positions-move-with-arrived-answers": { condition: "pending" } },
    seed: 1,
    groups: true,
  },
  {
    name: "silence-is-not-written-down",
    breaks: "an object that forgets whom it has heard does not take the dead for alive for ever",
    off: { "silence-is-recorded": { without: true } },
    seed: 1,
    groups: true,
  },
  {
    name: "generation-without-everybody",
    breaks: "a rebalance waits until everybody has joined again",
    off: { "generations-have-everybody": { without: true } },
    seed: 2,
    groups: true,
  },
  {
    name: "latest-for-partitions-that-come-later",
    breaks:
      "a partition that came after the subscription is read from its first record (KAFKA-20035)",
    off: { "later-partitions-begin-at-their-first-record": { value: '"latest"' } },
    seed: 2,
    groups: true,
  },
  {
    name: "beginning-not-kept",
    breaks: "where the group begins without a commit is written down",
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
    breaks: "the offsets of topics that no member of a living group reads expire (KIP-211)",
    off: { "living-groups-are-looked-through": { condition: "this.#isLiving" } },
    test: expiry("those of topics that members read stay, the others go (KIP-211)"),
  },
  {
    name: "offsets-expire-with-the-commit-though-read",
    breaks: "what was read by hand is kept since its reader has gone",
    off: { "offsets-are-kept-since-the-last-reader": { without: true } },
    test: expiry("what an instance reads by hand is kept since it was closed"),
  },
  {
    name: "revocation-not-asked-for",
    breaks: "whoever has given up what it was to give up brings about the next generation",
    off: { "what-was-given-up-is-shared-anew": { value: "false" } },
    seed: 4,
    groups: true,
  },
  {
    name: "positions-outlive-the-ownership",
    breaks: "whoever gets a partition back goes on from what is committed",
    off: { "positions-end-with-the-ownership": { without: true } },
    test: moves(
      "ends with the ownership: whoever gets a partition back goes on from what is committed",
    ),
  },
  {
    name: "commits-of-partitions-of-others",
    breaks: "an instance commits only partitions that are its own",
    off: { "commits-are-of-own-partitions": { value: "isCommit || $" } },
    seed: 2,
    groups: true,
  },
  {
    name: "sessions-that-never-end",
    breaks: "members that are not heard of leave",
    off: { "sessions-end": { value: "() => false" } },
    test: {
      file: "test/core/coordinator/membership.test.ts",
      name: "whoever leaves is gone at once, and a silent one after its session",
    },
  },
  {
    name: "beginning-before-the-commit",
    breaks: "a position is what was sought, else what was committed, else where the group began",
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
    breaks: "what was sought holds, although an answer of before arrives",
    off: { "what-is-sought-is-not-pending": { without: true } },
    test: moves("is where it was sought although an answer of before arrives"),
  },
  {
    name: "seek-lost-while-giving-up",
    breaks: "what was sought in a partition holds until it is given up",
    off: {
      "what-is-sought-stays-until-given-up": { value: "[image.assignments.get(instanceId)]" },
    },
    test: moves("is where it was sought while the partition is still to be given up"),
  },
  {
    name: "giving-up-not-recorded",
    breaks: "what an instance is still to give up is a part of the assignment",
    off: { "what-is-to-be-given-up-is-recorded": { without: true } },
    seed: 9,
    groups: true,
  },
  {
    name: "given-up-by-nobody",
    breaks: "what moves under the cooperative assignor is noted until its owner gives it up",
    off: { "what-moves-is-given-up-first": { without: true } },
    seed: 9,
    groups: true,
  },
  {
    name: "taken-at-once-by-a-leader-of-another-kind",
    breaks:
      "what a client that leads takes from an instance is noted until the instance gives it up",
    off: { "leaders-of-others-take-nothing-at-once": { statement: "return [];" } },
    test: moves("is given up with the next poll, also where a client of Kafka's protocol takes it"),
  },
  {
    name: "given-up-taken-for-unassigned",
    breaks: "what is being given up was a part of the assignment: waking up finds nothing new",
    off: { "what-is-being-given-up-was-assigned": { without: true } },
    test: moves("was assigned: an object that wakes up meanwhile shares nothing anew for it"),
  },
  {
    name: "delivery-of-an-older-poll",
    breaks: "an answer is of the last poll",
    off: { "a-delivery-is-of-the-last-poll": { condition: "false" } },
    test: {
      file: "test/core/coordinator/instances.test.ts",
      name: "one that another has overtaken delivers nothing",
    },
  },
  {
    name: "delivery-after-the-partition-moved",
    breaks: "an answer holds partitions of the instance only",
    off: { "commits-are-of-own-partitions": { value: "!isCommit || $" } },
    test: moves("with a partition that the instance has not any more is not given"),
  },
  {
    name: "delivery-between-generations",
    breaks: "nothing is answered by whoever has stopped reading for the next generation",
    off: { "a-delivery-is-of-who-may-read": { value: "null" } },
    test: moves("is not given by an instance that has joined the next generation"),
  },
  {
    name: "commits-while-completing",
    breaks: "members commit when the generation has its assignments",
    off: { "members-commit-in-their-generation": { value: "null" } },
    test: {
      file: "test/core/coordinator/membership.test.ts",
      name: "members commit only when their generation has its assignments",
    },
  },
  {
    name: "instances-commit-while-completing",
    breaks: "instances commit and read when the generation has its assignments",
    off: { "nothing-is-noted-between-generations": { condition: "false" } },
    test: moves("an instance commits only when its generation has its assignments"),
  },
  {
    name: "ring-one-row-short",
    breaks: "a row of the record is overwritten when the snapshot contains it",
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
    breaks: "what was committed of a topic holds for no later one of its name",
    off: { "commits-die-with-their-topic": { without: true } },
    seed: 3,
    groups: true,
  },
  {
    name: "commits-by-the-workers-cache",
    breaks: "a commit is of the topic that is there, whatever a worker has in its cache",
    off: { "doubtful-topics-are-asked-for": { condition: "false" } },
    test: anew("a worker that knows the earlier topic commits of the one that is there"),
  },
  {
    name: "commits-by-the-name-alone",
    breaks: "what was read of a topic is committed of no later one of its name",
    off: { "commits-are-of-what-was-read": { value: "owned" } },
    test: anew("its own commit of what it read before is refused, and overwrites nothing"),
  },
  {
    name: "pending-members-are-waited-for",
    breaks: "a member id that was never used holds nobody up beyond the deadline",
    off: { "pending-members-hold-up-nobody": { condition: "this.pendingMembers.size > 0" } },
    test: deadlines("holds a rebalance up no longer than its deadline"),
  },
  {
    name: "static-members-leave-with-a-rebalance",
    breaks: "a static member that misses a rebalance is one until its session ends (KIP-345)",
    off: { "static-members-outlive-a-rebalance": { statement: "return false;" } },
    test: deadlines(
      "that miss a rebalance stay members of the next generation, until their session ends",
    ),
  },
  {
    name: "alarms-in-vain",
    breaks: "a deadline that has gone by is set in the past once",
    off: { "nothing-is-set-for-the-past-twice": { without: true } },
    test: deadlines(
      "a deadline that has gone by is set in the past once, and afterwards once a second",
    ),
  },
];
