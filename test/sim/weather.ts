/**
 * The present conditions of network and disks: latencies, losses, cuts. The fault plan changes them; the network and the
 * disks draw from them.
 */
import type { Random } from "./random.ts";

export class Weather {
  /** Probability that a message is lost; that it is delivered twice. */
  losses = 0;
  duplicates = 0;
  /** Probability that a message is very late, and by how much at most. */
  stragglers = 0.01;
  stragglerMsMax = 300;
  readonly slowDisks = new Set<number>();
  readonly slowPlaces = new Set<number>();
  readonly #cuts = new Map<string, number>();
  readonly #random: Random;
  /** Fixed delays, for scenarios. */
  isCalm = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Cuts one direction; two cuts have to be healed twice. */
  cut(from: number, to: number): void {
    const key = `${from}>${to}`;
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1);
  }

  heal(from: number, to: number): void {
    const key = `${from}>${to}`;
    const left = (this.#cuts.get(key) ?? 0) - 1;
    if (left > 0) this.#cuts.set(key, left);
    else this.#cuts.delete(key);
  }

  isCut(from: number, to: number): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  latencyMs(random: Random, from: number, to: number): number {
    if (this.isCalm) return 1;
    if (this.slowPlaces.size > 0 && (this.slowPlaces.has(from) || this.slowPlaces.has(to))) {
      return random.between(50, 2_500);
    }
    if (random.chance(this.stragglers)) return random.between(20, this.stragglerMsMax);
    return random.between(1, 12);
  }

  /** How long a write takes to be confirmed. */
  confirmMs(place: number): number {
    if (this.isCalm) return 1;
    if (this.slowDisks.has(place)) return this.#random.between(200, 2_500);
    return this.#random.chance(0.02) ? this.#random.between(20, 300) : this.#random.between(1, 6);
  }

  /** Ends every fault of network and disks. */
  clear(): void {
    this.losses = 0;
    this.duplicates = 0;
    this.stragglers = 0.01;
    this.slowDisks.clear();
    this.slowPlaces.clear();
    this.#cuts.clear();
  }
}
