/**
 * One seed of a consumer group from beginning to end: members, producers and faults; then no more faults, until every
 * partition has an owner and nothing is left to read; then all members go silent and have to be removed. The same seed
 * gives the same trace.
 */
import {
  assignmentBytes,
  flat,
  partitionsOf,
} from "../../../src/objects/coordinator/groups/assignments.ts";
import type { GroupDescription } from "../../../src/objects/contracts/group.ts";
import type { Cell } from "../cell.ts";
import { Cluster, CONTROLLER_PLACE } from "../cluster.ts";
import { Random } from "../random.ts";
import type { RunResult } from "../run.ts";
import { runToItsEnd, type RunOptions } from "../to-its-end.ts";
import { World } from "../world.ts";
import { ClassicClient } from "./classic-client.ts";
import { atOf, GroupWatch, type At } from "./group-watch.ts";
import { InstanceClient } from "./instance-client.ts";
import { Partitions } from "./partitions.ts";
import { groupProfileOf, type GroupProfile } from "./profile.ts";

const GROUP = "g";
/** Every partition has to have an owner, and everything has to be read, within this after the last fault. */
const CONVERGE_MS = 180_000;
/** Silent members have to be removed within this. */
const SILENCE_MS = 240_000;
/** Time in which the deleted topic's storage is purged. */
const SETTLE_MS = 90_000;
const MINUTE_MS = 60_000;
const IDLE_MINUTES_MAX = 5;
const OPERATOR_PLACE = 9;
const TOPICS = ["t0", "t1"];

/** How often each kind of fault is drawn. */
const WEIGHTS = {
  reset: 14,
  evict: 12,
  supersede: 6,
  "reset controller": 3,
  "reset partition": 4,
  isolate: 5,
  losses: 5,
  duplicates: 4,
  "slow place": 4,
  "slow disk": 3,
  "a client dies": 7,
  "a client leaves": 5,
  "a client comes": 12,
  "partitions are added": 2,
  "a topic comes": 3,
} as const;

interface GroupFault {
  readonly atMs: number;
  readonly kind: keyof typeof WEIGHTS;
  readonly lastsMs: number;
  readonly x: number;
}

type Client = InstanceClient | ClassicClient;

export async function runGroupSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const run = new GroupRun(seed, options);
  await runToItsEnd(run.world, options, () => run.all());
  return run.result();
}

class GroupRun {
  readonly world: World;
  readonly #profile: GroupProfile;
  readonly #cluster: Cluster;
  readonly #cell: Cell;
  readonly #watch: GroupWatch;
  readonly #operator: Partitions;
  readonly #plan: readonly GroupFault[];
  readonly #clients: Client[] = [];
  /** Partitions that were added after the group's first member. */
  readonly #added = new Set<At>();
  readonly #counts = new Map<string, number>();
  readonly #lasting = new Set<() => void>();
  #names = 0;
  #isProducing = true;

  constructor(seed: number, options: RunOptions) {
    this.world = new World(seed);
    this.#profile = groupProfileOf(seed);
    this.#cluster = new Cluster(this.world, this.#profile.settings);
    this.#cell = this.#cluster.group(GROUP, this.#profile.groupPlace);
    this.#watch = new GroupWatch(this.#cluster, this.#cell);
    this.#watch.isNew = (at) => this.#added.has(at);
    this.#operator = new Partitions(this.#cluster, "operator", OPERATOR_PLACE);
    this.#plan = this.#planFaults(seed).slice(0, options.faults ?? Infinity);
  }

