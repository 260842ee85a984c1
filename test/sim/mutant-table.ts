/**
 * The mutants: rules of replication, elections and durability, and how each is switched off. One table, and longer than
 * other files for that.
 */
import { GROUP_MUTANTS } from "./groups/mutant-table.ts";
import type { Mutant, NoticingTest } from "./mutant.ts";

const lostStorage = (name: string): NoticingTest => ({
  file: "test/core/partition/lost-storage.test.ts",
  name,
});

const renewals = (name: string): NoticingTest => ({
  file: "test/core/controller/renewals.test.ts",
  name,
});

const corruptLog = (name: string): NoticingTest => ({
  file: "test/core/partition/corrupt-log.test.ts",
  name,
});

const lostRows = (name: string): NoticingTest => ({
  file: "test/core/partition/lost-rows.test.ts",
  name,
});

const matching = (name: string): NoticingTest => ({
  file: "test/core/partition/matching.test.ts",
  name,
});

const founding = (name: string): NoticingTest => ({
  file: "test/core/controller/founding.test.ts",
  name,
});

const REPLICATION_MUTANTS: readonly Mutant[] = [
  {
    name: "no-epoch-check-at-the-follower",
    breaks: "followers refuse leaders of lower epochs",
    off: {
      "leaders-of-lower-epochs-are-refused": {
        condition: "request.leaderEpoch <= assignment.leaderEpoch",
      },
    },
    seed: 3,
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
          this.#core.truncated();
        }`,
      },
    },
    seed: 1,
  },
  {
    name: "join-without-catching-up",
    breaks: "a follower joins the in-sync set only when it has caught up",
    off: {
      "joins-with-what-is-committed": { condition: "ackedOffset < 0" },
      "joins-with-what-may-have-been-committed": { value: "true" },
    },
    seed: 1,
  },
  {
    name: "join-at-a-lagging-high-watermark",
    breaks:
      "a follower that joins has everything up to where the leader's epoch began, since the high watermark may lag (KAFKA-7128)",
    // Who has not matched yet since the leader began is held off by the other rule as well.
    off: {
      "joins-with-what-may-have-been-committed": { value: "true" },
      "joins-with-what-is-deleted": { condition: "false" },
    },
    test: {
      file: "test/sim/scenarios/in-sync.test.ts",
      name: "KAFKA-7128: nobody joins at a high watermark that lags",
    },
  },
  {
    name: "high-watermark-of-the-committed-set",
    breaks: "in-sync members that were proposed count before the controller has answered (KIP-497)",
    off: {
      "high-watermark-of-the-maximal-in-sync-set": {
        value: "assignment.inSync.includes(brokerId)",
      },
    },
    seed: 2,
  },
  {
    name: "pending-in-sync-set-forgotten",
    breaks: "a leader's pending proposal for the in-sync set survives its restart",
    off: { "a-pending-in-sync-set-outlives-its-instance": { value: "null" } },
    seed: 26,
  },
  {
    name: "shrink-before-it-is-committed",
    breaks: "an in-sync member counts until the controller has removed it",
    off: {
      "high-watermark-of-the-maximal-in-sync-set": {
        value: "(pendingInSync ?? assignment.inSync).includes(brokerId)",
      },
    },
    seed: 1,
  },
  {
    name: "acknowledgements-of-an-older-epoch",
    breaks: "only acknowledgements of the current leader epoch count",
    off: {
      "acknowledgements-are-of-this-epoch": { statement: "$ this.ackedOffset = from.offset;" },
    },
    seed: 1,
  },
  {
    name: "min-in-sync-ignored",
    breaks: "the high watermark does not advance below min.insync.replicas",
    off: { "high-watermark-stands-still-below-min-insync": { value: "false" } },
    seed: 1,
  },
  {
    name: "no-stepping-down",
    breaks: "a deposed leader appends nothing",
    off: {
      "a-deposed-leader-steps-down": { condition: "this.#leadership && leads && !isSameTerm" },
    },
    seed: 1,
  },
  {
    name: "deduplication-not-rebuilt",
    breaks: "truncation also reverts the state of producers",
    off: {
      "truncation-forgets-producers": { value: "producers" },
      "truncation-recovers-producers": { without: true },
    },
    seed: 16,
  },
  {
    name: "acknowledged-before-durable",
    breaks: "the leader counts its own log only when the write is durable (NATS #7564)",
    off: { "the-leader-counts-what-is-durable": { statement: "await Promise.resolve();" } },
    seed: 2,
  },
  {
    name: "acks-all-at-the-local-write",
    breaks: "acks=all is answered only when the high watermark has passed the records",
    off: {
      "acks-all-waits-for-the-high-watermark": {
        condition: "acks !== -1 || outcome.lastOffset < log.endOffset",
      },
    },
    seed: 1,
  },
  {
    name: "refused-before-it-is-recognised",
    breaks: "a repeat of a batch that is in the log is never refused as not written",
    off: {
      "repeats-are-recognised-before-anything-is-refused": {
        value: "refusalOfNew(append, this.#context) ?? this.#recognised(verdict)",
      },
    },
    seed: 5,
  },
  {
    name: "conditions-not-looked-at",
    breaks: "a conditional append is written only at the offset that it expects (32)",
    off: { "conditional-appends-lie-where-they-expect-to": { condition: "false" } },
    seed: 51,
  },
  {
    name: "conditions-of-the-flush",
    breaks: "a conditional append sees the appends before it in the same flush (32)",
    off: {
      "conditional-appends-lie-where-they-expect-to": {
        condition: "expectedOffset !== null && expectedOffset !== this.#context.endOffset",
      },
    },
    test: {
      file: "test/core/partition/conditional-appends.test.ts",
      name: "of several at once one is written: each is judged behind those before it",
    },
  },
  {
    name: "fencing-tokens-not-looked-at",
    breaks: "an append under a fencing token is written only where that is in force (32)",
    off: { "fenced-appends-have-the-token-in-force": { condition: "false" } },
    seed: 67,
  },
  {
    name: "fencing-tokens-of-the-flush",
    breaks: "an append is compared with the token that earlier ones of its flush have set (32)",
    off: {
      "fenced-appends-are-judged-behind-those-of-their-flush": {
        value: "this.#context.fencing.token",
      },
    },
    test: {
      file: "test/core/partition/fencing-tokens.test.ts",
      name: "of appends at once each is judged behind those before it",
    },
  },
  {
    name: "fencing-tokens-not-truncated",
    breaks: "a truncation takes back the tokens of what it cuts off (32)",
    off: { "truncation-takes-fencing-tokens-back": { without: true } },
    seed: 77,
  },
  {
    name: "fencing-tokens-not-kept-by-followers",
    breaks: "followers keep the tokens that chunks carry (32)",
    off: { "followers-keep-the-tokens-of-chunks": { condition: "false" } },
    seed: 67,
  },
  {
    name: "fencing-tokens-not-sent-from-storage",
    breaks: "chunks that are copied from storage carry their tokens too (32)",
    off: {
      "copies-carry-fencing-tokens": { value: "chunksWithin(this.#storage, from, last)" },
    },
    test: {
      file: "test/core/partition/fencing-tokens.test.ts",
      name: "is pulled with the chunks by a replica that has lost its storage",
    },
  },
  {
    name: "a-new-beginning-without-the-token",
    breaks: "a replica that begins anew is given the token in force there (32)",
    off: {
      "a-new-beginning-has-the-token-in-force": {
        value: '{ ok: true, kind: "reset", begin, producers }',
      },
      "a-new-beginning-is-told-the-token-again": { value: "null" },
    },
    test: {
      file: "test/core/partition/fencing-tokens.test.ts",
      name: "is given to a replica that begins where the token is older than the log",
    },
  },
  {
    name: "compacted-topics-take-any-record",
    breaks:
      "a compacted topic takes no record without a key, even if the worker's metadata is stale",
    off: { "compacted-topics-take-keys-alone": { condition: "true" } },
    test: {
      file: "test/core/partition/keys.test.ts",
      name: "is refused whole by a compacted topic, and each of them is named",
    },
  },
  {
    name: "written-and-refused-alike",
    breaks: "a refusal after the write says that the outcome is unknown (KAFKA-13574)",
    off: {
      "refusals-after-the-write-say-so": {
        statement: "for (const { answer } of this.#waiting.splice(0)) answer(refusal);",
      },
    },
    seed: 2,
  },
  {
    name: "reads-above-the-high-watermark",
    breaks: "readers see only committed records",
    off: {
      "readers-see-what-is-committed": {
        value: "log.reader.page(request.offset, log.endOffset, maxBytes)",
      },
    },
    seed: 1,
  },
  {
    name: "high-watermark-before-matching",
    breaks:
      "a follower takes the leader's high watermark only for the part of its log that matches (KAFKA-14704)",
    off: {
      "the-high-watermark-is-of-what-matches": {
        statement:
          "this.#core.advance(Math.min(request.highWatermark, this.#core.log.endOffset)); $",
      },
    },
    seed: 1,
  },
  {
    name: "election-outside-the-in-sync-set",
    breaks: "leaders are elected from the in-sync set",
    off: { "leaders-are-in-sync": { value: "brokerIdsOf(partition)" } },
    seed: 1,
  },
  {
    name: "fenced-leader",
    breaks: "a fenced broker leads nothing",
    off: { "leaders-are-not-fenced": { value: "members" } },
    seed: 4,
  },
  {
    name: "leader-epoch-not-raised",
    breaks: "every new leader has a higher epoch",
    off: { "leaders-have-epochs-of-their-own": { value: "was.leaderEpoch" } },
    seed: 1,
  },
  {
    name: "partition-epoch-not-compared",
    breaks: "a proposal of an older partition epoch changes nothing (KIP-497)",
    off: { "proposals-are-of-this-partition-epoch": { without: true } },
    test: {
      file: "test/core/controller/in-sync.test.ts",
      name: "is refused for an older partition epoch",
    },
  },
  {
    name: "reset-replica-counts",
    breaks: "a replica that lost its storage leaves the in-sync set and does not lead (KIP-903)",
    off: {
      "a-lost-storage-is-told": { value: "{ ok: true, wasReset: (damage.wasReset = false) }" },
    },
    test: {
      file: "test/sim/scenarios/in-sync.test.ts",
      name: "KAFKA-14139 / KIP-903: a replica that lost its storage does not count before it has everything",
    },
  },
  {
    name: "older-assignment-taken-up",
    breaks: "an older assignment changes nothing",
    off: {
      "older-assignments-change-nothing": {
        condition: "this.#core.isPurged || assignment.partitionEpoch === before.partitionEpoch",
      },
    },
    seed: 4,
  },
  {
    name: "acknowledged-one-record-early",
    breaks: "records acknowledged with acks=all are below the high watermark",
    off: {
      "acks-all-waits-for-the-high-watermark": {
        condition: "acks !== -1 || outcome.lastOffset <= highWatermark",
      },
    },
    seed: 1,
  },
  {
    name: "answered-one-record-early",
    breaks:
      "an append that waits for the high watermark is answered only when it has passed the last record",
    off: {
      "waiting-appends-are-answered-when-passed": {
        value: "this.#waiting.findIndex(({ lastOffset }) => lastOffset > highWatermark)",
      },
    },
    seed: 1,
  },
  {
    name: "lost-storage-not-persisted",
    breaks:
      "a replica remembers the loss of its storage through restarts until it has copied everything (KIP-903)",
    off: { "a-lost-storage-is-persisted": { value: "{}" } },
    test: lostStorage("is remembered through a restart"),
  },
  {
    name: "lost-storage-not-noticed",
    breaks: "a replica without a log has lost its storage, unless the log is new (KIP-903)",
    off: { "a-lost-storage-is-known-from-the-start": { value: "{}" } },
    test: lostStorage("is noticed by an object that was told of a log and has none"),
  },
  {
    name: "reset-replica-leads",
    breaks: "a replica that lost its storage leads only when an operator forces it",
    off: { "a-reset-replica-does-not-lead": { without: true } },
    test: lostStorage("keeps a replica from leading"),
  },
  {
    name: "reset-replica-elected",
    breaks: "a replica that lost its storage is not elected",
    off: { "a-reset-replica-is-not-elected": { condition: "!answer?.ok" } },
    test: {
      file: "test/core/controller/leaders.test.ts",
      name: "passes over in-sync replicas that do not answer, or that lost their storage",
    },
  },
  {
    name: "reset-replica-preferred",
    breaks: "a replica that lost its storage is not elected as the preferred one",
    off: { "a-reset-replica-is-not-preferred": { condition: "!answer?.ok" } },
    test: {
      file: "test/core/controller/leaders.test.ts",
      name: "of a replica that lost its storage is refused",
    },
  },
  {
    name: "reset-leader-kept",
    breaks: "a leader that lost its storage is replaced",
    off: { "a-reset-leader-is-not-healthy": { condition: "!answer?.ok" } },
    test: {
      file: "test/core/controller/leaders.test.ts",
      name: "lets a sole replica that lost its storage begin anew",
    },
  },
  {
    name: "reset-replica-stays-in-sync",
    breaks: "a replica that reports the loss of its storage leaves the in-sync set (KIP-903)",
    off: { "a-reset-replica-leaves-the-in-sync-set": { without: true } },
    test: {
      file: "test/core/controller/in-sync.test.ts",
      name: "leaves the in-sync set when it is told something",
    },
  },
  {
    name: "founded-twice",
    breaks:
      "a replica that has confirmed once is not founded again, even if that is not recorded yet (KIP-903)",
    off: { "founded-once": { value: "assignment.founding" } },
    test: {
      file: "test/core/controller/in-sync.test.ts",
      name: "is known as one that had begun while others of the round have not answered yet (seed 9284)",
    },
  },
  {
    name: "unfounded-partitions-are-told",
    breaks: "a partition that was never used causes no call of an object",
    off: { "unfounded-partitions-are-told-nothing": { condition: "false" } },
    test: founding("is altered and deleted without a call"),
  },
  {
    name: "founds-a-partition-again",
    breaks:
      "a partition is founded once; otherwise a replica that lost its storage would count as new (KIP-903)",
    off: { "founded-partitions-are-not-founded-again": { condition: "true" } },
    test: founding("comes again and changes nothing"),
  },
  {
    name: "confirmations-not-recorded-with-decisions",
    breaks: "confirmations of replicas are recorded with the next decision (KIP-903)",
    off: { "confirmations-are-recorded-with-decisions": { value: "[]" } },
    test: {
      file: "test/core/controller/in-sync.test.ts",
      name: "is known as one that had begun after a restart within the round, once anything else was decided (seed 9284)",
    },
  },
  {
    name: "first-confirmations-recorded-after-the-round",
    breaks: "the first confirmation of a replica is recorded before the round ends (KIP-903)",
    off: { "first-confirmations-are-recorded-during-rounds": { condition: "false" } },
    test: {
      file: "test/core/controller/in-sync.test.ts",
      name: "is known as one that had begun after a restart within the round, once the round has lasted a second (seed 9284)",
    },
  },
  {
    name: "copies-not-verified",
    breaks: "corrupt records are not copied to another replica",
    off: { "copies-are-verified": { without: true } },
    seed: 42,
  },
  {
    name: "pages-not-verified",
    breaks: "corrupt records are not given to readers",
    off: { "pages-are-verified": { without: true } },
    seed: 1,
  },
  {
    name: "begins-at-the-first-row-left",
    breaks: "a log begins at its start offset, even if storage has lost its first rows",
    off: {
      "a-log-begins-at-its-start": {
        statement: "$ const left = firstChunk(storage, offset) ?? chunk; if (left) return left;",
      },
    },
    test: lostRows(
      "the first, with the log start at 0: nobody is told to begin behind it (weather seed 260)",
    ),
  },
  {
    name: "gaps-in-epochs-passed-over",
    breaks: "the end of an epoch is unknown if storage has lost the rows it ends in",
    off: {
      "epochs-end-in-rows-that-are-there": {
        statement: "return { base_offset: offset, last_offset: offset, leader_epoch: epoch };",
      },
    },
    test: lostRows("an epoch that ends in a lost row has no known end"),
  },
  {
    name: "ends-at-the-last-row-left",
    breaks: "a log ends no earlier than its state row says, even if storage has lost its last rows",
    off: { "a-log-does-not-end-early": { value: "false" } },
    test: lostRows("last rows that are lost: the log ends where it ended, and goes on there"),
  },
  {
    name: "producers-of-the-rows-left",
    breaks: "a replica that wakes up notices a missing row in the part it reads for producers",
    off: { "producers-are-of-every-chunk": { without: true } },
    test: lostRows("a lost row among those that tell of producers is noticed on waking up"),
  },
  {
    name: "deleted-chunks-taken-for-lost",
    breaks: "chunks that were deleted from the start of the log are not taken for lost ones",
    off: { "deleted-chunks-are-not-missing": { condition: "true" } },
    test: {
      file: "test/core/partition/log-copies.test.ts",
      name: "does not take deleted chunks for lost ones where it is cut back to a row from before the snapshot (seed 1039)",
    },
  },
  {
    name: "corruption-not-told",
    breaks: "a replica that finds its log corrupt reports it and leaves the in-sync set",
    off: { "a-corrupt-replica-knows-it": { without: true } },
    seed: 3,
  },
  {
    name: "corrupt-replica-pulls",
    breaks:
      "a corrupt follower does not pull, because a pull from its end would count as being in sync",
    off: { "a-corrupt-replica-pulls-nothing": { without: true } },
    test: corruptLog(
      "a follower: it asks its leader for nothing, which would count as having everything",
    ),
  },
  {
    name: "corruption-not-persisted",
    breaks: "a replica remembers what it found corrupt through restarts",
    off: { "corruption-is-persisted": { value: "{}" } },
    seed: 13,
  },
  {
    name: "corruption-forgotten",
    breaks: "a replica that wakes up knows that its log is corrupt",
    off: { "corruption-is-remembered": { value: "false" } },
    seed: 13,
  },
  {
    name: "corrupt-leader-leads",
    breaks: "a corrupt leader steps down if other replicas are in sync",
    off: { "a-corrupt-replica-leaves-the-lead-to-others": { without: true } },
    seed: 1,
  },
  {
    name: "corrupt-log-kept",
    breaks: "a replica with a corrupt log copies it again",
    off: { "a-corrupt-log-is-copied-anew": { without: true } },
    seed: 3,
  },
  {
    name: "corrupt-log-given-up-in-sync",
    breaks: "a corrupt log is discarded only when its replica is out of the in-sync set",
    off: { "a-corrupt-replica-acknowledges-nothing": { without: true } },
    test: corruptLog(
      "a follower that is corrupt acknowledges nothing, and keeps what it has, while it is in sync",
    ),
  },
  {
    name: "acknowledgement-kept-after-a-mismatch",
    breaks: "acknowledgements of a follower stop counting once its log does not match",
    off: { "a-mismatch-takes-acknowledgements-back": { without: true } },
    test: lostStorage("takes back what the replica had acknowledged"),
  },
  {
    name: "back-by-what-was-said-before",
    breaks:
      "a replica returns to the in-sync set by what it acknowledged after it left, not before (KIP-903)",
    off: { "who-leaves-says-anew-what-it-holds": { value: "false" } },
    test: lostStorage("does not come back in sync by what the replica had said before it left"),
  },
  {
    name: "back-by-an-old-pull",
    breaks: "a pull that began before the follower left the in-sync set does not bring it back",
    off: { "pulls-from-before-it-left-count-for-nothing": { without: true } },
    test: lostStorage(
      "does not come back in sync by a pull that was under way when the replica left",
    ),
  },
  {
    name: "pull-of-an-earlier-object",
    breaks: "a pull of an earlier object on the same broker does not count for the present one",
    off: { "pulls-of-other-objects-count-for-nothing": { without: true } },
    test: lostStorage(
      "a pull of the object that a replica was before acknowledges nothing for the present one",
    ),
  },
  {
    name: "epoch-of-an-empty-log-not-persisted",
    breaks: "an emptied log keeps the epoch of its last record through a restart",
    off: { "an-empty-log-keeps-its-epoch": { value: "-1" } },
    test: matching("an emptied log goes on in its epoch after a restart"),
  },
  {
    name: "producers-kept-in-a-new-beginning",
    breaks: "a log that starts over takes the state of producers from the leader",
    off: { "a-new-beginning-forgets-producers": { value: "this.producers" } },
    test: matching("a log that begins anew forgets the producers of what it gave up"),
  },
  {
    name: "epoch-not-compared-after-the-write",
    breaks: "a push that a newer epoch overtakes while it is written acknowledges nothing",
    off: { "epochs-are-compared-after-the-write": { without: true } },
    test: matching("a push that a newer epoch overtakes while it is written acknowledges nothing"),
  },
  {
    name: "catches-up-twice-at-once",
    breaks: "a follower that is told to catch up twice runs one catch-up",
    off: { "one-catch-up-at-a-time": { statement: "this.#catchingUp = null; $" } },
    test: matching("a second request to catch up joins the first"),
  },
  {
    name: "log-start-beyond-what-matches",
    breaks: "a follower raises its log start only within the part of its log that matches",
    off: { "the-log-start-is-within-what-matches": { value: "true" } },
    test: matching("the log start is not raised beyond what matches"),
  },
  {
    name: "high-watermark-above-the-end",
    breaks: "after a truncation the high watermark is not above the end of the log",
    off: { "the-high-watermark-is-within-the-log": { without: true } },
    test: matching("a high watermark is lowered with the end of its log"),
  },
  {
    name: "prefix-without-its-epoch",
    breaks:
      "a follower's log is a prefix only if the leader's log has the same epoch at its end (KIP-101)",
    off: { "a-prefix-ends-in-an-epoch-of-both": { value: "true" } },
    test: matching("a log is a prefix only in an epoch of both"),
  },
  {
    name: "ends-told-before-they-are-known",
    breaks:
      "a leader tells the end of the log only when it knows everything committed before its epoch (KIP-207)",
    off: { "ends-are-told-when-known": { value: "null" } },
    seed: 1,
  },
  {
    name: "tails-forgotten",
    breaks: "tails are sent records as they become readable",
    off: { "tails-get-what-becomes-readable": { without: true } },
    seed: 1,
  },
  {
    name: "deletions-wait-for-nobody",
    breaks:
      "deletions are answered only when every in-sync replica has raised its log start (KIP-107)",
    off: { "deletions-wait-for-the-in-sync-replicas": { condition: "true" } },
    seed: 2,
  },
  {
    name: "join-with-what-is-deleted",
    breaks: "a replica that joins the in-sync set has the log start of the leader",
    off: { "joins-with-what-is-deleted": { condition: "false" } },
    test: {
      file: "test/core/partition/deletions.test.ts",
      name: "joins the in-sync set when it begins where the leader's log does, not before",
    },
  },
  {
    name: "deletes-up-to-the-log-end",
    breaks: "records are deleted only below the high watermark",
    off: {
      "deletion-is-below-the-high-watermark": { condition: "offset < 0 || offset > log.endOffset" },
    },
    seed: 13,
  },
  {
    name: "scrub-of-what-is-remembered",
    breaks: "scrubbing also reads and verifies chunks that were verified before",
    off: {
      "scrubbing-verifies-anew": {
        statement: "this.#integrity.check(row, new Uint8Array(row.data));",
      },
    },
    test: {
      file: "test/core/partition/scrub.test.ts",
      name: "finds what no reader has met, also in what was read before",
    },
  },
  {
    name: "storage-that-does-not-open-stays",
    breaks: "a replica whose storage does not open is replaced by another object",
    off: { "storage-that-does-not-open-is-given-up": { value: "null" } },
    seed: 15,
  },
  {
    name: "renewal-in-sync",
    breaks: "an in-sync replica is not replaced by an empty object, which would count as in sync",
    off: { "the-last-copy-is-not-given-up": { condition: "false" } },
    test: renewals("leaves the in-sync set and begins anew as another object of its broker"),
  },
  {
    name: "renewal-of-the-silent",
    breaks: "a replica that does not answer is not replaced, because its log may be intact",
    off: {
      "silence-is-no-broken-storage": {
        statement: "this.unopened.note(replica, answer?.ok === true);",
      },
    },
    test: renewals("keeps it where one such answer is followed by silence"),
  },
];

export const MUTANTS: readonly Mutant[] = [...REPLICATION_MUTANTS, ...GROUP_MUTANTS];
