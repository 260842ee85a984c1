/**
 * The operator of a simulated cluster: creates the topic, fences and drains brokers, moves partitions, alters settings.
 * Calls the controller over the same network as everybody else, and repeats what has to happen.
 */
import type { Refusal } from "../../src/base/errors.ts";
import type { BrokerAction } from "../../src/objects/contracts/controller.ts";
import type { Fetched, ListedOffset } from "../../src/objects/contracts/partition.ts";
import { encodeBatch } from "../../src/records/index.ts";
import type { Cell } from "./cell.ts";
import type { Profile } from "./profile.ts";
import { Router } from "./router.ts";
import type { Truth } from "./truth.ts";
import type { Watch } from "./watch.ts";

export const TOPIC = "orders";
/** Messages that were sent before the network healed have arrived after this time. */
const LATE_MS = 5_000;
/** How long followers have to raise their log starts too. */
const DELETION_MS = 2_000;

type Deleted = { readonly ok: true; readonly logStartOffset: number };
/** The operator's place, which is never cut off; messages may be lost. */
const OPERATOR_PLACE = 9;
const FOURTH_BROKER = 4;

export class Operator {
  readonly router: Router;
  readonly #watch: Watch;
  /** The latest change that each broker is to undergo. */
  readonly #wanted = new Map<number, { readonly action: BrokerAction }>();
  #isFourRegistered = false;
  /** The last end of each log that was answered, and by which leader. */
  readonly #told = new Map<string, { readonly offset: number; readonly leaderEpoch: number }>();

  constructor(watch: Watch) {
    this.#watch = watch;
    this.router = new Router(watch.cluster, "operator", OPERATOR_PLACE, TOPIC);
  }

