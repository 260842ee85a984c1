/** The mutants: rules of replication, elections and durability, and how each is switched off. */
import { GROUP_MUTANTS } from "./groups/mutant-table.ts";
import type { Changes } from "./rules.ts";

export interface Mutant {
  readonly name: string;
  /** What the rule is for. */
  readonly breaks: string;
  /** Most often one rule; several where they back each other up. */
  readonly off: Changes;
  /** A seed that notices: the first from 1 on when the table was last filled. */
  readonly seed: number;
  /** Noticed by seeds of consumer groups. */
  readonly groups?: true;
}

const REPLICATION_MUTANTS: readonly Mutant[] = [
  {
    name: "no-epoch-check-at-the-follower",
    breaks: "followers refuse leaders of lower epochs",
    off: {
      "leaders-of-lower-epochs-are-refused": {
        condition: "request.leaderEpoch <= assignment.leaderEpoch",
      },
    },
    seed: 2,
  },
  {
    name: "truncate-at-the-high-watermark",
    breaks:
      "followers truncate where they diverge by leader epoch, not at their high watermark (KIP-101)",
    off: {
      "followers-keep-what-may-be-committed": {
        statement: `$
        if (assignment.leaderEpoch > before.leaderEpoch && this.#core.highWatermark < this.#core.log.endOffset) {
          this.#core.log.truncate(this.#core.highWatermark, () => this.#core.persist());
          this.#core.retreated();
        }`,
      },
    },
    seed: 1,
  },
  {
    name: "join-without-catching-up",
    breaks: "who joins the in-sync set has caught up",
    off: {
      "joins-with-what-is-committed": { condition: "ackedOffset < 0" },
      "joins-with-what-may-have-been-committed": { value: "true" },
    },
    seed: 1,
  },
  {
    name: "join-at-a-lagging-high-watermark",
    breaks:
      "who joins has everything up to where the leader began, since its high watermark may lag (KAFKA-7128)",
    off: { "joins-with-what-may-have-been-committed": { value: "true" } },
    seed: 12,
  },
  {
    name: "high-watermark-of-the-committed-set",
    breaks: "members that were asked for count already (KIP-497)",
    off: {
      "high-watermark-of-the-maximal-in-sync-set": {
        value: "assignment.inSync.includes(brokerId)",
      },
    },
    seed: 5,
  },
  {
    name: "forgotten-wish",
    breaks: "what a leader asked for outlives its reset",
    off: { "a-wish-outlives-its-instance": { value: "null" } },
    seed: 43,
  },
  {
    name: "shrink-before-it-is-committed",
    breaks: "members count until the controller has let them go",
    off: {
      "high-watermark-of-the-maximal-in-sync-set": {
        value: "(wished ?? assignment.inSync).includes(brokerId)",
      },
    },
    seed: 4,
  },
  {
    name: "acknowledgements-of-an-older-epoch",
    breaks: "only what followers say in this epoch counts",
    off: {
      "acknowledgements-are-of-this-epoch": { statement: "$ this.ackedOffset = from.offset;" },
    },
    seed: 1,
  },
  {
    name: "min-in-sync-ignored",
    breaks: "the high watermark stands still below min.insync.replicas",
    off: { "high-watermark-stands-still-below-min-insync": { value: "false" } },
    seed: 3,
  },
  {
    name: "no-stepping-down",
    breaks: "a deposed leader appends nothing more",
    off: {
      "a-deposed-leader-steps-down": { condition: "this.#leadership && leads && !isSameTerm" },
    },
    seed: 1,
  },
  {
    name: "deduplication-not-rebuilt",
    breaks: "truncation takes back what is known of producers",
    off: {
      "truncation-forgets-producers": { value: "producers" },
      "truncation-recovers-producers": { without: true },
    },
    seed: 13,
  },
  {
    name: "acknowledged-before-durable",
    breaks: "the leader counts itself when its write is durable (NATS #7564)",
    off: { "the-leader-counts-what-is-durable": { statement: "await Promise.resolve();" } },
    seed: 2,
  },
  {
    name: "acks-all-at-the-local-write",
    breaks: "acks=all is answered when the high watermark has passed",
    off: {
      "acks-all-waits-for-the-high-watermark": {
        condition: "acks !== -1 || outcome.lastOffset < log.endOffset",
      },
    },
    seed: 1,
  },
  {
    name: "written-and-refused-alike",
    breaks: "a refusal after the write says that the outcome is not known (KAFKA-13574)",
    off: {
      "refusals-after-the-write-say-so": {
        statement: "for (const { answer } of this.#waiting.splice(0)) answer(refusal);",
      },
    },
    seed: 1,
  },
  {
    name: "reads-above-the-high-watermark",
    breaks: "readers see what is committed",
    off: {
      "readers-see-what-is-committed": {
        value: "log.read(request.offset, log.endOffset, maxBytes)",
      },
    },
    seed: 1,
  },
  {
    name: "high-watermark-before-matching",
    breaks: "a follower takes over the high watermark for what matches (KAFKA-14704)",
    off: {
      "the-high-watermark-is-of-what-matches": {
        statement:
          "this.#core.advance(Math.min(request.highWatermark, this.#core.log.endOffset)); $",
      },
    },
    seed: 2,
  },
  {
    name: "election-outside-the-in-sync-set",
    breaks: "leaders come from the in-sync set",
    off: { "leaders-are-in-sync": { value: "brokerIdsOf(partition)" } },
    seed: 1,
  },
  {
    name: "fenced-leader",
    breaks: "leaders are not fenced",
    off: { "leaders-are-not-fenced": { value: "members" } },
    seed: 2,
  },
  {
    name: "leader-epoch-not-raised",
    breaks: "every new leader has a higher epoch",
    off: { "leaders-have-epochs-of-their-own": { value: "was.leaderEpoch" } },
    seed: 1,
  },
  {
    name: "partition-epoch-not-compared",
    breaks: "a wish of an older partition epoch changes nothing (KIP-497)",
    off: { "wishes-are-of-this-partition-epoch": { without: true } },
    seed: 548,
  },
  {
    name: "reset-replica-counts",
    breaks: "a replica that lost its storage leaves the in-sync set and does not lead (KIP-903)",
    off: {
      "a-lost-storage-is-told": { value: "{ ok: true, wasReset: (this.#core.wasReset = false) }" },
    },
    seed: 34,
  },
  {
    name: "older-assignment-taken-up",
    breaks: "an older assignment changes nothing",
    off: {
      "older-assignments-change-nothing": {
        condition: "this.#core.isPurged || assignment.partitionEpoch === before.partitionEpoch",
      },
    },
    seed: 2,
  },
];

export const MUTANTS: readonly Mutant[] = [...REPLICATION_MUTANTS, ...GROUP_MUTANTS];
