/**
 * One round: a service of its own, clients of every kind by way of relays, faults for as long as it is told, then
 * calm; everybody reads to the ends of the logs, and the logs are compared with what was sent and seen, on every
 * replica. It ends by itself, and ends what it has started.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { kafkaPorts } from "../../../src/cli/kafka-ports.ts";
import { partitionOf, racks, registerBroker, settled, type Place } from "../support/brokers.ts";
import { Client, createTopic, endsOf, eventually } from "../support/client.ts";
import { randomFrom } from "../support/content.ts";
import { read } from "../support/live-clients.ts";
import { LiveHistory, logOf } from "../support/live-history.ts";
import { until } from "../support/processes.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { startService, type Service } from "../support/service.ts";
import { addPartitions, drawn, strike, type FaultName, type Scene } from "./faults.ts";
import { Clients, endsWithin } from "./clients.ts";
import { askGroups, consumeByKafkajs, consumeOverHttp, Group } from "./group-readers.ts";
import { readEvents, readTail } from "./stream-readers.ts";
import { askEnds, fetchAll } from "./wire-readers.ts";
import { count, type Totals, type World } from "./world.ts";
import { write, type WriterKind } from "./writers.ts";

const HOST = "127.0.0.1";
const LISTENERS = 3;
const BROKERS = [1, 2, 3, 4];
/** At least this many records are acknowledged before the first fault, and between two faults. */
const PROGRESS_RECORDS = 60;
const PROGRESS_MS = 60_000;
/** Readers get to the ends of their logs within this time, once the faults are over. */
const DRAIN_MS = 60_000;
/** Clients that were told to end do so within this time: they may be in the middle of a request and its repeats. */
const END_MS = 180_000;
/** What a planned fault may take. */
const PLANNED_MS = 5_000;
const GAP_MS_MAX = 1_500;
const GROWN_PARTITIONS_MAX = 4;
const KINDS: readonly WriterKind[] = ["http", "kafkajs", "platformatic", "wire"];

const TOPICS = [
  { name: "pair", partitions: 2, replicas: 3, configs: {} },
  { name: "strict", partitions: 1, replicas: 3, configs: { "min.insync.replicas": "2" } },
  { name: "grown", partitions: 1, replicas: 3, configs: {} },
  { name: "single", partitions: 1, replicas: 1, configs: {} },
] as const;

export interface RoundResult {
  readonly seed: number;
  /** Empty: every history holds. */
  readonly anomalies: readonly string[];
  readonly totals: Totals;
  /** What was done to it and when, for the investigation of an anomaly. */
  readonly timeline: readonly string[];
}

/** Faults drawn at random for this long, or these, one after the other. */
export type Plan = { readonly seconds: number } | { readonly faults: readonly FaultName[] };

export async function runRound(seed: number, plan: Plan): Promise<RoundResult> {
  const round = new Round(seed, plan);
  await round.run();
  return round;
}

class Round implements RoundResult {
  readonly seed: number;
  readonly anomalies: string[] = [];
  readonly totals: Totals = new Map();
  readonly timeline: string[] = [];
  readonly #plan: Plan;
  readonly #random: () => number;
  readonly #startedMs = performance.now();
  readonly #relays: Relay[] = [];
  readonly #groups: Group[] = [];
  readonly #writers = new Clients((error) => this.#note(error));
  /** Readers that stop at the end of the log, and readers that start again until they are stopped. */
  readonly #finite = new Clients((error) => this.#note(error));
  readonly #endless = new Clients((error) => this.#note(error));
  #service!: Service;
  #world!: World;
  #scene!: Scene;
  #writerSeed: number;

  constructor(seed: number, plan: Plan) {
    this.seed = seed;
    this.#plan = plan;
    this.#random = randomFrom(seed);
    this.#writerSeed = seed * 1_000;
  }

  async run(): Promise<void> {
    try {
      await this.#prepare();
      await this.#begin();
      await this.#strikes();
      await this.#drain();
      await this.#compare();
    } catch (error) {
      this.#note(error);
    } finally {
      await this.#end();
    }
  }

