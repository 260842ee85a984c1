/** The mutants of consumer groups: rules of the coordinator, and how each is switched off. */
import type { Mutant } from "../mutant-table.ts";

export const GROUP_MUTANTS: readonly Mutant[] = [
  {
    name: "commits-of-old-generations",
    breaks: "commits are of the current generation, and so is whoever beats and syncs",
    off: {
      "requests-are-of-this-generation": {
        value: "generationId <= this.#context.image.generationId",
      },
    },
    seed: 1,
    groups: true,
  },
  {
    name: "partition-given-before-it-is-given-up",
    breaks: "under the cooperative assignor a partition moves only after its owner gave it up",
    off: {
      "partitions-move-when-given-up": {
        value:
          'assignPartitions(assignor === "cooperative-sticky" ? "sticky" : assignor, asked, partitionCounts)',
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
          "if (changes.length > 0) applyChangeSet(this.image, { atMs: this.nowMs(), changes });",
      },
    },
    seed: 1,
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
    seed: 1,
    groups: true,
  },
  {
    name: "latest-for-partitions-that-come-later",
    breaks:
      "a partition that came after the subscription is read from its first record (KAFKA-20035)",
    off: { "later-partitions-begin-at-their-first-record": { value: '"latest"' } },
    seed: 1,
    groups: true,
  },
  {
    name: "beginning-not-kept",
    breaks: "where the group begins without a commit is written down",
    off: { "beginnings-are-recorded": { without: true } },
    seed: 1,
    groups: true,
  },
  {
    name: "offsets-expire-while-members-live",
    breaks: "the offsets of a group that has members do not expire",
    off: { "offsets-of-living-groups-stay": { without: true } },
    seed: 1,
    groups: true,
  },
  {
    name: "revocation-not-asked-for",
    breaks: "whoever has given up what it was to give up brings about the next generation",
    off: { "what-was-given-up-is-shared-anew": { value: "false" } },
    seed: 1,
    groups: true,
  },
  {
    name: "positions-outlive-the-ownership",
    breaks: "whoever gets a partition back goes on from what is committed",
    off: { "positions-end-with-the-ownership": { without: true } },
    seed: 1,
    groups: true,
  },
  {
    name: "commits-of-partitions-of-others",
    breaks: "an instance commits only partitions that are its own",
    off: { "commits-are-of-own-partitions": { value: "isCommit || $" } },
    seed: 1,
    groups: true,
  },
  {
    name: "sessions-that-never-end",
    breaks: "members that are not heard of leave",
    off: { "sessions-end": { value: "() => false" } },
    seed: 1,
    groups: true,
  },
];
