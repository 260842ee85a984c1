/**
 * A simulated Durable Object: a disk, and the instances of the rules that run on it one after the other. Models what the
 * platform does to objects: it wakes them up, evicts them, resets them in the middle of a call, starts a new instance
 * while the code of the old one still runs, and delivers alarms at least once. Knows no rule of any object.
 */
import { Disk, Superseded, type DiskHandle, type Unconfirmed } from "./disk.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Weather } from "./weather.ts";

/** The rules of one object, as its shell calls them. */
export interface Rules {
  call(method: string, args: readonly unknown[]): unknown;
  alarm(): unknown;
}

/** How a call ends for its caller: with an answer, or without. */
export interface Reply {
  readonly answer: (value: unknown) => void;
  readonly fail: (error: Error) => void;
}

/** A call that was cut off: whether it took effect is not known. */
export class CallLost extends Error {
  override readonly name = "CallLost";
}

/** The object cannot be constructed: its storage does not open. */
export class Unopened extends Error {
  override readonly name = "Unopened";
}

/** What a cell needs of its world. */
export interface Surroundings {
  readonly scheduler: Scheduler;
  readonly weather: Weather;
  /** How many turns there were in which an object wrote. */
  writes: number;
  random(concern: string): Random;
  /** The wall clock as a place sees it. */
  clockMs(place: number): number;
  touch(cell: Cell): void;
  count(kind: string, by?: number): void;
  fail(what: string): void;
}

export class Instance {
  readonly cell: Cell;
  readonly handle: DiskHandle;
  /** `superseded`: another instance owns the storage, but this one's code still runs. */
  state: "running" | "superseded" | "gone" = "running";
  /** It was superseded before its writes were confirmed: its output gate never opens again. */
  isMute = false;
  readonly replies = new Set<Reply>();
  rules: Rules | null = null;

  constructor(cell: Cell, handle: DiskHandle) {
    this.cell = cell;
    this.handle = handle;
  }

  /** The output gate: runs `send` once the writes made so far are durable, and never if they are lost. */
  send(send: () => void): void {
    if (this.state === "gone" || this.isMute) return;
    if (!this.cell.disk.isOpenFor(this.handle)) return send();
    this.cell.disk.afterWrites(
      () => {
        if (this.state !== "gone") send();
      },
      () => {},
    );
  }

  /** A timer of this instance, which ends with it. */
  after(delayMs: number, run: () => void): () => void {
    const { world } = this.cell;
    return world.scheduler.after(delayMs, () => {
      if (this.state === "gone") return;
      world.touch(this.cell);
      try {
        run();
      } catch (error) {
        this.threw(error);
      }
    });
  }

  /** The rules have thrown, which only an instance may that has lost its storage. */
  threw(error: unknown): void {
    const isExpected = error instanceof Superseded || error instanceof CallLost;
    if (this.state === "running" && !isExpected) {
      this.cell.world.fail(`threw in ${this.cell.name}: ${describeError(error)}`);
    }
  }
}

export interface CellOptions {
  readonly name: string;
  /** Broker id, or 0 for the controller: network cuts and clocks are by place. */
  readonly place: number;
  readonly wake: (instance: Instance) => Rules;
  readonly onConfirmed: (cell: Cell) => void;
}

export class Cell {
  readonly world: Surroundings;
  readonly name: string;
  readonly place: number;
  /** Of a replica: topic id and partition of the log that it holds. */
  readonly log: string;
  readonly disk: Disk;
  /** Its storage does not open: calls fail, and so does deleting it. */
  isUnopened = false;
  readonly #options: CellOptions;
  readonly #random: Random;
  #current: Instance | null = null;
  #old: Instance[] = [];

  constructor(world: Surroundings, options: CellOptions) {
    this.world = world;
    this.name = options.name;
    this.log = options.name.split("/").slice(0, 2).join("/");
    this.place = options.place;
    this.#options = options;
    this.#random = world.random("platform");
    this.disk = new Disk(world.scheduler, {
      confirmMs: () => world.weather.confirmMs(this.place),
      onAlarm: () => this.#scheduleAlarm(),
      onTurn: () => world.touch(this),
      onConfirmed: () => {
        world.writes += 1;
        options.onConfirmed(this);
      },
    });
  }

  get current(): Instance | null {
    return this.#current;
  }

  /** All instances whose code runs: the current one, and those that were superseded. */
  get instances(): readonly Instance[] {
    return this.#current ? [this.#current, ...this.#old] : this.#old;
  }

