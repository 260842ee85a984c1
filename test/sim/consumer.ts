/**
 * A simulated consumer: reads one partition continuously, from the leader or from any replica, and passes every page to
 * the checks. Some consumers are slow.
 */
import type { Fetched, FetchRequest, ListedOffset } from "../../src/objects/contracts/partition.ts";
import type { Cell } from "./cell.ts";
import type { History } from "./history.ts";
import type { Random } from "./random.ts";
import type { Router } from "./router.ts";

export interface ConsumerOptions {
  readonly name: string;
  readonly partition: number;
  readonly readsFollowers: boolean;
  readonly pauseMs: number;
  readonly isolation: FetchRequest["isolation"];
}

/** Where pages are checked. */
export interface PageCheck {
  page(log: string, reader: string, offset: number, page: Fetched): void;
  belowStart(log: string, offset: number): void;
  floor(cell: Cell): number;
  end(log: string, reader: string, end: number, floor: number): void;
}

export class Consumer {
  readonly #router: Router;
  readonly #history: History;
  readonly #random: Random;
  readonly #options: ConsumerOptions;
  readonly #check: PageCheck;
  #offset = 0;
  #log = "";
  isStopped = false;

  constructor(
    router: Router,
    history: History,
    random: Random,
    check: PageCheck,
    options: ConsumerOptions,
  ) {
    this.#router = router;
    this.#history = history;
    this.#random = random;
    this.#check = check;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { scheduler } = this.#router.cluster.world;
    while (!this.isStopped) {
      await scheduler.sleep(this.#random.between(0, 2 * this.#options.pauseMs));
      if (this.isStopped) break;
      if (this.#random.chance(0.15)) await this.#askForEnd();
      else await this.#poll();
    }
  }

  async #poll(): Promise<void> {
    const { partition, readsFollowers, name } = this.#options;
    const follower = readsFollowers && this.#random.chance(0.8);
    const inSync = this.#router.inSync(partition);
    const broker = follower && inSync.length > 0 ? this.#random.pick(inSync) : "leader";
    const cell = await this.#router.locate(partition, broker);
    if (!cell) return;
    const log = this.#router.log(partition);
    if (log !== this.#log) this.#offset = 0;
    this.#log = log;
    const request: FetchRequest = {
      offset: this.#offset,
      maxBytes: this.#random.pick([1, 500, 20_000, 1_000_000]),
      minBytes: 1,
      maxWaitMs: this.#random.pick([0, 500, 2_000]),
      isolation: this.#options.isolation,
    };
    const deadlineMs = request.maxWaitMs + 3_000;
    this.#history.operations += 1;
    const page = await this.#router.call<Fetched>(partition, cell, "fetch", request, deadlineMs);
    if (page.ok) {
      this.#history.reads += 1;
      this.#check.page(log, `${name} at ${cell.name}`, this.#offset, page);
      this.#offset = page.nextOffset;
    } else if (page.error === "OFFSET_BELOW_LOG_START") {
      this.#check.belowStart(log, this.#offset);
      await this.#toStart(partition);
    }
  }

  /** Asks for the latest offset, as consumers do to begin there or to compute their lag. */
  async #askForEnd(): Promise<void> {
    const { partition, name, isolation } = this.#options;
    const cell = await this.#router.locate(partition, "leader");
    if (!cell) return;
    const log = this.#router.log(partition);
    const floor = this.#check.floor(cell);
    const spec = { at: "latest", isolation } as const;
    const answer = await this.#router.call<ListedOffset>(
      partition,
      cell,
      "listOffset",
      spec,
      3_000,
    );
    if (answer.ok) this.#check.end(log, `${name} at ${cell.name}`, answer.offset, floor);
  }

  async #toStart(partition: number): Promise<void> {
    const cell = await this.#router.locate(partition, "leader");
    if (!cell) return;
    const spec = { at: "earliest" } as const;
    const answer = await this.#router.call<ListedOffset>(
      partition,
      cell,
      "listOffset",
      spec,
      3_000,
    );
    if (answer.ok && answer.offset > this.#offset) this.#offset = answer.offset;
  }
}
