/**
 * Injects the faults of a plan (fault-plan.ts). Each fault chooses its victims, by numbers drawn with it, among what exists
 * when it happens.
 */
import type { PartitionMetadata } from "../../src/objects/contracts/controller.ts";
import type { Cell } from "./cell.ts";
import { CONTROLLER_PLACE, type Cluster } from "./cluster.ts";
import type { Damage } from "./disk.ts";
import type { Fault } from "./fault-plan.ts";
import type { Mirror } from "./mirror.ts";
import type { Operator } from "./operator.ts";
import type { Watch } from "./watch.ts";

export class Faults {
  readonly #cluster: Cluster;
  readonly #operator: Operator;
  readonly #watch: Watch;
  /** How to undo the faults that last, when the cluster is to heal. */
  readonly #lasting = new Set<() => void>();

  constructor(cluster: Cluster, operator: Operator, watch: Watch) {
    this.#cluster = cluster;
    this.#operator = operator;
    this.#watch = watch;
  }

  inject(fault: Fault): void {
    const { world } = this.#cluster;
    world.scheduler.trace(`fault ${fault.kind}`);
    if (this.#apply(fault)) world.count(fault.kind);
  }

  /** Storage that does not open is removed by somebody, so that its object can be purged. */
  unseal(): void {
    for (const cell of this.#cluster.cells.values()) cell.isUnopened = false;
  }

  /** Ends every fault that lasts. */
  heal(): void {
    for (const undo of [...this.#lasting]) undo();
    this.#cluster.world.network.onDeparture = null;
    this.#cluster.world.weather.clear();
  }

  /** False if there was no victim. */
  #apply(fault: Fault): boolean {
    const { weather } = this.#cluster.world;
    const { kind, x, y } = fault;
    const place = 1 + Math.floor(x * 3);
    switch (kind) {
      case "reset":
        return this.#reset(this.#object(x), y);
      case "reset leader":
        return this.#reset(this.#leader(x), y);
      case "reset while asking":
        return this.#resetAsking(y);
      case "reset controller":
        return this.#reset(this.#cluster.controller, y);
      case "evict":
        return this.#object(x)?.evict() ?? false;
      case "supersede":
        return this.#supersede(y < 0.5 ? this.#leader(x) : this.#object(x), fault);
      case "supersede controller":
        return this.#supersede(this.#cluster.controller, fault);
      case "cut":
        return this.#cut(
          [
            [place, this.#other(place, y)],
            [this.#other(place, y), place],
          ],
          fault,
        );
      case "one-way cut":
        return this.#cut([[place, this.#other(place, y)]], fault);
      case "isolate":
        return this.#isolate(place, fault);
      case "isolate leader": {
        const leader = this.#leader(x);
        return leader !== null && this.#isolate(leader.place, fault);
      }
      case "losses":
        return this.#during(
          fault,
          () => (weather.losses = 0.02 + y * 0.3),
          () => (weather.losses = 0),
        );
      case "duplicates":
        return this.#during(
          fault,
          () => (weather.duplicates = 0.05 + y * 0.3),
          () => (weather.duplicates = 0),
        );
      case "slow place":
        return this.#during(
          fault,
          () => weather.slowPlaces.add(place),
          () => weather.slowPlaces.delete(place),
        );
      case "slow disk":
        return this.#during(
          fault,
          () => weather.slowDisks.add(place),
          () => weather.slowDisks.delete(place),
        );
      case "clock jump":
        this.#cluster.world.jumpClock(Math.floor(x * 4), Math.floor(y * 30_000));
        return true;
      default:
        return this.#operate(fault);
    }
  }

