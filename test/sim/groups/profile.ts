/** The parameters of a run of groups, drawn from its seed alone. */
import { ASSIGNORS } from "../../../src/objects/coordinator/groups/assignors/index.ts";
import { Random } from "../random.ts";

export interface GroupProfile {
  readonly durationMs: number;
  readonly partitions: number;
  /** The members: HTTP instances, Kafka's clients, or both in one group. */
  readonly kind: "instances" | "classic" | "mixed";
  readonly assignors: readonly string[];
  readonly reset: "earliest" | "latest";
  readonly byPattern: boolean;
  readonly clients: number;
  readonly sessionTimeoutMs: number;
  readonly faultPauseMs: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly groupPlace: number;
}

export function groupProfileOf(seed: number): GroupProfile {
  const random = new Random(seed, "group profile");
  const kind = random.pick(["instances", "instances", "classic", "mixed"] as const);
  const isPure = kind === "instances";
  const alone = random.pick(ASSIGNORS);
  return {
    durationMs: random.between(30, 70) * 1_000,
    partitions: random.between(1, 4),
    kind,
    assignors:
      isPure && random.chance(0.6) ? [alone] : ["cooperative-sticky", "range", "roundrobin"],
    reset: isPure && random.chance(0.4) ? "latest" : "earliest",
    byPattern: isPure && random.chance(0.5),
    clients: random.between(2, 4),
    sessionTimeoutMs: random.pick([3_000, 6_000]),
    faultPauseMs: random.pick([700, 1_500, 4_000]),
    settings: {
      "offsets.retention.minutes": "1",
      "group.initial.rebalance.delay.ms": String(random.pick([0, 0, 500])),
    },
    groupPlace: random.between(1, 3),
  };
}
