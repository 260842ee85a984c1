/**
 * What kind of run a seed is: the shape and settings of the cluster, its readers and writers, which faults may happen and
 * how often. Drawn from the seed alone.
 */
import type { ConsumerOptions } from "./consumer.ts";
import type { ProducerOptions } from "./producer.ts";
import { Random } from "./random.ts";
import type { TailOptions } from "./tail-reader.ts";

export interface Profile {
  readonly durationMs: number;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly configs: Readonly<Record<string, string>>;
  readonly producers: readonly (ProducerOptions & { readonly place: number })[];
  readonly consumers: readonly (ConsumerOptions & { readonly place: number })[];
  readonly tails: readonly TailOptions[];
  /** Mean pause between faults. */
  readonly faultPauseMs: number;
  readonly hasUnclean: boolean;
  readonly hasStorageLoss: boolean;
  /** Stored chunks are damaged. */
  readonly hasRot: boolean;
  /** Storage of replicas stops opening. */
  readonly hasSealing: boolean;
  readonly deletesTopic: boolean;
  /** Partitions are founded when they are first used, not when the topic is created. */
  readonly foundsAtFirstUse: boolean;
}

const SEEDS_WITHOUT_CONDITIONS = 50;
/** Likewise of before fencing tokens. */
const SEEDS_WITHOUT_FENCING = 60;

export function profileOf(seed: number): Profile {
  const random = new Random(seed, "profile");
  const partitions = random.chance(0.25) ? 2 : 1;
  const hasUnclean = random.chance(0.08);
  const hasStorageLoss = !hasUnclean && random.chance(0.15);
  const hasRetention = random.chance(0.3);
  // Drawn from another generator, so that the rest of a seed does not depend on it.
  const hasRot = !hasUnclean && !hasStorageLoss && new Random(seed, "rot").chance(0.3);
  // Mutants are noticed by seeds of before conditional appends: those are left as they were.
  const isConditional =
    seed > SEEDS_WITHOUT_CONDITIONS && new Random(seed, "conditions").chance(0.3);
  const isFenced = seed > SEEDS_WITHOUT_FENCING && new Random(seed, "fencing").chance(0.4);
  const mayBeSealed = !hasUnclean && !hasStorageLoss && !hasRot;
  return {
    durationMs: random.between(60, 120) * 1_000,
    partitions,
    replicationFactor: random.chance(0.85) ? 3 : 2,
    settings: {
      "replica.lag.time.max.ms": String(random.pick([1_500, 4_000, 8_000])),
      "request.timeout.ms": String(random.pick([1_500, 5_000, 10_000])),
      "tail.memory.bytes": String(random.pick([0, 2_000, 1_048_576])),
    },
    configs: {
      "min.insync.replicas": String(random.pick([1, 2, 2])),
      "segment.bytes": String(random.pick([2_000, 20_000, 67_108_864])),
      "retention.ms": hasRetention ? String(random.pick([8_000, 25_000])) : "-1",
      ...(hasUnclean ? { "unclean.leader.election.enable": "true" } : {}),
    },
    producers: Array.from({ length: random.between(2, 4) }, (_, i) => ({
      ...producerOf(random, `p${i}`, partitions),
      isConditional,
      isFenced,
    })),
    consumers: Array.from({ length: random.between(2, 3) }, (_, i) => ({
      name: `c${i}`,
      place: random.between(1, 3),
      partition: random.below(partitions),
      readsFollowers: random.chance(0.7),
      pauseMs: random.pick([50, 200, 800, 6_000]),
      isolation: random.pick(["read_uncommitted", "read_committed"] as const),
    })),
    tails: [{ name: "t0", place: random.between(1, 3), partition: random.below(partitions) }],
    faultPauseMs: random.pick([500, 1_000, 2_000, 4_000]),
    hasUnclean,
    hasStorageLoss,
    hasRot,
    hasSealing: mayBeSealed && new Random(seed, "sealing").chance(0.25),
    deletesTopic: random.chance(0.05),
    foundsAtFirstUse: new Random(seed, "founding").chance(0.5),
  };
}

function producerOf(random: Random, name: string, partitions: number) {
  return {
    name,
    place: random.between(1, 3),
    partition: random.below(partitions),
    isIdempotent: random.chance(0.65),
    acks: random.pick([-1, -1, -1, -1, 1, 0] as const),
    pauseMs: random.pick([200, 400, 800]),
    valueBytesMax: random.pick([10, 60, 400]),
    patienceMs: random.pick([4_000, 12_000, 40_000]),
    isDuplicated: random.chance(0.5),
  };
}
