/**
 * A simulated reader of a tail: opens it at the leader, is sent what becomes readable, and opens another one when it is
 * disconnected or its leader is gone. Passes what it is sent to the checks.
 */
import type { ListedOffset, TailHello } from "../../src/objects/contracts/partition.ts";
import type { TailFrame, TailRequest } from "./replica-rules.ts";
import type { Random } from "./random.ts";
import type { Router } from "./router.ts";
import type { Watch } from "./watch.ts";

export interface TailOptions {
  readonly name: string;
  readonly partition: number;
  readonly place: number;
}

/** One connection. */
interface Session {
  isOpen: () => boolean;
  leave: () => void;
}

const PAUSE_MS = 400;
const DEADLINE_MS = 4_000;

export class TailReader {
  readonly #router: Router;
  readonly #random: Random;
  readonly #watch: Watch;
  readonly #options: TailOptions;
  #session: Session | null = null;
  #offset = 0;
  #log = "";
  isStopped = false;

  constructor(router: Router, random: Random, watch: Watch, options: TailOptions) {
    this.#router = router;
    this.#random = random;
    this.#watch = watch;
    this.#options = options;
  }

  /** Whether it has been sent everything that is committed. */
  get isAtEnd(): boolean {
    const truth = this.#watch.truth(this.#router.log(this.#options.partition));
    return truth.isLossy || (this.#log === truth.log && this.#offset >= truth.committedEnd);
  }

  async run(): Promise<void> {
    const { scheduler } = this.#router.cluster.world;
    while (!this.isStopped) {
      await scheduler.sleep(this.#random.between(1, 2 * PAUSE_MS));
      if (this.isStopped || this.#session?.isOpen() === true) continue;
      await this.#open();
    }
    this.#session?.leave();
  }

  async #open(): Promise<void> {
    const { partition, name, place } = this.#options;
    const cell = await this.#router.locate(partition, "leader");
    if (!cell || this.isStopped) return;
    const log = this.#router.log(partition);
    if (log !== this.#log) this.#offset = 0;
    this.#log = log;
    const from = this.#offset;
    const floor = this.#watch.floor(cell);
    let session: Session | null = null;
    const deliver = (frame: TailFrame): void => {
      if (frame.kind === "opened") session = { isOpen: frame.isOpen, leave: frame.leave };
      else if (this.#log !== log || (this.#session !== null && this.#session !== session)) return;
      else if (frame.kind === "text") {
        const { highWatermark } = JSON.parse(frame.text) as TailHello;
        this.#watch.end(log, `${name} at ${cell.name}`, highWatermark, floor);
      } else if (frame.kind === "bytes") {
        const reader = `${name} at ${cell.name}`;
        this.#router.cluster.world.count(": messages to tails");
        this.#offset = this.#watch.tailed(log, reader, this.#offset, frame.bytes);
      }
    };
    this.#session?.leave();
    this.#session = null;
    const request: TailRequest = { offset: from, place, deliver };
    const answer = await this.#router.call<{ readonly ok: true }>(
      partition,
      cell,
      "openTail",
      request,
      DEADLINE_MS,
    );
    if (answer.ok) this.#session = session;
    else (session as Session | null)?.leave();
    if (!answer.ok && answer.error === "OFFSET_BELOW_LOG_START") {
      this.#watch.belowStart(log, from);
      await this.#toStart(partition);
    }
    const isLossy = this.#watch.truth(log).isLossy;
    if (!answer.ok && answer.error === "OFFSET_OUT_OF_RANGE" && isLossy) this.#offset = 0;
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
      DEADLINE_MS,
    );
    if (answer.ok && answer.offset > this.#offset) this.#offset = answer.offset;
  }
}
