/**
 * The fault plan of a run: what happens when. It is drawn from the seed before anything runs, so that a failing run can be
 * repeated with fewer faults.
 */
import type { Profile } from "./profile.ts";
import { Random } from "./random.ts";

/** How often each kind is drawn. */
const WEIGHTS = {
  reset: 14,
  evict: 8,
  supersede: 8,
  "reset leader": 10,
  "reset while asking": 4,
  "reset controller": 5,
  "supersede controller": 2,
  cut: 10,
  "one-way cut": 6,
  isolate: 8,
  "isolate leader": 3,
  losses: 4,
  duplicates: 4,
  "slow place": 4,
  "slow disk": 4,
  fence: 8,
  drain: 3,
  "clock jump": 3,
  "elect preferred": 7,
  reassign: 3,
  "alter min.insync.replicas": 3,
  "alter segments": 2,
  "delete records": 3,
  "register broker": 1,
  "elect unclean": 4,
  "lose storage": 5,
} as const;

export type FaultKind = keyof typeof WEIGHTS | "flip a bit" | "lose a row" | "seal storage";

/** Mean pause between two damaged chunks. */
const ROT_PAUSE_MS = 6_000;
/** Mean pause between two replicas whose storage does not open any more. */
const SEALING_PAUSE_MS = 20_000;

export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly lastsMs: number;
  /** Numbers in [0, 1) to choose victims by. */
  readonly x: number;
  readonly y: number;
}

export function planFaults(seed: number, profile: Profile): Fault[] {
  const random = new Random(seed, "faults");
  const weights: Record<string, number> = { ...WEIGHTS };
  if (!profile.hasUnclean) weights["elect unclean"] = 0;
  if (!profile.hasStorageLoss) weights["lose storage"] = 0;
  const faults: Fault[] = [];
  let atMs = 2_000;
  for (;;) {
    // Faults come in bursts, with time to recover in between.
    atMs += random.chance(0.4)
      ? random.between(1, 120)
      : random.between(0, 3 * profile.faultPauseMs);
    if (atMs > profile.durationMs) break;
    faults.push({
      atMs,
      kind: random.weighted(weights) as FaultKind,
      lastsMs: random.pick([300, 1_500, 5_000, 12_000]) + random.below(1_000),
      x: random.below(1_000_000) / 1_000_000,
      y: random.below(1_000_000) / 1_000_000,
    });
  }
  // Often the plan ends with a leader that only the clients of its own place reach: what they write there is truncated
  // when the cluster heals, and the state of producers with it.
  if (random.chance(0.6)) {
    const atEndMs = profile.durationMs - 8_000;
    faults.push({
      atMs: atEndMs,
      kind: "isolate leader",
      lastsMs: 12_000,
      x: random.below(100) / 100,
      y: 0,
    });
  }
  if (profile.hasRot) faults.push(...planDamage(seed, profile, "flip a bit", ROT_PAUSE_MS));
  if (profile.hasSealing) {
    faults.push(...planDamage(seed, profile, "seal storage", SEALING_PAUSE_MS));
  }
  return faults;
}

function planDamage(
  seed: number,
  { durationMs }: Profile,
  kind: FaultKind,
  pauseMs: number,
): Fault[] {
  const random = new Random(seed, kind === "flip a bit" ? "rot" : kind);
  const faults: Fault[] = [];
  let atMs = 4_000;
  for (;;) {
    atMs += random.between(0, 2 * pauseMs);
    if (atMs > durationMs) return faults;
    faults.push({
      atMs,
      kind: kind === "flip a bit" && random.chance(0.4) ? "lose a row" : kind,
      lastsMs: 0,
      x: random.below(1_000_000) / 1_000_000,
      y: random.below(1_000_000) / 1_000_000,
    });
  }
}
