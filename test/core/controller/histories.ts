/**
 * Random histories of a controller: events as values that fast-check generates and shrinks, and how each event is started.
 */
import fc from "fast-check";
import type { BrokerAction } from "../../../src/objects/contracts/controller.ts";
import type { ControllerHarness, Reception } from "./harness.ts";

/** A partition: the topic of the name, and the index of one of its partitions (modulo their number). */
interface At {
  readonly topic: string;
  readonly index: number;
}

export type Event =
  | {
      readonly do: "create";
      readonly topic: string;
      readonly partitions: number;
      readonly factor: number;
      readonly unclean: boolean;
      readonly atFirstUse: boolean;
    }
  | {
      readonly do: "grow";
      readonly topic: string;
      readonly partitions: number;
      readonly atFirstUse: boolean;
    }
  | { readonly do: "alter"; readonly topic: string; readonly value: string }
  | { readonly do: "delete"; readonly topic: string }
  | { readonly do: "register"; readonly brokerId: number }
  | { readonly do: "broker"; readonly brokerId: number; readonly action: BrokerAction }
  | ({ readonly do: "in-sync"; readonly members: readonly boolean[]; readonly stale: boolean } & At)
  | ({ readonly do: "report" | "preferred" | "unclean" | "cancel" | "found" } & At)
  | ({ readonly do: "reassign"; readonly brokerIds: readonly number[] } & At)
  | ({ readonly do: "lose"; readonly replica: number } & At)
  | { readonly do: "producer-id" | "alarm" | "crash" | "let-go" | "second" }
  | { readonly do: "disk"; readonly statements: number }
  | { readonly do: "network"; readonly receptions: readonly Reception[] };

const topic = fc.constantFrom("a", "b", "c");
const small = (max: number) => fc.integer({ min: 1, max });
const at = { topic, index: fc.nat(3) };
const kind = <K extends Event["do"]>(...kinds: K[]) => fc.constantFrom(...kinds);
const reception = fc.constantFrom<Reception>("confirmed", "confirmed", "lost", "unheard", "held");

export const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    do: kind("create"),
    topic,
    partitions: small(3),
    factor: small(3),
    unclean: fc.boolean(),
    atFirstUse: fc.boolean(),
  }),
  fc.record({ do: kind("grow"), topic, partitions: small(5), atFirstUse: fc.boolean() }),
  fc.record({ do: kind("alter"), topic, value: small(3).map(String) }),
  fc.record({ do: kind("delete"), topic }),
  fc.record({ do: kind("register"), brokerId: fc.integer({ min: 3, max: 5 }) }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: kind("broker"),
      brokerId: small(5),
      action: fc.constantFrom<BrokerAction>("fence", "unfence", "drain"),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: kind("in-sync"),
      ...at,
      members: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      stale: fc.nat(5).map((n) => n === 0),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: kind("report", "report", "preferred", "unclean", "cancel", "found"),
      ...at,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: kind("reassign"),
      ...at,
      brokerIds: fc.uniqueArray(small(5), { minLength: 1, maxLength: 4 }),
    }),
  },
  fc.record({ do: kind("lose"), ...at, replica: fc.nat(3) }),
  { weight: 3, arbitrary: fc.record({ do: kind("producer-id", "alarm", "crash", "let-go") }) },
  fc.record({ do: kind("second") }),
  fc.record({ do: kind("disk"), statements: fc.nat(3) }),
  fc.record({
    do: kind("network"),
    receptions: fc.array(reception, { minLength: 1, maxLength: 5 }),
  }),
);

/** What a history has observed, for the checks at its end. */
export class Witness {
  readonly producerIds: number[] = [];
  /** In-sync members that leaders have proposed, as `<topicId>/<partition>/<leaderEpoch>/<brokerId>`. */
  readonly proposed = new Set<string>();
}

function partitionAt(harness: ControllerHarness, { topic: name, index }: At) {
  const found = harness.rules.metadata([name]).topics[0];
  const state = found?.partitions[index % found.partitions.length];
  return found && state ? { topicId: found.topicId, state } : null;
}

