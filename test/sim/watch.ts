/**
 * Watches a cluster while it runs: after each event, the objects that it touched and whatever became durable. Checks
 * what replicas claim and what readers get, and keeps the truth of each partition's log up to date. Reads only.
 */
import type { ClusterMetadata } from "../../src/objects/contracts/controller.ts";
import type { Fetched } from "../../src/objects/contracts/partition.ts";
import { splitBatches } from "../../src/records/index.ts";
import { applyChangeSet } from "../../src/objects/controller/image/apply.ts";
import { decodeChangeSet } from "../../src/objects/runtime/journal.ts";
import { emptyImage } from "../../src/objects/controller/image/cluster.ts";
import { controllerStore } from "../../src/objects/controller/image/store.ts";
import type { Cell } from "./cell.ts";
import type { Cluster } from "./cluster.ts";
import { DecisionChecks } from "./decision-checks.ts";
import { ReplicaRules } from "./replica-rules.ts";
import { Mirror } from "./mirror.ts";
import { Truth } from "./truth.ts";

/** What a running replica claims. */
interface Claims {
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly highWatermark: number;
  readonly logEndOffset: number;
  /** It is corrupt, or its storage was lost. */
  readonly wasReset: boolean;
  /** Its role by the controller's decision, at the partition epoch that it knows. */
  readonly role: "leader" | "follower";
}

