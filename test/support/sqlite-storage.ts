/**
 * The storage and alarm ports on Node: `node:sqlite` with the platform's rules, so that the rules of
 * the objects run outside workerd. A crash is `reopen()`: the old handle is dead from then on, and
 * what was not durable is lost.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { AlarmPort, SqlRow, SqlValue, StoragePort } from "../../src/base/ports.ts";
import { storageFailureOf } from "../../src/base/storage-failure.ts";

export interface SqliteStorageOptions {
  /** A file; absent: in memory. */
  readonly path?: string;
  /**
   * `auto`: `sync()` resolves after a microtask and everything written survives `reopen()`.
   * `held`: nothing is durable before the test calls `confirm()`, and `sync()` waits for it.
   */
  readonly durability?: "auto" | "held";
  /** Cleared by `deleteAll()`, as on the platform. */
  readonly alarm?: AlarmPort;
}

type Param = SqlValue | Uint8Array;

const REFUSED =
  /^\s*(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|VACUUM|ATTACH|DETACH|PRAGMA\s+user_version)\b/i;

/** One of these per object of a test. */
export class SqliteStorage implements StoragePort {
  /** Called before every statement; a test throws from it to make the statement fail. */
  beforeStatement: ((sql: string) => void) | null = null;
  readonly #options: SqliteStorageOptions;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Statements of `each` that no walk is using. */
  readonly #idle = new Map<string, StatementSync>();
  #waiters: (() => void)[] = [];
  #depth = 0;
  #dead = false;
  #changesBefore = 0;

  constructor(options: SqliteStorageOptions = {}, db?: DatabaseSync) {
    this.#options = options;
    this.#db = db ?? new DatabaseSync(options.path ?? ":memory:");
    this.#changesBefore = this.#totalChanges();
    if (this.#held) this.#db.exec("BEGIN");
  }

  /** Rows inserted, updated and deleted since this was made (indexes are not seen; rolled back rows count). */
  get rowsWritten(): number {
    return this.#totalChanges() - this.#changesBefore;
  }

  all<Row extends SqlRow>(sql: string, ...params: Param[]): Row[] {
    this.#enter(sql);
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement.all(...params.map(toSqlite)).map((row) => fromSqlite<Row>(row));
  }

  each<Row extends SqlRow>(
    sql: string,
    params: readonly Param[],
    take: (row: Row) => boolean,
  ): void {
    this.#enter(sql);
    // `take` may run the same text again: a statement that is under way is left alone.
    const statement = this.#idle.get(sql) ?? this.#db.prepare(sql);
    this.#idle.delete(sql);
    for (const row of statement.iterate(...params.map(toSqlite))) {
      if (!take(fromSqlite<Row>(row))) break;
    }
    if (!this.#dead) this.#idle.set(sql, statement);
  }

  transaction<T>(work: () => T): T {
    this.#alive();
    const name = `level_${this.#depth}`;
    this.#db.exec(`SAVEPOINT ${name}`);
    this.#depth += 1;
    try {
      const result = work();
      this.#db.exec(`RELEASE ${name}`);
      return result;
    } catch (error) {
      if (!this.#dead) this.#db.exec(`ROLLBACK TO ${name}; RELEASE ${name}`);
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  async sync(): Promise<void> {
    this.#alive();
    if (!this.#held) return await Promise.resolve();
    await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  async deleteAll(): Promise<void> {
    this.#alive();
    const tables = this.#db
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      .all();
    for (const { name } of tables) this.#db.exec(`DROP TABLE "${String(name)}"`);
    this.#statements.clear();
    this.#idle.clear();
    this.#options.alarm?.clear();
  }

  sizeBytes(): number {
    this.#alive();
    const pages = this.#db.prepare("PRAGMA page_count").get()?.["page_count"];
    const bytes = this.#db.prepare("PRAGMA page_size").get()?.["page_size"];
    return Number(pages) * Number(bytes);
  }

  /** With `held` durability: what was written so far is durable now, and `sync()` returns. */
  confirm(): void {
    this.#alive();
    if (!this.#held) throw new Error("confirm() is for held durability");
    if (this.#depth > 0) throw new Error("confirm() inside a transaction");
    this.#db.exec("COMMIT; BEGIN");
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  /** `sync()` calls that wait for `confirm()`. */
  get syncsWaiting(): number {
    return this.#waiters.length;
  }

  /** A crash and a restart: the same durable rows behind a new handle; the old one throws on any use. */
  reopen(): SqliteStorage {
    this.#alive();
    this.#dead = true;
    this.#waiters = [];
    this.#statements.clear();
    this.#idle.clear();
    if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
    if (this.#options.path === undefined) return new SqliteStorage(this.#options, this.#db);
    this.#db.close();
    return new SqliteStorage(this.#options);
  }

  get #held(): boolean {
    return this.#options.durability === "held";
  }

  #totalChanges(): number {
    return Number(this.#db.prepare("SELECT total_changes() AS n").get()?.["n"]);
  }

  #alive(): void {
    if (this.#dead) throw new Error("This storage belongs to an instance that has crashed.");
  }

  #enter(sql: string): void {
    this.#alive();
    if (REFUSED.test(sql)) throw new Error(`not authorized: ${sql.slice(0, 40)}`);
    if (sql.trimEnd().replace(/;$/, "").includes(";")) throw new Error("One statement at a time.");
    try {
      this.beforeStatement?.(sql);
    } catch (error) {
      throw storageFailureOf(error);
    }
  }
}

/** The alarm of one object on Node: the test looks at `atMs` and fires it itself. */
export class ManualAlarm implements AlarmPort {
  /** When it is due; null while none is set. */
  atMs: number | null = null;
  /** Times it was set. */
  sets = 0;

  set(atMs: number): void {
    this.atMs = atMs;
    this.sets += 1;
  }

  clear(): void {
    this.atMs = null;
  }
}

function toSqlite(param: Param): string | number | null | Uint8Array {
  if (param instanceof ArrayBuffer) return new Uint8Array(param);
  if (typeof param === "number" && !Number.isFinite(param))
    throw new Error(`not a SQL value: ${param}`);
  // node:sqlite binds whole numbers as integers up to 2^53, and others as reals, as the platform does.
  return param;
}

function fromSqlite<Row extends SqlRow>(row: Record<string, unknown>): Row {
  const plain: Record<string, unknown> = {};
  // oxlint-disable-next-line guard-for-in -- rows have their columns and nothing else
  for (const name in row) {
    const value = row[name];
    plain[name] =
      value instanceof Uint8Array
        ? value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength)
        : value;
  }
  return plain as Row;
}