/** Starts an event without waiting for its answer, so that others overtake it. */
export function begin(harness: ControllerHarness, happens: Event, witness: Witness): void {
  const { rules, replicas } = harness;
  // The caller of a request that fails with the disk, or with its instance, would repeat it.
  const ignore = (request: Promise<unknown>) => void request.catch(() => {});
  switch (happens.do) {
    case "create": {
      const { topic: name, partitions, factor, unclean, atFirstUse } = happens;
      const configs = { "unclean.leader.election.enable": String(unclean) };
      return ignore(
        rules.createTopic({
          topic: name,
          partitions,
          replicationFactor: factor,
          configs,
          ...(atFirstUse && { atFirstUse }),
        }),
      );
    }
    case "grow": {
      const { topic: name, partitions, atFirstUse } = happens;
      return ignore(rules.createPartitions(name, partitions, false, null, atFirstUse));
    }
    case "alter": {
      const { topic: name, value } = happens;
      return ignore(
        rules.alterConfigs(name, [{ name: "segment.ms", value, operation: "SET" }], false),
      );
    }
    case "delete":
      return ignore(rules.deleteTopic(happens.topic));
    case "register": {
      const { brokerId } = happens;
      return ignore(rules.registerBroker({ brokerId, rack: "r", locationHint: "" }));
    }
    case "broker":
      return ignore(rules.changeBroker(happens.brokerId, happens.action));
    case "producer-id":
      try {
        witness.producerIds.push(rules.allocateProducerId().producerId);
      } catch {
        // The disk has failed: no id was handed out.
      }
      return;
    case "alarm":
      return harness.alarmIsFree ? ignore(harness.fireAlarm()) : undefined;
    case "second":
      return harness.advance(1_000);
    case "crash":
      return harness.crash();
    case "let-go":
      return replicas.letGo();
    case "disk":
      return failAfter(harness, happens.statements);
    case "network": {
      let call = 0;
      replicas.receive = () => happens.receptions[call++ % happens.receptions.length]!;
      return;
    }
    default:
      return beginAt(harness, happens, witness);
  }
}

function beginAt(
  harness: ControllerHarness,
  happens: Extract<Event, At & { readonly index: number }>,
  witness: Witness,
): void {
  const { rules, replicas } = harness;
  const ignore = (request: Promise<unknown>) => void request.catch(() => {});
  const found = partitionAt(harness, happens);
  if (!found) return;
  const { topicId, state } = found;
  const { partition, leader, leaderEpoch } = state;
  switch (happens.do) {
    case "in-sync": {
      const inSync = state.replicas
        .map(({ brokerId }) => brokerId)
        .filter((id, index) => id === leader || happens.members[index % 5]);
      for (const id of inSync) witness.proposed.add(`${topicId}/${partition}/${leaderEpoch}/${id}`);
      const partitionEpoch = state.partitionEpoch - (happens.stale ? 1 : 0);
      return ignore(
        rules.alterInSync({
          topicId,
          partition,
          brokerId: leader,
          leaderEpoch,
          partitionEpoch,
          inSync,
        }),
      );
    }
    case "report":
      return ignore(rules.reportLeader({ topicId, partition, leaderEpoch }));
    case "found":
      return ignore(rules.foundPartitions(topicId, [partition]));
    case "preferred":
    case "unclean":
      return ignore(rules.electLeader(happens.topic, partition, happens.do));
    case "cancel":
      return ignore(rules.reassign(happens.topic, partition, null));
    case "reassign":
      return ignore(rules.reassign(happens.topic, partition, happens.brokerIds));
    case "lose": {
      const replica = state.replicas[happens.replica % state.replicas.length]!;
      const name = `${topicId}/${partition}/${replica.brokerId}/${replica.generation}`;
      if (replicas.objects.has(name)) replicas.lose(name);
    }
  }
}

function failAfter(harness: ControllerHarness, statements: number): void {
  let left = statements;
  harness.storage.beforeStatement = (sql) => {
    if (sql.startsWith("SELECT")) return;
    if (left === 0) throw new Error("disk");
    left -= 1;
  };
}