export class Watch {
  readonly cluster: Cluster;
  readonly truths = new Map<string, Truth>();
  readonly mirrors = new Map<Cell, Mirror>();
  /** Called when a replica has found its damage, and that is durable. */
  onDamageFound: (cell: Cell) => void = () => {};
  readonly decisions: DecisionChecks;
  #image = emptyImage();
  readonly #claims = new WeakMap<object, Claims>();

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.decisions = new DecisionChecks(cluster, this.truths, (log) => this.truth(log));
    cluster.world.scheduler.afterEvent = () => this.#look();
    cluster.onReplicaConfirmed = (cell) => this.#confirmed(cell);
    cluster.onControllerConfirmed = () => this.#decided();
  }

  /** The controller's durable state after its newest decision. */
  get metadata(): ClusterMetadata | null {
    return this.decisions.metadata;
  }

  truth(log: string): Truth {
    const known = this.truths.get(log);
    if (known) return known;
    const truth = new Truth(log, (what) => this.cluster.world.fail(what));
    this.truths.set(log, truth);
    return truth;
  }

  mirror(cell: Cell): Mirror {
    const known = this.mirrors.get(cell);
    if (known) return known;
    const mirror = new Mirror(cell.name, cell.place, cell.disk);
    this.mirrors.set(cell, mirror);
    return mirror;
  }

  /** Whether the controller has delivered everything. */
  get isDelivered(): boolean {
    return this.#image.assignments.size + this.#image.purges.size === 0;
  }

  /** Whether the controller has recorded that the replica has confirmed an assignment. */
  hasConfirmed(mirror: Mirror): boolean {
    const [topicId, ...place] = mirror.name.split("/");
    return !this.#image.assignments.get(topicId!)?.unconfirmed.has(place.join("/"));
  }

  /**
   * Whether the replica still has to give its log up, and its leadership if it leads. It may also be that the damaged
   * chunk has been deleted in the meantime.
   */
  isGivenUp(mirror: Mirror): boolean {
    const rules = this.cluster.cell(mirror.name).current?.rules;
    return rules instanceof ReplicaRules && rules.replica?.probe().wasReset === true;
  }

  #look(): void {
    const { world, controller } = this.cluster;
    for (const cell of world.touched) {
      if (cell === controller) continue;
      for (const instance of cell.instances) {
        if (!instance.isMute) this.#lookAt(cell, instance.rules, instance === cell.current);
      }
    }
    world.touched.clear();
  }

  /** The controller's journal has grown: replays its decisions one by one. */
  #decided(): void {
    const { disk } = this.cluster.controller;
    if (disk.read("SELECT 1 AS found FROM sqlite_master WHERE name = 'changes'").length === 0)
      return;
    const rows = disk.read<{ seq: number; change: string }>(
      "SELECT seq, change FROM changes WHERE seq > ? ORDER BY seq",
      this.#image.version,
    );
    for (const { seq, change } of rows) {
      if (seq === this.#image.version + 1) applyChangeSet(this.#image, decodeChangeSet(change));
      else this.#image = controllerStore(disk.raw).load();
      const { version, brokers, topics } = this.#image;
      this.decisions.decided({
        ok: true,
        version,
        brokers: [...brokers.values()],
        topics: [...topics.values()],
      });
      if (this.#image.version >= (rows.at(-1)?.seq ?? 0)) return;
    }
  }

  #confirmed(cell: Cell): void {
    this.truth(cell.log).confirmed(this.mirror(cell));
  }

  #lookAt(cell: Cell, rules: unknown, isCurrent: boolean): void {
    if (!(rules instanceof ReplicaRules) || !rules.replica) return;
    const truth = this.truth(cell.log);
    const claims = claimsOf(rules, cell.place, truth);
    const before = this.#claims.get(rules.replica);
    this.#claims.set(rules.replica, claims);
    this.#checkClaims(cell, before, claims);
    const mirror = this.mirror(cell);
    if (mirror.damaged && isCurrent && !mirror.disk.isDirty)
      this.#checkDamaged(cell, rules, mirror);
    if (claims.role === "leader") {
      truth.leads(cell.place, claims.leaderEpoch);
      truth.commit(mirror, claims.leaderEpoch, claims.partitionEpoch, claims.highWatermark);
    } else {
      // An instance that wakes up and steps down in the same event has led in between: its high watermark is checked as
      // that of a leader.
      const led = before === undefined ? truth.lastLed(cell.place, claims.partitionEpoch) : null;
      if (led) truth.commit(mirror, led.leaderEpoch, led.partitionEpoch, claims.highWatermark);
      truth.follows(mirror, claims.highWatermark);
    }
  }

  #checkClaims(cell: Cell, before: Claims | undefined, now: Claims): void {
    const { world } = this.cluster;
    world.expect(
      now.highWatermark <= now.logEndOffset,
      () => `12: ${now.highWatermark} above the end ${now.logEndOffset} at ${cell.name}`,
    );
    if (!before) return;
    world.expect(
      now.leaderEpoch >= before.leaderEpoch && now.partitionEpoch >= before.partitionEpoch,
      () => `4: epochs fell at ${cell.name}`,
    );
    const truth = this.truth(cell.log);
    // A corrupt replica begins anew.
    const mirror = this.mirror(cell);
    const inSync = truth.decisions.get(now.partitionEpoch)?.partition.inSync ?? [];
    world.expect(
      now.logEndOffset >= before.highWatermark ||
        truth.isLossy ||
        !inSync.includes(cell.place) ||
        mirror.isLost,
      () => `27: ${cell.name} gives up its log while it is in sync`,
    );
    world.expect(
      now.highWatermark >= before.highWatermark ||
        truth.isLossy ||
        mirror.isLost ||
        before.wasReset,
      () =>
        `13: the high watermark fell from ${before.highWatermark} to ${now.highWatermark} at ${cell.name}`,
    );
  }

  /** A replica that has found its damage does not forget it, and does not lead if others are in sync (27). */
  #checkDamaged(cell: Cell, { replica }: ReplicaRules, mirror: Mirror): void {
    const { damaged, state, name } = mirror;
    const knows = replica!.probe().wasReset;
    const { world } = this.cluster;
    world.expect(
      knows || mirror.found !== damaged!.row,
      () => `27: ${name} has forgotten that it is corrupt at ${damaged!.row.base_offset}`,
    );
    if (!knows) return;
    if (mirror.found !== damaged!.row) {
      world.count(": damages found");
      this.onDamageFound(cell);
    }
    mirror.found = damaged!.row;
    const isAlone = state?.assignment.inSync.every((id) => id === mirror.brokerId) ?? true;
    world.expect(
      isAlone || replica!.describe().role !== "leader",
      () => `27: ${name} leads although it is corrupt and others are in sync`,
    );
  }

  /** Checks a page that a reader got: committed, whole, the same for everybody (11, 12). */
  page(log: string, reader: string, offset: number, page: Fetched): void {
    const { world } = this.cluster;
    const truth = this.truth(log);
    world.expect(
      page.logStartOffset <= page.lastStableOffset && page.lastStableOffset <= page.highWatermark,
      () => `12: ${reader} got a log start above the high watermark`,
    );
    if (truth.isLossy) return;
    const split = splitBatches(page.batches);
    if (!split.ok) return world.fail(`11: ${reader} got a page that is no batches at ${offset}`);
    let expected = offset;
    for (const header of split.batches) {
      const lastOffset = header.baseOffset + header.lastOffsetDelta;
      if (header.baseOffset > expected || lastOffset < expected) {
        world.fail(`11: ${reader} got offset ${header.baseOffset} for ${expected}`);
      }
      expected = lastOffset + 1;
      if (lastOffset >= page.highWatermark || lastOffset >= truth.committedEnd) {
        world.fail(`12: ${reader} got offset ${lastOffset}, committed are ${truth.committedEnd}`);
      }
      const bytes = page.batches.subarray(header.position, header.position + header.sizeBytes);
      if (!isCommitted(truth, header.baseOffset, bytes)) {
        world.fail(`11: ${reader} got other bytes at offset ${header.baseOffset}`);
      }
    }
    if (page.nextOffset !== expected) world.fail(`11: ${reader} is sent to ${page.nextOffset}`);
  }

  /** Checks what a tail was sent, as a page, except that deleted records are skipped. Returns the next offset. */
  tailed(log: string, reader: string, offset: number, batches: Uint8Array): number {
    const truth = this.truth(log);
    const split = splitBatches(batches);
    const [first] = split.ok ? split.batches : [];
    if (!split.ok || !first) {
      this.cluster.world.fail(`11: ${reader} was sent what is no batches at ${offset}`);
      return offset;
    }
    const from = offset < truth.logStart ? Math.max(offset, first.baseOffset) : offset;
    const last = split.batches.at(-1)!;
    const nextOffset = last.baseOffset + last.lastOffsetDelta + 1;
    const highWatermark = truth.committedEnd;
    const ends = { logStartOffset: 0, highWatermark, lastStableOffset: highWatermark };
    this.page(log, reader, from, { ok: true, batches, nextOffset, partitionEpoch: 0, ...ends });
    return nextOffset;
  }

  /** The lowest end that a replica may answer now: the highest that leaders up to its epoch have told (KIP-207). */
  floor(cell: Cell): number {
    const leaderEpoch = this.mirror(cell).state?.assignment.leaderEpoch ?? -1;
    return this.truth(cell.log).toldUpTo(leaderEpoch);
  }

  /** Checks the end that a leader has answered (12). `floor`: {@link floor} at the time of the request. */
  end(log: string, reader: string, end: number, floor: number): void {
    const truth = this.truth(log);
    if (truth.isLossy || truth.isDeleted) return;
    this.cluster.world.count(": ends judged");
    if (end < floor) this.cluster.world.fail(`12: ${reader} is told the end ${end} after ${floor}`);
    if (end > truth.committedEnd) {
      this.cluster.world.fail(`12: ${reader} is told ${end}, committed are ${truth.committedEnd}`);
    }
  }

  belowStart(log: string, offset: number): void {
    const truth = this.truth(log);
    this.cluster.world.expect(
      offset < truth.logStart || truth.isLossy,
      () => `25: offset ${offset} is refused, the log starts at ${truth.logStart}`,
    );
  }
}

/** Whether a committed chunk contains this batch. Deleted chunks are remembered too. */
function isCommitted(truth: Truth, offset: number, bytes: Uint8Array): boolean {
  let base = offset;
  while (base >= 0 && !truth.committed.has(base)) base -= 1;
  const row = truth.committed.get(base);
  if (!row || row.last_offset < offset) return false;
  const chunk = Buffer.from(row.data);
  const at = chunk.indexOf(bytes);
  return at >= 0;
}

/** Called often, and for superseded instances as well: reads only memory. */
function claimsOf(rules: ReplicaRules, brokerId: number, truth: Truth): Claims {
  const probed = rules.replica!.probe();
  const decision = truth.decisions.get(probed.partitionEpoch);
  const role = decision?.partition.leader === brokerId ? "leader" : "follower";
  return { ...probed, role };
}
