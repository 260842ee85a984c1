/** What the clients and the faults of one round share. */
import type { Live } from "../support/live-clients.ts";
import type { LiveHistory } from "../support/live-history.ts";

/** Numbers of a round or of many, by name. */
export type Totals = Map<string, number>;

export interface World {
  /** HTTP, by way of the relay; its readers end with `isOver`. */
  readonly live: Live;
  /** `host:port` of the relay to broker 1. */
  readonly kafka: string;
  /** By topic and partition; more come as partitions are added. */
  readonly histories: LiveHistory[];
  readonly totals: Totals;
  /** What was written is all there is, and its readers may end where it does. */
  isSettled: boolean;
  /** Producers finish what they have begun and end, readers continue to the ends of their logs. */
  isDraining: boolean;
  /** For the timeline: what helps to investigate an anomaly. */
  readonly log: (what: string) => void;
}

export function count(totals: Totals, name: string, by = 1): void {
  totals.set(name, (totals.get(name) ?? 0) + by);
}

export function sum(totals: Totals, more: Totals): void {
  for (const [name, by] of more) count(totals, name, by);
}
