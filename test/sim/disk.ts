/**
 * The storage of one simulated object: what is durable, what is written and not confirmed yet, and the platform's output
 * gate. Outlives the instances of the object, each of which uses it through a {@link DiskHandle} that throws once another
 * instance has taken over.
 */
import type { AlarmPort, SqlRow, SqlValue, StoragePort } from "../../src/base/ports.ts";
import { StorageFailure } from "../../src/base/storage-failure.ts";
import { SqliteStorage } from "../support/sqlite-storage.ts";
import type { Scheduler } from "./scheduler.ts";

type Param = SqlValue | Uint8Array;

/** What becomes of unconfirmed writes in a crash: the platform may have kept them or not. */
export type Unconfirmed = "lost" | "kept";

/** How a stored chunk is damaged. */
export type Damage = "flipped bit" | "lost row";

export interface DiskOptions {
  /** How long a write takes to be confirmed. */
  readonly confirmMs: () => number;
  /** The alarm is due. */
  readonly onAlarm: () => void;
  readonly onConfirmed: () => void;
  /** A turn of the object's code runs, because its storage has confirmed something. */
  readonly onTurn: () => void;
}

/** Error of a handle whose instance was replaced. */
export class Superseded extends StorageFailure {
  override readonly name = "Superseded";

  constructor(what: string) {
    super("failed", what);
  }
}

export class Disk {
  readonly scheduler: Scheduler;
  readonly #options: DiskOptions;
  #sqlite = new SqliteStorage({ durability: "held" });
  #handle: DiskHandle | null = null;
  /** Called once everything written so far is durable; dropped if the writes are lost. */
  #gate: { readonly open: () => void; readonly drop: () => void }[] = [];
  #cancelConfirm: (() => void) | null = null;
  #alarmAtMs: number | null = null;
  #durableAlarmAtMs: number | null = null;
  #cancelAlarm: (() => void) | null = null;
  /** Since the checks last read: whether rows of `chunks` were removed; the lowest inserted; whether the state row changed. */
  chunksRewritten = false;
  insertedFrom = Infinity;
  stateWritten = false;
  isDirty = false;

  constructor(scheduler: Scheduler, options: DiskOptions) {
    this.scheduler = scheduler;
    this.#options = options;
  }

  get alarmAtMs(): number | null {
    return this.#alarmAtMs;
  }

  /** Begins an instance: the unconfirmed writes of the one before are lost, or kept. */
  open(unconfirmed: Unconfirmed): DiskHandle {
    this.#end(unconfirmed);
    this.#handle = new DiskHandle(this, () => this.#sqlite);
    return this.#handle;
  }

  /** Ends the instance, while there is no other yet. */
  close(unconfirmed: Unconfirmed): void {
    this.#end(unconfirmed);
    this.#handle = null;
  }

  isOpenFor(handle: DiskHandle): boolean {
    return this.#handle === handle;
  }

  /** Calls `open` once what was written until now is durable, or `drop` if it is lost. */
  afterWrites(open: () => void, drop: () => void): void {
    if (this.isDirty) this.#gate.push({ open, drop });
    else open();
  }

  /** A turn of the event loop later. */
  soon(run: () => void): void {
    this.scheduler.after(0, () => {
      this.#options.onTurn();
      run();
    });
  }

  markDirty(): void {
    this.isDirty = true;
    this.#cancelConfirm ??= this.scheduler.after(this.#options.confirmMs(), () => this.confirm());
  }

  /** Makes everything written so far durable. */
  confirm(): void {
    this.#cancelConfirm?.();
    this.#cancelConfirm = null;
    this.isDirty = false;
    this.#sqlite.confirm();
    this.#durableAlarmAtMs = this.#alarmAtMs;
    this.#options.onConfirmed();
    this.#options.onTurn();
    for (const waiter of this.#gate.splice(0)) waiter.open();
  }

  setAlarm(atMs: number | null): void {
    this.#alarmAtMs = atMs;
    this.#armAlarm();
    this.markDirty();
  }

  /** The handler begins; returns the alarm, which is to be restored if the handler does not finish. */
  takeAlarm(): number | null {
    const atMs = this.#alarmAtMs;
    this.#alarmAtMs = null;
    this.#durableAlarmAtMs = null;
    this.#cancelAlarm?.();
    return atMs;
  }

  restoreAlarm(atMs: number): void {
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = atMs;
    this.#durableAlarmAtMs = atMs;
    this.#armAlarm();
  }

  /** Loses everything: as if the object had never existed. */
  wipe(): void {
    this.#end("lost");
    this.#handle = null;
    this.#sqlite = new SqliteStorage({ durability: "held" });
    this.#alarmAtMs = null;
    this.#durableAlarmAtMs = null;
    this.#cancelAlarm?.();
    this.#changed();
    this.#options.onConfirmed();
  }

  /**
   * Flips one bit of a stored chunk, or loses its row, without the checks noticing: the mirror keeps what was written. No
   * instance may be open.
   */
  rot(baseOffset: number, damage: Damage, x: number): void {
    if (damage === "lost row") {
      this.#sqlite.all("DELETE FROM chunks WHERE base_offset = ?", baseOffset);
    } else {
      const sql = "SELECT data FROM chunks WHERE base_offset = ?";
      const data = new Uint8Array(this.read<{ data: ArrayBuffer }>(sql, baseOffset)[0]!.data);
      const bit = Math.floor(x * data.length * 8);
      data[bit >> 3]! ^= 1 << (bit & 7);
      this.#sqlite.all("UPDATE chunks SET data = ? WHERE base_offset = ?", data, baseOffset);
    }
    this.#sqlite.confirm();
  }

  #unchanged(): void {
    this.chunksRewritten = false;
    this.stateWritten = false;
    this.insertedFrom = Infinity;
  }