  async #prepare(): Promise<void> {
    const own = await kafkaPorts(HOST, 0, LISTENERS);
    if (!own.ok) throw new Error(own.problem);
    const relayed = await this.#relay(own.ports);
    // The same ports after a restart: that is where the relays connect.
    const [first, [port]] = [own.ports[0]!, await freePorts(1)];
    this.#service = await startService({
      env: {
        PORT: String(port),
        KAFKA_PORT: String(first),
        KAFKA_ADVERTISED_HOST: HOST,
        KAFKA_ADVERTISED_PORT: String(relayed[0]),
      },
    });
    const http = await startRelay(HOST, port!);
    this.#relays.push(http);
    const live = {
      client: new Client(`http://${HOST}:${http.port}`, 256),
      start: Promise.resolve(),
      isOver: false,
      unknownOutcomes: 0,
      refusals: 0,
      pages: new Map<string, number>(),
    };
    this.#world = {
      live,
      kafka: `${HOST}:${relayed[0]}`,
      histories: [],
      totals: this.totals,
      isDraining: false,
      isSettled: false,
      log: (what) => this.#log(what),
    };
  }

  /** Relays to these ports, on ports that follow each other as they do. */
  async #relay(ports: readonly number[]): Promise<readonly number[]> {
    const listeners = await freePorts(LISTENERS);
    for (const [i, port] of ports.entries()) {
      this.#relays.push(await startRelay(HOST, port, listeners[i]!));
    }
    return listeners;
  }

  async #begin(): Promise<void> {
    const operator = new Client(this.#service.url);
    await registerBroker(operator, 4, "oc");
    for (const { name, partitions, replicas, configs } of TOPICS) {
      const all = { ...configs, "retention.ms": "-1" };
      await createTopic(operator, name, { partitions, replicas, configs: all });
      for (let partition = 0; partition < partitions; partition++) this.#history(name, partition);
    }
    const histories = this.#world.histories;
    const moved = histories.filter(({ place }) => place.topic !== "single");
    this.#scene = {
      world: this.#world,
      service: this.#service,
      operator,
      relays: this.#relays,
      brokers: BROKERS,
      moved: new Map(await Promise.all(moved.map((one) => brokersOf(operator, one.place)))),
      random: this.#random,
      grow: () => this.#grow(),
      hasStoppedLong: false,
    };
    for (const [i, history] of histories.entries()) this.#write(history, i);
    for (const history of histories) this.#readAlone(history);
    this.#readInGroups();
    await this.#progress();
  }

  #history(topic: string, partition: number): LiveHistory {
    const history = new LiveHistory({ topic, partition });
    this.#world.histories.push(history);
    return history;
  }

  /** Two producers for each partition, an idempotent and a plain one, of kinds that take turns. */
  #write(history: LiveHistory, turn: number): void {
    for (const [i, idempotent] of [true, false].entries()) {
      const kind = KINDS[(this.seed + turn + 2 * i) % KINDS.length]!;
      const seed = this.#writerSeed++;
      const name = `${kind} producer ${seed} of ${nameOf(history.place)}`;
      this.#writers.start(name, (activity) =>
        write(this.#world, history, { kind, idempotent, seed }, activity),
      );
    }
  }

  #readAlone(history: LiveHistory): void {
    const world = this.#world;
    const isolationLevel = history.place.partition === 0 ? 0 : 1;
    const place = nameOf(history.place);
    for (const rack of [null, "enam"]) {
      this.#endless.start(`reader of ${place} at ${rack ?? "the leader"}`, () =>
        read(world.live, history, rack),
      );
    }
    this.#finite.start(`event stream of ${place}`, () => readEvents(world, history));
    this.#finite.start(`tail of ${place}`, () => readTail(world, history));
    this.#finite.start(`wire reader of ${place}`, () => fetchAll(world, history, isolationLevel));
  }

  #readInGroups(): void {
    const world = this.#world;
    const instances = new Group(world, "instances", ["pair", "grown"]);
    const members = new Group(world, "members", ["grown", "strict"]);
    this.#groups.push(instances, members);
    for (const name of ["one", "two"]) {
      this.#finite.start(`instance ${name}`, () => consumeOverHttp(world, instances, name));
    }
    for (const name of ["first", "second"]) {
      this.#finite.start(`member ${name} of kafkajs`, (activity) =>
        consumeByKafkajs(world, members, name, activity),
      );
    }
    this.#endless.start("who asks for ends", () => askEnds(world));
    this.#endless.start("who asks for groups", () => askGroups(world, this.#groups));
  }

  async #grow(): Promise<boolean> {
    const grown = this.#world.histories.filter(({ place }) => place.topic === "grown").length;
    if (grown >= GROWN_PARTITIONS_MAX) return false;
    // Before the topic exists: members may be given its partitions at once.
    const history = this.#history("grown", grown);
    await addPartitions(this.#scene, "grown", grown + 1);
    const [place, brokers] = await eventually("the new partition", () =>
      brokersOf(this.#scene.operator, history.place).catch(() => undefined),
    );
    this.#scene.moved.set(place, brokers);
    this.#write(history, grown);
    this.#readAlone(history);
    return true;
  }

  async #strikes(): Promise<void> {
    const plan = this.#plan;
    if ("faults" in plan) {
      for (const name of plan.faults) await this.#strike(name, PLANNED_MS);
      return;
    }
    const endMs = performance.now() + 1_000 * plan.seconds;
    for (;;) {
      await sleep(this.#random() * GAP_MS_MAX);
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || this.anomalies.length > 0) return;
      await this.#strike(drawn(this.#scene), leftMs);
    }
  }

  async #strike(name: FaultName, leftMs: number): Promise<void> {
    await strike(this.#scene, name, leftMs);
    await this.#progress();
  }

  /** The load continues, counted over every partition together. */
  async #progress(): Promise<void> {
    const acknowledged = (): number =>
      this.#world.histories.reduce((all, one) => all + one.acknowledged, 0);
    const target = acknowledged() + PROGRESS_RECORDS;
    await until(
      () => acknowledged() >= target || this.anomalies.length > 0,
      PROGRESS_MS,
      () => `stands still: ${acknowledged()} of ${target} records are acknowledged`,
    );
  }

  async #drain(): Promise<void> {
    this.#log("calm");
    this.#world.isDraining = true;
    await this.#writers.ended(END_MS);
    const { operator, moved } = this.#scene;
    await Promise.all([...moved].map(([place, ids]) => settled(operator, place, ids, DRAIN_MS)));
    for (const history of this.#world.histories) await this.#tellEnd(history);
    this.#world.isSettled = true;
    await this.#finite.ended(DRAIN_MS).catch((error: unknown) => {
      const left = this.#groups.flatMap(({ left: one }) => one ?? []);
      this.#note(new Error(`${String(error)}; ${left.join("; ")}`));
    });
    this.#world.live.isOver = true;
    await this.#finite.ended(END_MS);
    await this.#endless.ended(END_MS);
  }

  async #tellEnd(history: LiveHistory): Promise<void> {
    const { topic, partition } = history.place;
    const { visibleEnd } = history;
    const ends = await eventually(`the end of ${topic}/${partition}`, () =>
      endsOf(this.#scene.operator, topic, partition).catch(() => undefined),
    );
    history.ended(visibleEnd, ends.latest_offset, "operator");
  }

  async #compare(): Promise<void> {
    const { operator } = this.#scene;
    const rackOf = await racks(operator);
    for (const history of this.#world.histories) {
      const { place } = history;
      const { replica_states: replicas, log_end_offset: end } = await partitionOf(operator, place);
      const logs = await Promise.all(
        replicas.map(({ broker_id: id }) =>
          logOf(operator, place, end!, { id, rack: rackOf.get(id)! }),
        ),
      );
      history.check(logs[0]!, history.idempotent);
      const whole = Buffer.concat(logs[0]!);
      const other = logs.findIndex((log) => !Buffer.concat(log).equals(whole));
      if (other > 0) {
        const pair = `${replicas[0]!.broker_id} and ${replicas[other]!.broker_id}`;
        throw new Error(`${place.topic}/${place.partition}: brokers ${pair} have other bytes`);
      }
      count(this.totals, "records compared", end!);
      count(this.totals, "replicas compared", logs.length);
    }
  }

  async #end(): Promise<void> {
    if (this.#world !== undefined) {
      this.#world.isDraining = true;
      this.#world.live.isOver = true;
    }
    for (const relay of this.#relays) relay.cut();
    for (const clients of [this.#writers, this.#finite, this.#endless]) {
      // Where one does not, the round has failed already.
      await clients.ended(DRAIN_MS).catch(() => {});
    }
    await this.#stopped("the clients' connections", this.#world?.live.client.close());
    await this.#stopped("the operator's connections", this.#scene?.operator.close());
    await this.#stopped("the relays", Promise.all(this.#relays.map((relay) => relay.stop())));
    await this.#stopped("the service", this.#service?.stop());
  }

  /** Waits for the end of something, though not for ever: what comes behind it is to be ended too. */
  async #stopped(what: string, ending: Promise<unknown> = Promise.resolve()): Promise<void> {
    try {
      if (!(await endsWithin(ending, END_MS)))
        throw new Error(`not ended within ${END_MS} ms: ${what}`);
    } catch (error) {
      this.#note(error);
    }
  }

  #note(error: unknown): void {
    const { message, stack = "" } = error as Error;
    const where = /test\/e2e\/\S+:\d+/.exec(stack.slice(stack.indexOf("\n")))?.[0] ?? "";
    this.#log(`anomaly: ${message}`);
    this.anomalies.push(`${message} (${where})`);
  }

  #log(what: string): void {
    const seconds = (performance.now() - this.#startedMs) / 1_000;
    this.timeline.push(`${seconds.toFixed(1)} s: ${what}`);
  }
}

async function brokersOf(
  operator: Client,
  place: Place,
): Promise<readonly [Place, readonly number[]]> {
  const { replica_states: replicas } = await partitionOf(operator, place);
  return [place, replicas.map(({ broker_id }) => broker_id)];
}

function nameOf({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}

async function freePorts(ports: number): Promise<readonly number[]> {
  const found = await kafkaPorts(HOST, 0, ports);
  if (!found.ok) throw new Error(found.problem);
  return found.ports;
}
