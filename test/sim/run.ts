/**
 * One seed from beginning to end: a cluster with its clients and faults; then no faults until everything has converged;
 * then the checks that need the whole history. The same seed gives the same trace.
 */
import { Consumer } from "./consumer.ts";
import { Cluster } from "./cluster.ts";
import { planFaults, type Fault } from "./fault-plan.ts";
import { Faults } from "./faults.ts";
import { checkAtEnd } from "./final-checks.ts";
import { History } from "./history.ts";
import { Operator, TOPIC } from "./operator.ts";
import { Producer } from "./producer.ts";
import { profileOf, type Profile } from "./profile.ts";
import { Router } from "./router.ts";
import { TailReader } from "./tail-reader.ts";
import { runToItsEnd, type RunOptions } from "./to-its-end.ts";
import { Watch } from "./watch.ts";
import { World } from "./world.ts";

export interface RunResult {
  readonly seed: number;
  readonly failure: string | null;
  readonly traceHash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly faults: number;
  readonly counts: Readonly<Record<string, number>>;
}

/** Everything has to be back in sync within this after the last fault. */
const CONVERGE_MS = 180_000;
/** If the last in-sync replica has lost its storage, an operator elects another after this. */
const HELP_MS = 40_000;
/** Purges are repeated, and less and less often while they fail. */
const SETTLE_MS = 900_000;
/** While idle, nothing may be called for so long. */
const IDLE_MS = 60_000;

export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const run = new SimRun(seed, options);
  await runToItsEnd(run.world, options, () => run.all());
  return run.result();
}

class SimRun {
  readonly world: World;
  readonly #profile: Profile;
  readonly #cluster: Cluster;
  readonly #watch: Watch;
  readonly #operator: Operator;
  readonly #faults: Faults;
  readonly #plan: readonly Fault[];
  readonly #history = new History();
  readonly #producers: Producer[] = [];
  readonly #consumers: Consumer[] = [];
  readonly #tails: TailReader[] = [];
  #isCalling = true;

