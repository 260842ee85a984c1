/** The totals of many seeds, as text. */
import type { RunResult } from "./run.ts";

export class Totals {
  seeds = 0;
  simulatedMs = 0;
  events = 0;
  operations = 0;
  acknowledged = 0;
  faults = 0;
  readonly #counts = new Map<string, number>();

  add(result: RunResult): void {
    this.seeds += 1;
    this.simulatedMs += result.simulatedMs;
    this.events += result.events;
    this.operations += result.operations;
    this.acknowledged += result.acknowledged;
    for (const [kind, count] of Object.entries(result.counts)) {
      this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
      if (!kind.startsWith(":")) this.faults += count;
    }
  }

  /** Faults and their effects, by kind. */
  get counts(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get summary(): readonly (readonly [string, string])[] {
    const hours = (this.simulatedMs / 3_600_000).toFixed(1);
    return [
      ["seeds", String(this.seeds)],
      ["simulated hours", hours],
      ["events", String(this.events)],
      ["operations of clients", String(this.operations)],
      ["acknowledged appends", String(this.acknowledged)],
      ["faults injected", String(this.faults)],
    ];
  }

  lines(): string[] {
    return [...this.summary, ...this.counts].map(([name, value]) => `${name}: ${value}`);
  }
}