  async createTopic(profile: Profile): Promise<void> {
    const { partitions, replicationFactor, configs, foundsAtFirstUse } = profile;
    const atFirstUse = foundsAtFirstUse && { atFirstUse: true };
    const spec = { topic: TOPIC, partitions, replicationFactor, configs, ...atFirstUse };
    // Refused while too few brokers are active.
    while (!(await this.#must("createTopic", spec)).ok) {
      if (this.#watch.metadata?.topics.length) return;
      await this.router.cluster.world.scheduler.sleep(1_000);
    }
  }

  async deleteTopic(): Promise<void> {
    await this.#must("deleteTopic", TOPIC);
  }

  /** Changes a broker: repeats the call until it is answered, or another change is wanted. */
  async change(brokerId: number, action: BrokerAction): Promise<void> {
    const wanted = { action };
    this.#wanted.set(brokerId, wanted);
    while (this.#wanted.get(brokerId) === wanted) {
      if ((await this.#try("changeBroker", brokerId, action)) !== null) return;
      await this.router.cluster.world.scheduler.sleep(500);
    }
  }

  /** Unfences all brokers, and again those that a message from before has fenced since. */
  async unfenceAll(): Promise<void> {
    for (const brokerId of [...this.#wanted.keys()]) await this.change(brokerId, "unfence");
    await this.router.cluster.world.scheduler.sleep(LATE_MS);
    for (const { brokerId, state } of this.#watch.metadata?.brokers ?? []) {
      if (state !== "active") await this.change(brokerId, "unfence");
    }
  }

  register(): boolean {
    if (this.#isFourRegistered) return false;
    this.#isFourRegistered = true;
    void this.#must("registerBroker", {
      brokerId: FOURTH_BROKER,
      rack: "weur",
      locationHint: "weur",
    });
    return true;
  }

  elect(x: number, election: "preferred" | "unclean"): boolean {
    void this.#try("electLeader", TOPIC, this.#partition(x), election);
    return true;
  }

  /** Moves a partition to other brokers, or cancels a move. */
  reassign(x: number, y: number, seed: number): boolean {
    const brokers = this.#watch.metadata?.brokers.map(({ brokerId }) => brokerId) ?? [];
    const known = this.#watch.metadata?.topics[0]?.partitions[this.#partition(x)];
    if (!known || brokers.length === 0) return false;
    const turned = brokers.map((_, i) => brokers[(i + seed) % brokers.length]!);
    const count = Math.min(known.replicas.length, turned.length);
    const target = y < 0.2 ? null : turned.slice(0, Math.max(2, count));
    void this.#try("reassign", TOPIC, this.#partition(x), target);
    return true;
  }

  /** Asks the leader for the end of its log, which is never lower than an earlier answer (KIP-207). */
  async ask(partition: number): Promise<void> {
    const cell = await this.router.locate(partition, "leader");
    if (!cell) return;
    const log = this.router.log(partition);
    const before = this.#told.get(log) ?? { offset: 0, leaderEpoch: -1 };
    const spec = { at: "latest", isolation: "read_committed" };
    const answer = await this.router.call<ListedOffset>(partition, cell, "listOffset", spec, 3_000);
    // A leader that was deposed and does not know it yet answers what it knows.
    if (!answer.ok || answer.leaderEpoch < before.leaderEpoch) return;
    const truth = this.#watch.truth(log);
    const { offset, leaderEpoch } = answer;
    this.#watch.cluster.world.expect(
      truth.isLossy || (offset >= before.offset && offset <= truth.committedEnd),
      () => `12: ${cell.name} tells the end ${offset}, told was ${before.offset}`,
    );
    this.#told.set(log, { offset, leaderEpoch });
  }

  /** Reads a page of a replica. */
  async read(partition: number, brokerId: number, offset: number): Promise<void> {
    const cell = await this.router.locate(partition, brokerId);
    if (!cell) return;
    const request = { offset, maxBytes: 1, minBytes: 0, maxWaitMs: 0, isolation: "read_committed" };
    const log = this.router.log(partition);
    const page = await this.router.call<Fetched>(partition, cell, "fetch", request, 3_000);
    if (page.ok) this.#watch.page(log, `a scrubber at ${cell.name}`, offset, page);
  }

  /** Appends a record of the operator's own. */
  async write(partition: number): Promise<void> {
    const cell = await this.router.locate(partition, "leader");
    if (!cell) return;
    const timestamp = this.router.cluster.world.clockMs(OPERATOR_PLACE);
    const value = new TextEncoder().encode("operator:0:");
    const batches = encodeBatch([{ timestamp, key: null, value, headers: [] }]);
    await this.router.call(partition, cell, "append", { batches, acks: 1 }, 3_000);
  }

  /** Has every replica of every partition lead in turn, and calls `then` each time. */
  async rotate(then: () => Promise<void>): Promise<void> {
    for (const { partition, replicas } of this.#watch.metadata?.topics[0]?.partitions ?? []) {
      const brokers = replicas.map(({ brokerId }) => brokerId);
      for (const first of brokers) {
        const order = [first, ...brokers.filter((id) => id !== first)];
        await this.#try("reassign", TOPIC, partition, order);
        await this.#try("electLeader", TOPIC, partition, "preferred");
        await then();
      }
    }
  }

  /** Cancels the moves that may be in progress. */
  async callOffMoves(): Promise<void> {
    const partitions = this.#watch.metadata?.topics[0]?.partitions ?? [];
    for (const { partition } of partitions) await this.#try("reassign", TOPIC, partition, null);
  }

  alter(name: string, value: string): boolean {
    void this.#try("alterConfigs", TOPIC, [{ name, value, operation: "SET" }], false);
    return true;
  }

  deleteRecords(x: number, y: number): boolean {
    void this.#deleteRecords(this.#partition(x), y);
    return true;
  }

  async #deleteRecords(partition: number, y: number): Promise<void> {
    await this.deleteBefore(partition, (cell, { committedEnd }) => {
      const { endOffset } = this.#watch.mirror(cell);
      // Up to the latest record, up to the leader's log end, or a part of what is committed.
      return y < 0.15 ? -1 : y < 0.3 ? endOffset : Math.floor(committedEnd * y);
    });
  }

  /** Deletes the records below the offset that is asked for once the leader is known. */
  async deleteBefore(
    partition: number,
    offsetOf: (leader: Cell, truth: Truth) => number,
  ): Promise<void> {
    const cell = await this.router.locate(partition, "leader");
    const truth = this.#watch.truths.get(this.router.log(partition));
    if (!cell || !truth) return;
    const floor = this.#watch.floor(cell);
    const before = offsetOf(cell, truth);
    const args = [before, DELETION_MS];
    const answer = await this.router.ask<Deleted>(cell, "deleteRecords", args, 2 * DELETION_MS);
    if (answer !== null) this.#judgeDeletion(truth, before, floor, answer);
  }

  /** Everything is deleted that was committed when this was asked, and nothing that is not (25). */
  #judgeDeletion(truth: Truth, before: number, floor: number, answer: Deleted | Refusal): void {
    const { world } = this.#watch.cluster;
    if (truth.isLossy || truth.isDeleted) return;
    world.count(": deletions judged");
    if (!answer.ok) {
      const isWrong = answer.error === "OFFSET_OUT_OF_RANGE" && before <= floor;
      world.expect(!isWrong, () => `25: deleting before ${before} of ${floor} is out of range`);
      return;
    }
    const { logStartOffset } = answer;
    const least = before === -1 ? floor : before;
    const isRight = logStartOffset >= least && logStartOffset <= truth.committedEnd;
    world.expect(
      isRight,
      () =>
        `25: deleting before ${before} leaves the start ${logStartOffset}, committed were ${floor}, are ${truth.committedEnd}`,
    );
    // This also holds for readers of any other replica, and of one that leads later.
    truth.deleted(logStartOffset);
  }

  #partition(x: number): number {
    const count = this.#watch.metadata?.topics[0]?.partitions.length ?? 1;
    return Math.floor(x * 1_000) % count;
  }

  #try(method: string, ...args: readonly unknown[]): Promise<{ ok: boolean } | null> {
    const { controller } = this.router.cluster;
    return this.router.ask(controller, method, args, 30_000);
  }

  /** Repeats a call until it is answered, whatever the answer. */
  async #must(method: string, ...args: readonly unknown[]): Promise<{ readonly ok: boolean }> {
    for (;;) {
      const answer = await this.#try(method, ...args);
      if (answer !== null) return answer;
      await this.router.cluster.world.scheduler.sleep(500);
    }
  }
}