  async all(): Promise<void> {
    const { scheduler } = this.world;
    const { durationMs, clients, partitions } = this.#profile;
    await this.#cluster.until(this.#createTopic("t0", partitions));
    this.#added.clear();
    for (let i = 0; i < clients; i++) this.#enter();
    for (const fault of this.#plan) scheduler.after(fault.atMs, () => this.#inject(fault));
    void this.#produce();
    await scheduler.run(scheduler.nowMs + durationMs);
    for (const undo of [...this.#lasting]) undo();
    this.world.weather.clear();
    scheduler.trace("healed");
    this.#isProducing = false;
    if (!this.#clients.some(({ isStopped }) => !isStopped)) this.#enter();
    await this.#converge();
    this.#expectNothingSkipped();
    await this.#anew();
    await this.#silence();
  }

  async #converge(): Promise<void> {
    const { scheduler } = this.world;
    const untilMs = scheduler.nowMs + CONVERGE_MS;
    while (scheduler.nowMs < untilMs) {
      if (await this.#hasConverged()) return;
      await scheduler.run(scheduler.nowMs + 500);
    }
    this.world.fail(`21: it does not heal: ${await this.#state()}`);
  }

  #expectNothingSkipped(): void {
    const image = this.#watch.imageOf(this.#cell);
    if (image) this.#watch.expectNothingSkipped(image);
  }

  /**
   * Deletes the topic and creates it again while the group has commits for it: members that read on, and new ones, have
   * to read every record of the new topic.
   */
  async #anew(): Promise<void> {
    const { scheduler } = this.world;
    const partitions = this.#counts.get("t0")!;
    // A client of Kafka's protocol keeps positions in its own memory: another one takes its place.
    for (const client of this.#clients) if (client instanceof ClassicClient) client.crash();
    await this.#cluster.until(this.#createAnew(partitions));
    if (!this.#clients.some(({ isStopped }) => !isStopped)) this.#enter();
    for (let partition = 0; partition < partitions; partition++) {
      const isEmpty = async () =>
        ((await this.#cluster.until(this.#operator.end("t0", partition, "latest"))) ?? 0) === 0;
      while (await isEmpty()) {
        await this.#cluster.until(this.#operator.append("t0", partition, ["a", "b", "c"]));
        await scheduler.run(scheduler.nowMs + 200);
      }
    }
    await this.#converge();
    this.#expectNothingSkipped();
  }

  async #createAnew(partitions: number): Promise<void> {
    this.#watch.createdAnew("t0", "");
    while ((await this.#controller("deleteTopic", "t0")) === null) {
      await this.world.scheduler.sleep(200);
    }
    await this.#createTopic("t0", partitions);
    let topicId: string | null = null;
    while (topicId === null) {
      topicId = await this.#operator.topicId("t0");
      await this.world.scheduler.sleep(50);
    }
    this.#watch.createdAnew("t0", topicId);
  }

  result(): RunResult {
    const { world } = this;
    world.count(": generations", this.#watch.rebalances);
    world.count(": records processed", this.#watch.processedCount);
    return {
      seed: world.seed,
      failure: world.failure,
      traceHash: world.scheduler.traceHash,
      simulatedMs: Math.round(world.scheduler.nowMs),
      events: world.scheduler.events,
      operations: this.#watch.operations,
      acknowledged: 0,
      faults: this.#plan.length,
      counts: Object.fromEntries(world.counts),
    };
  }

  #planFaults(seed: number): GroupFault[] {
    const random = new Random(seed, "group faults");
    const faults: GroupFault[] = [];
    let atMs = 1_000;
    for (;;) {
      atMs += random.chance(0.3)
        ? random.between(1, 200)
        : random.between(0, 2 * this.#profile.faultPauseMs);
      if (atMs > this.#profile.durationMs) return faults;
      faults.push({
        atMs,
        kind: random.weighted(WEIGHTS),
        lastsMs: random.pick([300, 2_000, 9_000]) + random.below(1_000),
        x: random.below(1_000_000) / 1_000_000,
      });
    }
  }

  #enter(): void {
    const { kind } = this.#profile;
    this.#names += 1;
    const name = `c${this.#names}`;
    const random = this.world.random(`kind ${name}`);
    const isClassic = kind === "classic" || (kind === "mixed" && random.chance(0.5));
    const options = {
      name,
      place: random.between(1, 3),
      pauseMs: random.pick([50, 200, 200, 900]),
    };
    const client = isClassic
      ? new ClassicClient(this.#cluster, this.#cell, this.#watch, this.#profile, options)
      : new InstanceClient(this.#cluster, this.#cell, this.#watch, this.#profile, options);
    this.#clients.push(client);
    void client.run();
  }

  #inject(fault: GroupFault): void {
    this.world.scheduler.trace(`fault ${fault.kind}`);
    if (this.#apply(fault)) this.world.count(fault.kind);
  }

  #apply({ kind, x, lastsMs }: GroupFault): boolean {
    const { weather } = this.world;
    const unconfirmed = x < 0.6 ? "lost" : "kept";
    const place = 1 + Math.floor(x * 3);
    switch (kind) {
      case "reset":
        this.#cell.reset(unconfirmed);
        return true;
      case "evict":
        return this.#cell.evict();
      case "supersede":
        this.#cell.supersede(unconfirmed, lastsMs);
        return true;
      case "reset controller":
        this.#cluster.controller.reset(unconfirmed);
        return true;
      case "reset partition": {
        const cells = [...this.#cluster.cells.values()];
        cells[Math.floor(x * cells.length)]?.reset(unconfirmed);
        return true;
      }
      case "isolate":
        return this.#isolate(place, lastsMs);
      case "losses":
        return this.#during(
          lastsMs,
          () => (weather.losses = 0.02 + x * 0.3),
          () => (weather.losses = 0),
        );
      case "duplicates":
        return this.#during(
          lastsMs,
          () => (weather.duplicates = 0.05 + x * 0.3),
          () => (weather.duplicates = 0),
        );
      case "slow place":
        return this.#during(
          lastsMs,
          () => weather.slowPlaces.add(place),
          () => weather.slowPlaces.delete(place),
        );
      case "slow disk":
        return this.#during(
          lastsMs,
          () => weather.slowDisks.add(place),
          () => weather.slowDisks.delete(place),
        );
      default:
        return this.#change(kind, x);
    }
  }

  #change(kind: GroupFault["kind"], x: number): boolean {
    const living = this.#clients.filter(({ isStopped }) => !isStopped);
    const victim = living[Math.floor(x * living.length)];
    switch (kind) {
      case "a client dies":
        victim?.crash();
        return victim !== undefined;
      case "a client leaves":
        void victim?.close();
        return victim !== undefined;
      case "a client comes":
        if (living.length >= 5) return false;
        this.#enter();
        return true;
      case "partitions are added":
        void this.#addPartitions();
        return true;
      case "a topic comes":
        if (this.#counts.has("t1")) return false;
        void this.#createTopic("t1", 1 + Math.floor(x * 2));
        return true;
      default:
        throw new Error(`no such fault: ${kind}`);
    }
  }

  #isolate(place: number, lastsMs: number): boolean {
    const { weather } = this.world;
    const pairs = [CONTROLLER_PLACE, 1, 2, 3]
      .filter((other) => other !== place)
      .flatMap((other) => [[place, other] as const, [other, place] as const]);
    return this.#during(
      lastsMs,
      () => pairs.forEach(([from, to]) => weather.cut(from, to)),
      () => pairs.forEach(([from, to]) => weather.heal(from, to)),
    );
  }

  #during(lastsMs: number, begin: () => unknown, end: () => unknown): boolean {
    begin();
    const undo = (): void => {
      if (this.#lasting.delete(undo)) end();
    };
    this.#lasting.add(undo);
    this.world.scheduler.after(lastsMs, undo);
    return true;
  }

  /** It counts as new from the request on, because it is not always known when the topic was created. */
  async #createTopic(topic: string, partitions: number): Promise<void> {
    this.#counts.set(topic, 0);
    for (let p = 0; p < partitions; p++) this.#added.add(atOf(topic, p));
    const spec = { topic, partitions, replicationFactor: 1 };
    while ((await this.#controller("createTopic", spec)) === null) {
      await this.world.scheduler.sleep(200);
    }
    this.#counts.set(topic, partitions);
  }

  async #addPartitions(): Promise<void> {
    const before = this.#counts.get("t0")!;
    if (before >= 6) return;
    this.#counts.set("t0", before + 1);
    this.#added.add(atOf("t0", before));
    while ((await this.#controller("createPartitions", "t0", before + 1)) === null) {
      await this.world.scheduler.sleep(200);
    }
  }

  #controller(method: string, ...args: readonly unknown[]) {
    return this.#operator.router("t0").ask(this.#cluster.controller, method, args, 25_000);
  }

  async #produce(): Promise<void> {
    const random = this.world.random("produce");
    let n = 0;
    while (this.#isProducing) {
      await this.world.scheduler.sleep(random.between(20, 300));
      const topic = random.pick([...this.#counts.keys()]);
      const count = this.#counts.get(topic)!;
      if (count === 0) continue;
      const values = Array.from({ length: random.between(1, 4) }, () => `v${n++}`);
      await this.#operator.append(topic, random.below(count), values);
    }
  }

  /** Whether every partition has a live owner, and everything in it is committed. */
  async #hasConverged(): Promise<boolean> {
    const image = this.#watch.imageOf(this.#cell);
    if (!image || !image.isAssigned) return false;
    const living = new Set(
      this.#clients.filter(({ isAlive }) => isAlive).map(({ memberId }) => memberId),
    );
    const owned = new Set<At>();
    for (const [memberId, stored] of image.assignments) {
      if (!living.has(memberId)) return false;
      for (const { topic, partition } of flat(partitionsOf(assignmentBytes(stored)))) {
        owned.add(atOf(topic, partition));
      }
    }
    const counts = await this.#cluster.until(this.#operator.counts(TOPICS));
    const committedOf = new Map(
      this.#watch.livingCommits(image).map(([topic, p, offset]) => [atOf(topic, p), offset]),
    );
    if (!counts || image.revoking.size > 0) return false;
    for (const [topic, count] of counts) {
      for (let partition = 0; partition < count; partition++) {
        if (!owned.has(atOf(topic, partition))) return false;
        const end = await this.#cluster.until(this.#operator.end(topic, partition, "latest"));
        const committed = committedOf.get(atOf(topic, partition)) ?? 0;
        const start = this.#watch.starts.get(atOf(topic, partition)) ?? 0;
        if (end === null || (committed < end && end > start)) return false;
      }
    }
    return true;
  }

  /** All members go silent, and the object is evicted whenever it can be: it has to remove them nevertheless. */
  async #silence(): Promise<void> {
    const { scheduler } = this.world;
    for (const client of this.#clients) client.crash();
    const untilMs = scheduler.nowMs + SILENCE_MS;
    let state = "";
    while (scheduler.nowMs < untilMs && state !== "Empty") {
      await scheduler.run(scheduler.nowMs + 1_000);
      this.#cell.evict();
      const described = await this.#cluster.until(this.#describe());
      state = described?.state ?? "";
      this.#cell.evict();
    }
    this.world.expect(state === "Empty", () => `21: silent members stay: the group is ${state}`);
    // The alarm of the last session may still be due; it finds no member.
    await scheduler.run(scheduler.nowMs + SETTLE_MS);
    let did = -1;
    // The controller may still be purging replicas of a deleted topic, with pauses that grow to a minute.
    for (let minute = 0; minute < IDLE_MINUTES_MAX && did !== 0; minute++)
      did = await this.#aMinute();
    this.world.expect(did === 0, () => `idle: an empty group writes or calls ${did} times`);
  }

  /** Rows written and calls made in a minute without requests. */
  async #aMinute(): Promise<number> {
    const { scheduler, network } = this.world;
    const before = this.world.writes + network.calls;
    await scheduler.run(scheduler.nowMs + MINUTE_MS);
    return this.world.writes + network.calls - before;
  }

  async #describe(): Promise<GroupDescription | null> {
    const router = this.#operator.router("t0");
    const answer = await router.ask<GroupDescription>(this.#cell, "describeGroup", [], 5_000);
    return answer?.ok === true ? answer : null;
  }

  async #state(): Promise<string> {
    const ends: string[] = [];
    for (const [topic, count] of this.#counts) {
      for (let p = 0; p < count; p++) {
        const end = await this.#cluster.until(this.#operator.end(topic, p, "latest"));
        ends.push(`${atOf(topic, p)}=${end}`);
      }
    }
    const image = this.#watch.imageOf(this.#cell);
    if (!image) return "the group sleeps";
    const members = [...image.assignments].map(([memberId, stored]) => {
      const partitions = flat(partitionsOf(assignmentBytes(stored)));
      return `${memberId}: ${partitions.map((one) => atOf(one.topic, one.partition)).join(" ")}`;
    });
    const committed = image.offsets
      .entries()
      .map(([t, p, { offset }]) => `${atOf(t, p)}=${offset}`);
    const living = this.#clients.filter(({ isAlive }) => isAlive).map(({ memberId }) => memberId);
    return `${this.#profile.kind} ${image.protocolName}, generation ${image.generationId}, assigned ${image.isAssigned}, {${members.join("; ")}} revoking ${image.revoking.size}, committed ${committed.join(" ")}, ends ${ends.join(" ")}, living ${living.join(" ")}`;
  }
}
