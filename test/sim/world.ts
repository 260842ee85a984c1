/**
 * What everything in a simulation shares: time, chance, conditions, the network, and the first failure. Knows nothing of
 * Kafka.
 */
import type { Cell } from "./cell.ts";
import { Network } from "./network.ts";
import { Random } from "./random.ts";
import { Scheduler } from "./scheduler.ts";
import { Weather } from "./weather.ts";

const EPOCH_MS = 1_700_000_000_000;

export class World {
  readonly seed: number;
  readonly scheduler = new Scheduler();
  readonly weather: Weather;
  readonly network: Network;
  /** The first invariant that broke. */
  failure: string | null = null;
  /** Numbers of faults and events by kind, for the report. */
  readonly counts = new Map<string, number>();
  /** Objects that have run since the last check. */
  readonly touched = new Set<Cell>();
  /** How many turns there were in which an object wrote. */
  writes = 0;
  readonly #clockJumps = new Map<number, number>();

  constructor(seed: number) {
    this.seed = seed;
    this.weather = new Weather(this.random("disks"));
    this.network = new Network(this);
  }

  random(concern: string): Random {
    return new Random(this.seed, concern);
  }

  /** The wall clock as a place sees it. */
  clockMs(place: number): number {
    return EPOCH_MS + Math.floor(this.scheduler.nowMs) + (this.#clockJumps.get(place) ?? 0);
  }

  jumpClock(place: number, ms: number): void {
    this.#clockJumps.set(place, (this.#clockJumps.get(place) ?? 0) + ms);
  }

  touch(cell: Cell): void {
    this.touched.add(cell);
  }

  count(kind: string, by = 1): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + by);
  }

  /** An invariant is broken: the run ends. */
  fail(what: string): void {
    if (this.failure !== null) return;
    this.failure = what;
    this.scheduler.trace(`FAILED ${what}`);
    this.scheduler.stop(what);
  }

  expect(condition: boolean, what: () => string): void {
    if (!condition) this.fail(what());
  }
}
