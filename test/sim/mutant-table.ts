/** The mutants: one rule of replication, elections or durability each, and how it is switched off. */
import { GROUP_MUTANTS } from "./groups/mutant-table.ts";

export interface Mutant {
  readonly name: string;
  /** What the rule is for. */
  readonly breaks: string;
  /** Below src/. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** A seed that notices: the first from 1 on when the table was last filled. */
  readonly seed: number;
  /** Noticed by seeds of consumer groups. */
  readonly groups?: true;
}

const REPLICATION_MUTANTS: readonly Mutant[] = [
  {
    name: "no-epoch-check-at-the-follower",
    breaks: "followers refuse leaders of lower epochs",
    file: "objects/partition/following.ts",
    find: "if (request.leaderEpoch === assignment.leaderEpoch) return this.#core.refusalToServe();",
    replace:
      "if (request.leaderEpoch <= assignment.leaderEpoch) return this.#core.refusalToServe();",
    seed: 2,
  },
  {
    name: "truncate-at-the-high-watermark",
    breaks:
      "followers truncate where they diverge by leader epoch, not at their high watermark (KIP-101)",
    file: "objects/partition/replica.ts",
    find: `    const leads = this.#mayLead();\n`,
    replace: `    const leads = this.#mayLead();\n    if (assignment.leaderEpoch > before.leaderEpoch && this.#core.highWatermark < this.#core.log.endOffset) {\n      this.#core.log.truncate(this.#core.highWatermark, () => this.#core.persist());\n      this.#core.retreated();\n    }\n`,
    seed: 1,
  },
  {
    name: "join-without-catching-up",
    breaks: "who joins the in-sync set has caught up",
    file: "objects/partition/leadership.ts",
    find: "      ackedOffset >= this.#core.highWatermark &&\n      ackedOffset >= this.#beganAt\n",
    replace: "      ackedOffset >= 0\n",
    seed: 1,
  },
  {
    name: "join-at-a-lagging-high-watermark",
    breaks:
      "who joins has everything up to where the leader began, since its high watermark may lag (KAFKA-7128)",
    file: "objects/partition/leadership.ts",
    find: " &&\n      ackedOffset >= this.#beganAt",
    replace: "",
    seed: 12,
  },
  {
    name: "high-watermark-of-the-committed-set",
    breaks: "members that were asked for count already (KIP-497)",
    file: "objects/partition/leadership.ts",
    find: "assignment.inSync.includes(brokerId) || this.#core.wished?.includes(brokerId) === true",
    replace: "assignment.inSync.includes(brokerId)",
    seed: 5,
  },
  {
    name: "forgotten-wish",
    breaks: "what a leader asked for outlives its reset",
    file: "objects/partition/core.ts",
    find: "this.wished = state.wished ?? null;",
    replace: "this.wished = null;",
    seed: 43,
  },
  {
    name: "shrink-before-it-is-committed",
    breaks: "members count until the controller has let them go",
    file: "objects/partition/leadership.ts",
    find: "assignment.inSync.includes(brokerId) || this.#core.wished?.includes(brokerId) === true",
    replace: "(this.#core.wished ?? assignment.inSync).includes(brokerId)",
    seed: 4,
  },
  {
    name: "acknowledgements-of-an-older-epoch",
    breaks: "only what followers say in this epoch counts",
    file: "objects/partition/follower-link.ts",
    find: `    this.#next = from;\n`,
    replace: `    this.#next = from;\n    this.ackedOffset = from.offset;\n`,
    seed: 1,
  },
  {
    name: "min-in-sync-ignored",
    breaks: "the high watermark stands still below min.insync.replicas",
    file: "objects/partition/leadership.ts",
    find: `if (this.#isOver || assignment.inSync.length < config["min.insync.replicas"]) return;`,
    replace: "if (this.#isOver) return;",
    seed: 3,
  },
  {
    name: "no-stepping-down",
    breaks: "a deposed leader appends nothing more",
    file: "objects/partition/replica.ts",
    find: "if (this.#leadership && (!leads || !isSameTerm)) this.#stepDown();",
    replace: "if (this.#leadership && leads && !isSameTerm) this.#stepDown();",
    seed: 1,
  },
  {
    name: "deduplication-not-rebuilt",
    breaks: "truncation takes back what is known of producers",
    file: "objects/partition/log.ts",
    find: `producers: producers.fresh() }, () => {
      deleteChunksFrom(storage, cut);
      // The segment that the end lies in has no row yet again.
      deleteSegmentsFrom(storage, start < cut ? next.segment.baseOffset : 0);
      this.#recoverProducers();
`,
    replace: `producers }, () => {
      deleteChunksFrom(storage, cut);
      // The segment that the end lies in has no row yet again.
      deleteSegmentsFrom(storage, start < cut ? next.segment.baseOffset : 0);
`,
    seed: 13,
  },
  {
    name: "acknowledged-before-durable",
    breaks: "the leader counts itself when its write is durable (NATS #7564)",
    file: "objects/partition/appends.ts",
    find: `      await this.#core.ports.storage.sync();\n    } catch (error) {`,
    replace: `      await Promise.resolve();\n    } catch (error) {`,
    seed: 2,
  },
  {
    name: "acks-all-at-the-local-write",
    breaks: "acks=all is answered when the high watermark has passed",
    file: "objects/partition/appends.ts",
    find: "if (acks !== -1 || outcome.lastOffset < highWatermark) return answer(appended());",
    replace: "if (acks !== -1 || outcome.lastOffset < log.endOffset) return answer(appended());",
    seed: 1,
  },
  {
    name: "written-and-refused-alike",
    breaks: "a refusal after the write says that the outcome is not known (KAFKA-13574)",
    file: "objects/partition/commits.ts",
    find: "answer({ ...refusal, written: true });",
    replace: "answer(refusal);",
    seed: 1,
  },
  {
    name: "reads-above-the-high-watermark",
    breaks: "readers see what is committed",
    file: "objects/partition/replica.ts",
    find: "log.read(request.offset, highWatermark, maxBytes)",
    replace: "log.read(request.offset, log.endOffset, maxBytes)",
    seed: 1,
  },
  {
    name: "high-watermark-before-matching",
    breaks: "a follower takes over the high watermark for what matches (KAFKA-14704)",
    file: "objects/partition/following.ts",
    find: "    if (covered === null) {",
    replace: `    this.#core.advance(Math.min(request.highWatermark, this.#core.log.endOffset));\n    if (covered === null) {`,
    seed: 2,
  },
  {
    name: "election-outside-the-in-sync-set",
    breaks: "leaders come from the in-sync set",
    file: "objects/controller/elections.ts",
    find: "inSync.includes(id) && !isFenced(brokers, id)",
    replace: "!isFenced(brokers, id)",
    seed: 1,
  },
  {
    name: "fenced-leader",
    breaks: "leaders are not fenced",
    file: "objects/controller/elections.ts",
    find: "inSync.includes(id) && !isFenced(brokers, id)",
    replace: "inSync.includes(id)",
    seed: 2,
  },
  {
    name: "leader-epoch-not-raised",
    breaks: "every new leader has a higher epoch",
    file: "objects/controller/partitions.ts",
    find: "{ leader, leaderEpoch: was.leaderEpoch + 1 }",
    replace: "{ leader, leaderEpoch: was.leaderEpoch }",
    seed: 1,
  },
  {
    name: "partition-epoch-not-compared",
    breaks: "a wish of an older partition epoch changes nothing (KIP-497)",
    file: "objects/controller/in-sync.ts",
    find: `if (request.partitionEpoch !== partitionEpoch) return refuse("INVALID_UPDATE_VERSION");`,
    replace: "void partitionEpoch;",
    seed: 548,
  },
  {
    name: "reset-replica-counts",
    breaks: "a replica that lost its storage leaves the in-sync set and does not lead (KIP-903)",
    file: "objects/partition/replica.ts",
    find: "return { ok: true, wasReset: this.#core.wasReset };",
    replace: "return { ok: true, wasReset: (this.#core.wasReset = false) };",
    seed: 34,
  },
  {
    name: "older-assignment-taken-up",
    breaks: "an older assignment changes nothing",
    file: "objects/partition/replica.ts",
    find: "assignment.partitionEpoch <= before.partitionEpoch",
    replace: "assignment.partitionEpoch === before.partitionEpoch",
    seed: 2,
  },
];

export const MUTANTS: readonly Mutant[] = [...REPLICATION_MUTANTS, ...GROUP_MUTANTS];