  /** Anything may have changed: the checks read everything again. */
  #changed(): void {
    this.chunksRewritten = true;
    this.stateWritten = true;
    this.insertedFrom = 0;
  }

  /** Reads for the checks, independently of instances: what has been written, confirmed or not. */
  read<Row extends SqlRow>(sql: string, ...params: Param[]): Row[] {
    return this.#sqlite.all<Row>(sql, ...params);
  }

  /** The storage port of the checks, which only read. */
  get raw(): StoragePort {
    return this.#sqlite;
  }

  #end(unconfirmed: Unconfirmed): void {
    this.#cancelConfirm?.();
    this.#cancelConfirm = null;
    const wasDirty = this.isDirty;
    if (wasDirty && unconfirmed === "kept") {
      this.#sqlite.confirm();
      this.#durableAlarmAtMs = this.#alarmAtMs;
      this.isDirty = false;
      this.#options.onConfirmed();
    }
    this.isDirty = false;
    for (const waiter of this.#gate.splice(0)) waiter.drop();
    this.#sqlite = this.#sqlite.reopen();
    // What the checks have not read yet was never confirmed.
    if (unconfirmed === "lost") this.#unchanged();
    if (this.#alarmAtMs !== this.#durableAlarmAtMs) {
      this.#alarmAtMs = this.#durableAlarmAtMs;
      this.#armAlarm();
    }
  }

  #armAlarm(): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = null;
    if (this.#alarmAtMs !== null) this.#options.onAlarm();
  }

  /** Calls `run` after `delayMs`, unless the alarm is moved before. */
  scheduleAlarm(delayMs: number, run: () => void): void {
    this.#cancelAlarm = this.scheduler.after(delayMs, run);
  }
}

/** Statements that only read. */
const READS = /^\s*SELECT/i;
const REMOVES_CHUNKS =
  /^\s*(DELETE\s+FROM|UPDATE|REPLACE\s+INTO|INSERT\s+OR\s+REPLACE\s+INTO)\s+chunks\b/i;

const INSERTS_CHUNK = /^\s*INSERT\s+INTO\s+chunks\b/i;
const WRITES_STATE = /\breplica\b/i;

/** One instance's storage and alarm ports. */
export class DiskHandle implements StoragePort {
  readonly alarm: AlarmPort = {
    set: (atMs) => this.#alive().setAlarm(atMs),
    clear: () => this.#alive().setAlarm(null),
  };
  readonly #disk: Disk;
  readonly #sqlite: () => SqliteStorage;

  constructor(disk: Disk, sqlite: () => SqliteStorage) {
    this.#disk = disk;
    this.#sqlite = sqlite;
  }

  all<Row extends SqlRow>(sql: string, ...params: Param[]): Row[] {
    this.#before(sql, params);
    return this.#sqlite().all<Row>(sql, ...params);
  }

  each<Row extends SqlRow>(
    sql: string,
    params: readonly Param[],
    take: (row: Row) => boolean,
  ): void {
    this.#before(sql, params);
    this.#sqlite().each(sql, params, take);
  }

  transaction<T>(work: () => T): T {
    this.#alive();
    return this.#sqlite().transaction(work);
  }

  sync(): Promise<void> {
    const disk = this.#alive();
    return new Promise((resolve, reject) => {
      const lost = (): void => reject(new Superseded("the instance's writes were not confirmed"));
      // With nothing to wait for, it takes a turn of the event loop, as on the platform.
      if (disk.isDirty) disk.afterWrites(resolve, lost);
      else disk.soon(resolve);
    });
  }

  async deleteAll(): Promise<void> {
    const disk = this.#alive();
    await this.#sqlite().deleteAll();
    disk.chunksRewritten = true;
    disk.stateWritten = true;
    disk.setAlarm(null);
  }

  sizeBytes(): number {
    this.#alive();
    return 0;
  }

  #before(sql: string, params: readonly Param[]): void {
    const disk = this.#alive();
    if (READS.test(sql)) return;
    if (REMOVES_CHUNKS.test(sql)) disk.chunksRewritten = true;
    else if (INSERTS_CHUNK.test(sql))
      disk.insertedFrom = Math.min(disk.insertedFrom, Number(params[0]));
    else if (WRITES_STATE.test(sql)) disk.stateWritten = true;
    disk.markDirty();
  }

  #alive(): Disk {
    if (!this.#disk.isOpenFor(this)) throw new Superseded("another instance has taken over");
    return this.#disk;
  }
}