  #operate(fault: Fault): boolean {
    const { kind, x, y, lastsMs } = fault;
    const operator = this.#operator;
    const place = 1 + Math.floor(x * 3);
    switch (kind) {
      case "fence":
      case "drain":
        return this.#during(
          fault,
          () => void operator.change(place, kind),
          () => void operator.change(place, "unfence"),
        );
      case "elect preferred":
        return operator.elect(x, "preferred");
      case "elect unclean":
        return operator.elect(x, "unclean");
      case "reassign":
        return operator.reassign(x, y, lastsMs);
      case "register broker":
        return operator.register();
      case "alter min.insync.replicas":
        return operator.alter("min.insync.replicas", y < 0.5 ? "1" : "2");
      case "alter segments":
        return operator.alter("segment.bytes", y < 0.5 ? "1024" : "100000");
      case "delete records":
        return operator.deleteRecords(x, y);
      case "lose storage":
        return this.#loseStorage(x);
      case "flip a bit":
        return this.#rot(x, y, "flipped bit");
      case "lose a row":
        return this.#rot(x, y, "lost row");
      case "seal storage":
        return this.#seal(x);
      default:
        throw new Error(`no such fault: ${kind}`);
    }
  }

  #reset(cell: Cell | null, y: number): boolean {
    if (!cell?.current) return false;
    cell.reset(y < 0.6 ? "lost" : "kept");
    return true;
  }

  /** The next leader that asks for another in-sync set is reset before it is answered. */
  #resetAsking(y: number): boolean {
    const { network, scheduler } = this.#cluster.world;
    network.onDeparture = (message) => {
      if (message.method !== "alterInSync" || message.leg !== "request") return;
      network.onDeparture = null;
      scheduler.after(Math.floor(y * 20), () => this.#cluster.cell(message.from).reset("lost"));
    };
    return true;
  }

  #supersede(cell: Cell | null, { y, lastsMs }: Fault): boolean {
    if (!cell?.current) return false;
    cell.supersede(y < 0.6 ? "lost" : "kept", lastsMs);
    return true;
  }

  #cut(pairs: readonly (readonly number[])[], fault: Fault): boolean {
    const { weather } = this.#cluster.world;
    return this.#during(
      fault,
      () => pairs.forEach(([from, to]) => weather.cut(from!, to!)),
      () => pairs.forEach(([from, to]) => weather.heal(from!, to!)),
    );
  }

  #isolate(place: number, fault: Fault): boolean {
    const others = [0, 1, 2, 3, 4].filter((other) => other !== place);
    const pairs = others.flatMap((other) => [
      [place, other],
      [other, place],
    ]);
    return this.#cut(pairs, fault);
  }

  #during(fault: Fault, begin: () => unknown, end: () => unknown): boolean {
    begin();
    const undo = (): void => {
      if (this.#lasting.delete(undo)) end();
    };
    this.#lasting.add(undo);
    this.#cluster.world.scheduler.after(fault.lastsMs, undo);
    return true;
  }

  /** Another place: a broker's or the controller's. */
  #other(place: number, y: number): number {
    const others = [CONTROLLER_PLACE, 1, 2, 3].filter((other) => other !== place);
    return others[Math.floor(y * others.length)]!;
  }

  #object(x: number): Cell | null {
    const awake = [...this.#cluster.cells.values()].filter((cell) => cell.current !== null);
    return awake[Math.floor(x * awake.length)] ?? null;
  }

  #leader(x: number): Cell | null {
    const found = this.#partition(x);
    if (!found) return null;
    const { log, partition } = found;
    const leader = partition.replicas.find(({ brokerId }) => brokerId === partition.leader);
    return leader ? this.#cluster.cell(`${log}/${leader.brokerId}/${leader.generation}`) : null;
  }

  #loseStorage(x: number): boolean {
    const mirror = this.#victim(x);
    if (!mirror) return false;
    mirror.isLost = true;
    mirror.verifiedTo = 0;
    this.#cluster.cell(mirror.name).wipe();
    return true;
  }

  /**
   * The storage of one replica does not open any more; not of a replica that has never confirmed anything, which the
   * controller gives no other object, since it cannot know whether any would open.
   */
  #seal(x: number): boolean {
    const mirror = this.#victim(x);
    if (!mirror || !this.#watch.hasConfirmed(mirror)) return false;
    mirror.isLost = true;
    mirror.verifiedTo = 0;
    this.#cluster.cell(mirror.name).seal();
    return true;
  }

  /**
   * Damages a committed chunk of one replica: any, often the first, but not the last, since nothing has to tell that the
   * log went on there. The object is evicted first, so that nothing is in memory, or remembered as verified.
   */
  #rot(x: number, y: number, damage: Damage): boolean {
    const mirror = this.#victim(x);
    if (!mirror) return false;
    const logStart = mirror.state?.logStartOffset ?? 0;
    const { rows, verifiedTo } = mirror;
    const committed = rows.filter(
      ({ base_offset, last_offset }) => base_offset >= logStart && last_offset < verifiedTo,
    );
    const index = Math.floor(Math.max(0, y * 1.25 - 0.25) * (committed.length - 1));
    const row = committed[index];
    const next = committed[index + 1];
    if (!row || !next) return false;
    const cell = this.#cluster.cell(mirror.name);
    cell.reset("lost");
    this.#cluster.world.scheduler.trace(`${damage} at ${row.base_offset} of ${mirror.name}`);
    mirror.damaged = { row, next };
    cell.disk.rot(row.base_offset, damage, (y * 7919) % 1);
    return true;
  }

  /** One replica at a time, and never the last that has everything committed. */
  #victim(x: number): Mirror | null {
    const found = this.#partition(x);
    if (!found) return null;
    const { log, partition } = found;
    const truth = this.#watch.truth(log);
    const mirrors = [...truth.mirrors.values()].filter((mirror) => mirror.exists);
    const isHurt = ({ isLost, isRotten, state }: Mirror): boolean =>
      isLost || isRotten || state?.wasReset === true;
    if (mirrors.some(isHurt)) return null;
    const victim = partition.replicas[Math.floor(x * 7919) % partition.replicas.length]!;
    const mirror = truth.mirrorOf(victim.brokerId);
    const isSafe = partition.inSync.some((id) => {
      const survivor = id === victim.brokerId ? null : truth.mirrorOf(id);
      return survivor?.exists && survivor.verifiedTo >= truth.committedEnd;
    });
    return mirror?.exists && isSafe ? mirror : null;
  }

  #partition(x: number): { log: string; partition: PartitionMetadata } | null {
    const topic = this.#watch.metadata?.topics[0];
    const partition = topic?.partitions[Math.floor(x * 1_000) % topic.partitions.length];
    return topic && partition
      ? { log: `${topic.topicId}/${partition.partition}`, partition }
      : null;
  }
}
