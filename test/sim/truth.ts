/**
 * What must be true of one partition's log, whatever its replicas believe: the committed log, who led which epoch, where
 * epochs begin. It is derived from what replicas durably hold and what leaders claim. A contradiction fails the run with
 * the number of the invariant (docs/correctness.md) that it breaks.
 */
import type { PartitionMetadata } from "../../src/objects/contracts/controller.ts";
import type { ChunkRow, Mirror } from "./mirror.ts";

/** One chunk, as the first replica has it that durably held it. */
interface KnownChunk {
  readonly row: ChunkRow;
  /** Key of the chunk before it; null if that is not known. */
  before: string | null;
}

/** A decision of the controller about the partition, and the setting that was in force. */
export interface Decision {
  readonly partition: PartitionMetadata;
  readonly minInSync: number;
}

export class Truth {
  readonly log: string;
  readonly mirrors = new Map<string, Mirror>();
  /** By partition epoch. */
  readonly decisions = new Map<number, Decision>();
  latest: Decision | null = null;
  /** Committed chunks by base offset, and where they end. */
  readonly committed = new Map<number, ChunkRow>();
  committedEnd = 0;
  /** The highest durable log start. */
  logStart = 0;
  /** The highest log start that a deletion was acknowledged with. */
  deletedTo = 0;
  /** An unclean election: acknowledged records may be lost from here on. */
  isLossy = false;
  /** The topic is gone: its replicas are purged one by one. */
  isDeleted = false;
  readonly #known = new Map<string, KnownChunk>();
  readonly #leaders = new Map<number, number>();
  readonly #epochStarts = new Map<number, number>();
  /** Highest high watermark that a leader of each epoch claimed. */
  readonly #epochMarks = new Map<number, number>();
  /** The highest of them that may have been told to readers. */
  readonly #toldMarks = new Map<number, number>();
  readonly #fail: (what: string) => void;

  constructor(log: string, fail: (what: string) => void) {
    this.log = log;
    this.#fail = (what) => fail(`${what} (partition ${log.split("/")[1]})`);
  }

  /** A replica's storage has changed durably. */
  confirmed(mirror: Mirror): void {
    this.mirrors.set(mirror.name, mirror);
    const startBefore = mirror.state?.logStartOffset ?? 0;
    const wasReset = mirror.state?.wasReset === true;
    const { added, removed } = mirror.refresh();
    // It has given up its log, and copies it anew.
    if (!wasReset && mirror.state?.wasReset) mirror.isLost = true;
    this.#checkState(mirror, startBefore);
    if (added.length > 0) this.#learn(mirror, added[0]!);
    if (removed.length > 0) this.#removed(mirror, removed);
    this.verify(mirror);
  }

