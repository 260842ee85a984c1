/**
 * The only randomness of the simulator: seeded generators (sfc32), one for each concern, so that leaving out a fault does
 * not change what the network or the clients draw.
 */
import type { RandomPort } from "../../src/base/ports.ts";

export class Random implements RandomPort {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  /** The same seed and concern give the same numbers. */
  constructor(seed: number, concern: string) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = hashText(concern);
    for (let i = 0; i < 15; i++) this.#next();
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor((this.#next() / 2 ** 32) * below);
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** One of the names, with a probability in proportion to its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const names = Object.keys(weights) as K[];
    let at = this.below(1e9) / 1e9;
    const sum = names.reduce((total, name) => total + weights[name], 0);
    at *= sum;
    for (const name of names) {
      at -= weights[name];
      if (at < 0) return name;
    }
    return names.at(-1)!;
  }

  id(): string {
    let digits = "";
    for (let i = 0; i < 4; i++) digits += (this.#next() >>> 0).toString(16).padStart(8, "0");
    return digits;
  }

  #next(): number {
    const t = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return t >>> 0;
  }
}

/** FNV-1a over UTF-16 units, 32 bits. */
export function hashText(text: string, from = 0x811c9dc5): number {
  let hash = from;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}