  /** The instance that answers; wakes one up if there is none. */
  awake(): Instance {
    if (this.#current) return this.#current;
    const instance = new Instance(this, this.disk.open("lost"));
    this.#current = instance;
    this.world.scheduler.trace(`wake ${this.name}`);
    instance.rules = this.#options.wake(instance);
    return instance;
  }

  /** A call arrives. */
  receive(method: string, args: readonly unknown[], reply: Reply): void {
    this.world.touch(this);
    if (this.isUnopened) return reply.fail(new Unopened(this.name));
    const instance = this.awake();
    instance.replies.add(reply);
    const settle = (finish: () => void): void => {
      this.world.touch(this);
      if (!instance.replies.delete(reply)) return;
      instance.send(finish);
    };
    const run = async (): Promise<unknown> => instance.rules!.call(method, args);
    run().then(
      (value) => settle(() => reply.answer(value)),
      (error: unknown) => {
        instance.threw(error);
        settle(() => reply.fail(new CallLost(String(error))));
      },
    );
  }

  /** Ends the instance: calls are cut off, and unconfirmed writes are lost or kept. */
  reset(unconfirmed: Unconfirmed): void {
    const instance = this.#current;
    if (!instance) return;
    this.world.scheduler.trace(`reset ${this.name} ${unconfirmed}`);
    this.#current = null;
    this.disk.close(unconfirmed);
    this.#finish(instance);
    this.world.touch(this);
  }

  /** Ends an instance that is idle; false if it is not. */
  evict(): boolean {
    if (!this.#current || this.#current.replies.size > 0 || this.disk.isDirty) return false;
    this.reset("lost");
    return true;
  }

  /** Another instance takes over while this one's code runs on for `ms`. */
  supersede(unconfirmed: Unconfirmed, ms: number): void {
    const instance = this.#current;
    if (!instance) return;
    this.world.scheduler.trace(`supersede ${this.name} ${unconfirmed}`);
    instance.state = "superseded";
    instance.isMute = this.disk.isDirty;
    this.#old.push(instance);
    this.#current = null;
    this.disk.close(unconfirmed);
    this.awake();
    this.world.scheduler.after(ms, () => this.#finish(instance));
    this.world.touch(this);
  }

  /**
   * Deletes the storage for good, and ends all code that ran on it: otherwise the checks would compare what an older
   * instance believes with an empty storage.
   */
  wipe(): void {
    this.reset("lost");
    for (const instance of this.#old) this.#finish(instance);
    this.world.scheduler.trace(`wipe ${this.name}`);
    this.disk.wipe();
  }

  /** The storage does not open any more: its contents cannot be reached again. */
  seal(): void {
    this.wipe();
    this.isUnopened = true;
  }

  /** The instance resets itself. */
  abort(instance: Instance): void {
    if (this.#current === instance) this.reset("lost");
    else this.#finish(instance);
  }

  #finish(instance: Instance): void {
    if (instance.state === "gone") return;
    instance.state = "gone";
    this.#old = this.#old.filter((old) => old !== instance);
    const broken = [...instance.replies];
    instance.replies.clear();
    for (const reply of broken) reply.fail(new CallLost("the object was reset"));
  }

  #scheduleAlarm(): void {
    const atMs = this.disk.alarmAtMs!;
    // The alarm goes off at least once, a little early by the object's own clock, or late.
    const skewMs = this.#random.chance(0.1)
      ? this.#random.between(0, 500)
      : this.#random.between(-1, 5);
    const delayMs = atMs - this.world.clockMs(this.place) + skewMs;
    this.disk.scheduleAlarm(Math.max(1, delayMs), () => this.#fireAlarm());
  }

  #fireAlarm(): void {
    const atMs = this.disk.takeAlarm();
    if (atMs === null) return;
    this.world.touch(this);
    this.world.scheduler.trace(`alarm ${this.name}`);
    const instance = this.awake();
    let isDone = false;
    const again = (): void => {
      if (isDone) return;
      isDone = true;
      this.disk.restoreAlarm(this.world.clockMs(this.place) + 2_000);
    };
    const reply: Reply = { answer: () => (isDone = true), fail: again };
    instance.replies.add(reply);
    const run = async (): Promise<unknown> => instance.rules!.alarm();
    run().then(
      () => {
        if (instance.replies.delete(reply)) reply.answer(null);
      },
      (error: unknown) => {
        instance.threw(error);
        if (instance.replies.delete(reply)) again();
      },
    );
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}