  #checkState(mirror: Mirror, startBefore: number): void {
    const { state } = mirror;
    if (!state) return;
    const { logStartOffset } = state;
    if (logStartOffset < startBefore && !mirror.isLost && !this.isLossy) {
      this.#fail(
        `25: the log start fell from ${startBefore} to ${logStartOffset} at ${mirror.name}`,
      );
    }
    if (logStartOffset <= this.logStart) return;
    this.logStart = logStartOffset;
    if (logStartOffset > this.committedEnd && !this.isLossy) {
      this.#fail(
        `25: ${mirror.name} starts at ${logStartOffset}, committed are ${this.committedEnd}`,
      );
    }
  }

  /** Checks log matching (2), epochs along the log (3), and that offsets and positions have no gaps. */
  #learn(mirror: Mirror, from: ChunkRow): void {
    const { rows } = mirror;
    for (let i = rows.indexOf(from); i < rows.length; i++) {
      const row = rows[i]!;
      const isFirst = (rows[i - 1]?.last_offset ?? -1) < (mirror.state?.logStartOffset ?? 0);
      const before = isFirst ? undefined : rows[i - 1];
      if (before) {
        if (before.last_offset + 1 !== row.base_offset) {
          this.#fail(`2: a gap before offset ${row.base_offset} at ${mirror.name}`);
        }
        if (before.leader_epoch > row.leader_epoch) {
          this.#fail(`3: the leader epoch falls at offset ${row.base_offset} at ${mirror.name}`);
        }
        if (before.position + before.size_bytes !== row.position) {
          this.#fail(`2: positions do not add up at offset ${row.base_offset} at ${mirror.name}`);
        }
      }
      this.#match(mirror, row, before ? keyOf(before) : null);
    }
  }

  #match(mirror: Mirror, row: ChunkRow, before: string | null): void {
    const key = keyOf(row);
    const known = this.#known.get(key);
    if (!known) {
      this.#known.set(key, { row, before });
      const start = this.#epochStarts.get(row.leader_epoch) ?? Infinity;
      this.#epochStarts.set(row.leader_epoch, Math.min(start, row.base_offset));
      for (const [epoch, mark] of this.#epochMarks) {
        if (epoch < row.leader_epoch && mark > row.base_offset) this.#marked(epoch, mark, row);
      }
      return;
    }
    known.before ??= before;
    if (before !== null && known.before !== before) {
      this.#fail(
        `2: other prefixes below offset ${row.base_offset} of epoch ${row.leader_epoch} at ${mirror.name}`,
      );
    }
    if (!isSame(known.row, row)) {
      this.#fail(
        `2: other bytes at offset ${row.base_offset} of epoch ${row.leader_epoch} at ${mirror.name}`,
      );
    }
  }

  #marked(epoch: number, mark: number, row: ChunkRow): void {
    if (this.isLossy) return;
    this.#fail(
      `14: epoch ${row.leader_epoch} begins at ${row.base_offset}, below the high watermark ${mark} of epoch ${epoch}`,
    );
  }

  /** Truncation never removes what is committed (13); deletion removes what is below the log start. */
  #removed(mirror: Mirror, removed: readonly ChunkRow[]): void {
    if (!mirror.exists || mirror.isLost) {
      mirror.verifiedTo = 0;
      return;
    }
    // A replica that is not in sync may follow a deposed leader for a while; it is checked when it joins.
    const isInSync = this.latest?.partition.inSync.some((id) => this.mirrorOf(id) === mirror);
    for (const row of removed) {
      const isCommitted = this.committed.get(row.base_offset)?.leader_epoch === row.leader_epoch;
      const isGone = row.last_offset < this.logStart;
      const isVerified = row.last_offset < mirror.verifiedTo;
      if (isCommitted && !isGone && isVerified && isInSync && !this.isLossy) {
        this.#fail(`13: committed offset ${row.base_offset} was removed at ${mirror.name}`);
      }
    }
    mirror.verifiedTo = Math.min(mirror.verifiedTo, mirror.endOffset);
  }

  /** Verifies how far the replica's log equals the committed one. */
  verify(mirror: Mirror): void {
    const { rows } = mirror;
    const logStart = mirror.state?.logStartOffset ?? 0;
    // Chunks below the start of a log may not be deleted yet; they do not count.
    const first = rows.find((row) => row.last_offset >= logStart)?.base_offset ?? logStart;
    let at = first <= this.logStart ? Math.max(mirror.verifiedTo, first) : mirror.verifiedTo;
    let i = firstRowAt(rows, at);
    while (at < this.committedEnd) {
      const row = rows[i];
      const committed = this.committed.get(at);
      if (
        !row ||
        !committed ||
        row.base_offset !== at ||
        row.leader_epoch !== committed.leader_epoch
      )
        break;
      at = row.last_offset + 1;
      i += 1;
    }
    mirror.verifiedTo = at;
    if (mirror.isLost && at >= this.committedEnd && mirror.exists) mirror.isLost = false;
  }

  /** A replica believes that it leads an epoch (1). */
  leads(brokerId: number, leaderEpoch: number): void {
    const known = this.#leaders.get(leaderEpoch);
    if (known === undefined) this.#leaders.set(leaderEpoch, brokerId);
    else if (known !== brokerId) {
      this.#fail(`1: brokers ${known} and ${brokerId} both lead epoch ${leaderEpoch}`);
    }
  }

  /** The partition's last state with a leader before this partition epoch, if the broker was that leader; else null. */
  lastLed(brokerId: number, partitionEpoch: number): Decision["partition"] | null {
    let last: Decision["partition"] | null = null;
    for (const [epoch, { partition }] of this.decisions) {
      const isLed = partition.leader >= 0 && epoch < partitionEpoch;
      if (isLed && epoch > (last?.partitionEpoch ?? -1)) last = partition;
    }
    return last?.leader === brokerId ? last : null;
  }

  /** The highest high watermark that leaders of this epoch or earlier ones may have told. */
  toldUpTo(leaderEpoch: number): number {
    let told = 0;
    for (const [epoch, mark] of this.#toldMarks) {
      if (epoch <= leaderEpoch) told = Math.max(told, mark);
    }
    return told;
  }

  /** A leader claims a high watermark: everything below is committed (5, 7, 11, 14). */
  commit(mirror: Mirror, leaderEpoch: number, partitionEpoch: number, highWatermark: number): void {
    const mark = this.#epochMarks.get(leaderEpoch) ?? 0;
    if (highWatermark > mark) this.#epochMarks.set(leaderEpoch, highWatermark);
    // Until the writes that it depends on are durable, the output gate holds back every answer.
    const told = this.#toldMarks.get(leaderEpoch) ?? 0;
    if (highWatermark > told && !mirror.disk.isDirty) {
      this.#toldMarks.set(leaderEpoch, highWatermark);
    }
    if (highWatermark <= this.committedEnd) return;
    if (highWatermark > mirror.endOffset) {
      return this.#fail(
        `7: high watermark ${highWatermark} at ${mirror.name}, which durably holds ${mirror.endOffset}`,
      );
    }
    // It may have advanced by an earlier assignment, and have taken up the newest in the same event.
    const durableEpoch = mirror.state?.assignment.partitionEpoch ?? partitionEpoch;
    const sinceEpoch = Math.min(durableEpoch, partitionEpoch);
    let isAllowed = false;
    for (let epoch = sinceEpoch; epoch <= partitionEpoch; epoch++) {
      const { partition, minInSync } = this.decisions.get(epoch) ?? {};
      if (!partition || partition.inSync.length >= minInSync!) isAllowed = true;
    }
    if (!isAllowed) {
      this.#fail(`7: the high watermark advanced to ${highWatermark} below min.insync.replicas`);
    }
    for (const [epoch, start] of this.#epochStarts) {
      if (epoch > leaderEpoch && highWatermark > start && !this.isLossy) {
        this.#fail(
          `14: epoch ${epoch} begins at ${start}, below the high watermark ${highWatermark} of epoch ${leaderEpoch}`,
        );
      }
    }
    this.#extend(mirror, highWatermark);
    this.checkInSync();
  }

  #extend(mirror: Mirror, highWatermark: number): void {
    this.verify(mirror);
    if (mirror.verifiedTo < this.committedEnd && !this.isLossy) {
      return this.#fail(`9: the leader ${mirror.name} lacks committed offset ${mirror.verifiedTo}`);
    }
    for (let i = firstRowAt(mirror.rows, this.committedEnd); i < mirror.rows.length; i++) {
      const row = mirror.rows[i]!;
      if (row.last_offset >= highWatermark) break;
      this.committed.set(row.base_offset, row);
      this.committedEnd = row.last_offset + 1;
    }
    if (this.committedEnd < highWatermark) this.committedEnd = highWatermark;
    for (const other of this.mirrors.values()) this.verify(other);
  }

  /** A follower claims a high watermark: readers get from it what is below (12). */
  follows(mirror: Mirror, highWatermark: number): void {
    // Until its writes are durable, the output gate holds back every answer.
    if (this.isLossy || mirror.isLost || mirror.disk.isDirty) return;
    if (highWatermark > this.committedEnd) {
      this.#fail(
        `12: follower ${mirror.name} shows ${highWatermark}, committed are ${this.committedEnd}`,
      );
    }
    if (highWatermark > mirror.verifiedTo && mirror.exists) {
      this.verify(mirror);
      if (highWatermark > mirror.verifiedTo) {
        this.#fail(
          `12: follower ${mirror.name} shows ${highWatermark} and equals the committed log below ${mirror.verifiedTo}`,
        );
      }
    }
  }

  /** A deletion was acknowledged (25). */
  deleted(logStartOffset: number): void {
    this.deletedTo = Math.max(this.deletedTo, logStartOffset);
    this.checkInSync();
  }

  /** Every in-sync replica of the controller has everything that is committed (5, 7, 8), and nothing that is deleted (25). */
  checkInSync(): void {
    if (!this.latest || this.isLossy || this.isDeleted) return;
    const { replicas, inSync } = this.latest.partition;
    for (const replica of replicas) {
      if (!inSync.includes(replica.brokerId)) continue;
      const mirror = this.#mirrorOf(replica);
      if (mirror?.isLost) continue;
      if (mirror) this.verify(mirror);
      const holds = mirror?.verifiedTo ?? 0;
      if (holds < this.committedEnd) {
        this.#fail(
          `5: in-sync broker ${replica.brokerId} holds ${holds} of ${this.committedEnd} committed`,
        );
      }
      const start = mirror?.state?.logStartOffset ?? 0;
      if (start < this.deletedTo) {
        this.#fail(
          `25: in-sync broker ${replica.brokerId} begins at ${start}, deleted is up to ${this.deletedTo}`,
        );
      }
    }
  }

  mirrorOf(brokerId: number): Mirror | null {
    const replica = this.latest?.partition.replicas.find((one) => one.brokerId === brokerId);
    return replica ? this.#mirrorOf(replica) : null;
  }

  #mirrorOf(replica: { readonly brokerId: number; readonly generation: number }): Mirror | null {
    return this.mirrors.get(`${this.log}/${replica.brokerId}/${replica.generation}`) ?? null;
  }
}

function keyOf(row: ChunkRow): string {
  return `${row.base_offset}:${row.leader_epoch}`;
}

function isSame(a: ChunkRow, b: ChunkRow): boolean {
  return (
    a === b ||
    (a.last_offset === b.last_offset &&
      a.position === b.position &&
      a.segment_base === b.segment_base &&
      a.segment_chunks === b.segment_chunks &&
      a.producers === b.producers &&
      Buffer.from(a.data).equals(Buffer.from(b.data)))
  );
}

/** Index of the first row with a base offset not below `offset`. */
function firstRowAt(rows: readonly ChunkRow[], offset: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle]!.base_offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