  constructor(seed: number, options: RunOptions) {
    this.world = new World(seed);
    this.#profile = profileOf(seed);
    this.#cluster = new Cluster(this.world, this.#profile.settings);
    this.#watch = new Watch(this.#cluster);
    this.#watch.decisions.allowsUnclean = this.#profile.hasUnclean;
    const random = this.world.random("found");
    this.#watch.onDamageFound = (cell) => {
      // Often it forgets at once whatever is only in memory.
      const delayMs = random.between(0, 500);
      if (random.chance(0.5)) this.world.scheduler.after(delayMs, () => cell.reset("lost"));
    };
    this.#history.isLossy = (log) => this.#watch.truth(log).isLossy;
    this.#operator = new Operator(this.#watch);
    this.#faults = new Faults(this.#cluster, this.#operator, this.#watch);
    this.#plan = planFaults(seed, this.#profile).slice(0, options.faults ?? Infinity);
  }

  async all(): Promise<void> {
    const { scheduler } = this.world;
    const { durationMs } = this.#profile;
    void this.#operator.createTopic(this.#profile);
    this.#startClients();
    for (const fault of this.#plan) {
      scheduler.after(fault.atMs, () => this.#faults.inject(fault));
    }
    if (this.#profile.deletesTopic) scheduler.after(durationMs * 0.6, () => void this.#recreate());
    await scheduler.run(durationMs);
    this.#faults.heal();
    scheduler.trace("healed");
    for (const producer of this.#producers) producer.isStopped = true;
    void this.#operator.callOffMoves().then(() => this.#operator.unfenceAll());
    void this.#callLeaders();
    const untilMs = durationMs + CONVERGE_MS;
    // A broker may be fenced before anybody has noticed that the leader's storage is lost or damaged: then only that leader
    // is in the set.
    const { hasStorageLoss, hasRot, hasSealing } = this.#profile;
    const mayLoseLast = hasStorageLoss || hasRot || hasSealing;
    await scheduler.run(mayLoseLast ? durationMs + HELP_MS : untilMs, () => this.#hasConverged());
    if (mayLoseLast && !this.#hasConverged()) this.#recover();
    await scheduler.run(untilMs, () => this.#hasConverged());
    this.#isCalling = false;
    for (const consumer of this.#consumers) consumer.isStopped = true;
    const areAtEnd = (): boolean => this.#tails.every((tail) => tail.isAtEnd);
    // A leader that was moved away while it was cut off keeps its tails until the controller reaches it. The last append of
    // the operator may still be in flight.
    const isWell = (): boolean => areAtEnd() && this.#hasConverged();
    await scheduler.run(scheduler.nowMs + SETTLE_MS, isWell);
    for (const tail of this.#tails) tail.isStopped = true;
    this.world.expect(areAtEnd(), () => `21: a tail lacks committed records: ${this.#state()}`);
    this.world.expect(this.#hasConverged(), () => `21: it does not heal: ${this.#state()}`);
    this.#faults.unseal();
    await this.#rotate();
    await this.#idle();
    if (this.world.failure === null)
      await checkAtEnd(this.#watch, this.#history, this.#operator.router, this.#profile);
  }

  result(): RunResult {
    const { world } = this;
    const { elections, uncleanElections, shrinks, expands } = this.#watch.decisions;
    for (const [kind, count] of Object.entries({ elections, uncleanElections, shrinks, expands })) {
      world.count(`: ${kind}`, count);
    }
    return {
      seed: world.seed,
      failure: world.failure,
      traceHash: world.scheduler.traceHash,
      simulatedMs: Math.round(world.scheduler.nowMs),
      events: world.scheduler.events,
      operations: this.#history.operations,
      acknowledged: this.#history.batches.filter(({ outcome }) => outcome === "ok").length,
      faults: this.#plan.length,
      counts: Object.fromEntries(world.counts),
    };
  }

  #startClients(): void {
    const fail = (what: string): void => this.world.fail(what);
    const { producers, consumers } = this.#profile;
    for (const options of producers) {
      const { name, place, isDuplicated } = options;
      const router = new Router(this.#cluster, name, place, TOPIC, !isDuplicated);
      const random = this.world.random(options.name);
      this.#producers.push(new Producer(router, this.#history, random, fail, options));
    }
    for (const options of consumers) {
      const router = new Router(this.#cluster, options.name, options.place, TOPIC);
      const random = this.world.random(options.name);
      this.#consumers.push(new Consumer(router, this.#history, random, this.#watch, options));
    }
    for (const options of this.#profile.tails) {
      const router = new Router(this.#cluster, options.name, options.place, TOPIC, true);
      const random = this.world.random(options.name);
      this.#tails.push(new TailReader(router, random, this.#watch, options));
    }
    for (const client of [...this.#producers, ...this.#consumers, ...this.#tails]) {
      void client.run();
    }
  }

  async #recreate(): Promise<void> {
    await this.#operator.deleteTopic();
    this.world.count("topics deleted");
    await this.#operator.createTopic(this.#profile);
  }

  /** A missing replica is noticed by whoever calls it: calls replicas until everything has converged. */
  async #callLeaders(): Promise<void> {
    const { scheduler } = this.world;
    let round = 0;
    while (this.#isCalling) {
      for (let partition = 0; partition < this.#profile.partitions; partition++) {
        await this.#operator.ask(partition);
        if (this.#profile.hasRot) await this.#scrub(partition);
        // A leader notices that a follower has lost its storage when there is something to tell it.
        const { hasStorageLoss, hasRot, hasSealing } = this.#profile;
        const isHurt = hasStorageLoss || hasRot || hasSealing;
        if (isHurt && round % 8 === 0) await this.#operator.write(partition);
      }
      round += 1;
      await scheduler.sleep(1_000);
    }
  }

  /** Damage is found by whoever reads it: reads every replica. */
  async #scrub(partition: number): Promise<void> {
    const topic = this.#watch.metadata?.topics[0];
    if (!topic) return;
    const truth = this.#watch.truth(`${topic.topicId}/${partition}`);
    for (const { brokerId } of topic.partitions[partition]?.replicas ?? []) {
      const mirror = truth.mirrorOf(brokerId);
      if (!mirror?.damaged || !mirror.isRotten) continue;
      const offset = Math.max(mirror.damaged.row.base_offset, mirror.state!.logStartOffset);
      await this.#operator.read(partition, brokerId, offset);
    }
  }

  /**
   * What only an operator may decide: has a replica lead that is not in sync, if no other can (KIP-903), and gives up
   * records that the only in-sync replica has damaged.
   */
  #recover(): void {
    this.#watch.decisions.allowsUnclean = true;
    const topic = this.#watch.metadata?.topics[0];
    for (const { partition, leader, inSync } of topic?.partitions ?? []) {
      const truth = this.#watch.truth(`${topic!.topicId}/${partition}`);
      const mirror = truth.mirrorOf(leader);
      const isUnopened = mirror !== null && this.#cluster.cell(mirror.name).isUnopened;
      // Damage that nobody had read when the others left the set: what is damaged may be in no other replica.
      if (inSync.length === 1 && mirror?.damaged && mirror.isRotten) {
        const { last_offset } = mirror.damaged.row;
        this.world.count("recoveries by an operator");
        void this.#operator.deleteBefore(partition, () => last_offset + 1);
        continue;
      }
      const isLost = leader < 0 || isUnopened || mirror?.state?.wasReset === true;
      if (!isLost) continue;
      this.world.count("recoveries by an operator");
      void this.#operator.elect(partition / 1_000, "unclean");
    }
  }

  /** Whether every replica is in sync and equal to its leader, and every committed record is everywhere. */
  #hasConverged(): boolean {
    const topic = this.#watch.metadata?.topics[0];
    if (!topic || !this.#producers.every((producer) => producer.isIdle)) return false;
    return topic.partitions.every((partition) => {
      if (partition.leader < 0 || partition.inSync.length < partition.replicas.length) return false;
      if (partition.adding || partition.removing) return false;
      const truth = this.#watch.truth(`${topic.topicId}/${partition.partition}`);
      const mirrors = partition.replicas.map(({ brokerId }) => truth.mirrorOf(brokerId));
      const leader = truth.mirrorOf(partition.leader);
      return (
        leader !== null &&
        (truth.committedEnd === leader.endOffset || truth.isLossy) &&
        mirrors.every(
          (mirror) =>
            mirror?.endOffset === leader.endOffset &&
            !mirror.isRotten &&
            !this.#watch.isGivenUp(mirror),
        )
      );
    });
  }

  /** Checks the state of producers on each replica, by having it lead (16, 17). */
  async #rotate(): Promise<void> {
    const { scheduler } = this.world;
    const look = async (): Promise<void> => {
      for (let partition = 0; partition < this.#profile.partitions; partition++) {
        await this.#operator.ask(partition);
      }
      for (const producer of this.#producers) await producer.repeatLast();
    };
    await this.#cluster.until(this.#operator.rotate(look));
    await scheduler.run(scheduler.nowMs + CONVERGE_MS, () => this.#hasConverged());
    this.world.expect(this.#hasConverged(), () => `21: it does not settle: ${this.#state()}`);
  }

  /** While there is nothing to do, there are no calls and no rows written. */
  async #idle(): Promise<void> {
    const { scheduler } = this.world;
    // Deliveries and purges finish first.
    await scheduler.run(scheduler.nowMs + SETTLE_MS, () => this.#watch.isDelivered);
    this.world.expect(this.#watch.isDelivered, () => "idle: the controller goes on and on");
    await scheduler.run(scheduler.nowMs + IDLE_MS);
    if (this.#profile.configs["retention.ms"] !== "-1") return;
    const calls = this.world.network.calls;
    const writes = this.world.writes;
    await scheduler.run(scheduler.nowMs + IDLE_MS);
    const called = this.world.network.calls - calls;
    const wrote = this.world.writes - writes;
    this.world.expect(
      called === 0 && wrote === 0,
      () => `idle: ${called} calls and ${wrote} writes in a minute`,
    );
  }

  #state(): string {
    const topic = this.#watch.metadata?.topics[0];
    const logs = topic?.partitions.map((partition) => {
      const truth = this.#watch.truth(`${topic.topicId}/${partition.partition}`);
      const ends = partition.replicas.map(({ brokerId }) => {
        const mirror = truth.mirrorOf(brokerId);
        return `${brokerId}: ${mirror?.endOffset}${mirror?.state?.wasReset ? " was reset" : ""}${mirror?.isRotten ? " is rotten" : ""}`;
      });
      const { leader, leaderEpoch, inSync } = partition;
      return `leader ${leader} epoch ${leaderEpoch} in sync [${inSync}] committed ${truth.committedEnd} ends {${ends.join(", ")}}`;
    });
    const busy = this.#producers.filter((producer) => !producer.isIdle).length;
    return `${logs?.join("; ") ?? "no topic"}; ${busy} producers busy`;
  }
}
