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
type SqlOutput = ReturnType<StatementSync["all"]>[number][string];

const REFUSED =
  /^\s*(BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE|VACUUM|ATTACH|DETACH|PRAGMA\s+user_version)\b/i;

/** A statement, and the names of what it answers. */
interface Prepared {
  readonly statement: StatementSync;
  names: readonly string[];
}

/** What has been prepared on one database, by its text. It outlives a crash, as the database does. */
interface PreparedStatements {
  readonly all: Map<string, Prepared>;
  /** Of `each`, those that no walk is using. */
  readonly idle: Map<string, Prepared>;
}

/** One of these per object of a test. */
export class SqliteStorage implements StoragePort {
  /** Called before every statement; a test throws from it to make the statement fail. */
  beforeStatement: ((sql: string) => void) | null = null;
  readonly #options: SqliteStorageOptions;
  readonly #db: DatabaseSync;
  readonly #prepared: PreparedStatements;
  #waiters: (() => void)[] = [];
  #depth = 0;
  #dead = false;
  #changesBefore = 0;

  constructor(
    options: SqliteStorageOptions = {},
    db?: DatabaseSync,
    prepared: PreparedStatements = { all: new Map(), idle: new Map() },
  ) {
    this.#options = options;
    this.#db = db ?? new DatabaseSync(options.path ?? ":memory:");
    this.#prepared = prepared;
    this.#changesBefore = this.#totalChanges();
    if (this.#held) this.#db.exec("BEGIN");
  }

  /** Rows inserted, updated and deleted since this was made (indexes are not seen; rolled back rows count). */
  get rowsWritten(): number {
    return this.#totalChanges() - this.#changesBefore;
  }

  all<Row extends SqlRow>(sql: string, ...params: Param[]): Row[] {
    this.#enter(sql);
    const prepared = this.#statement(sql);
    const rows = prepared.statement.all(...params.map(toSqlite)) as unknown as SqlOutput[][];
    return rows.map((row) => fromSqlite<Row>(prepared, row));
  }

  each<Row extends SqlRow>(
    sql: string,
    params: readonly Param[],
    take: (row: Row) => boolean,
  ): void {
    this.#enter(sql);
    // `take` may run the same text again: a statement that is under way is left alone.
    const { idle } = this.#prepared;
    const prepared = idle.get(sql) ?? this.#prepare(sql);
    idle.delete(sql);
    for (const row of prepared.statement.iterate(...params.map(toSqlite))) {
      if (!take(fromSqlite<Row>(prepared, row as unknown as SqlOutput[]))) break;
    }
    if (!this.#dead) idle.set(sql, prepared);
  }

  transaction<T>(work: () => T): T {
    this.#alive();
    const name = `level_${this.#depth}`;
    this.#run(`SAVEPOINT ${name}`);
    this.#depth += 1;
    try {
      const result = work();
      this.#run(`RELEASE ${name}`);
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
    this.#prepared.all.clear();
    this.#prepared.idle.clear();
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
    this.#run("COMMIT");
    this.#run("BEGIN");
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
    if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
    if (this.#options.path === undefined)
      return new SqliteStorage(this.#options, this.#db, this.#prepared);
    this.#db.close();
    return new SqliteStorage(this.#options);
  }

  get #held(): boolean {
    return this.#options.durability === "held";
  }

  #totalChanges(): number {
    const [row] = this.#statement("SELECT total_changes()").statement.all();
    return (row as unknown as [number])[0];
  }

  #run(sql: string): void {
    this.#statement(sql).statement.run();
  }

  #statement(sql: string): Prepared {
    const known = this.#prepared.all.get(sql);
    if (known) return known;
    const prepared = this.#prepare(sql);
    this.#prepared.all.set(sql, prepared);
    return prepared;
  }

  /** Rows as arrays: objects that node:sqlite makes are slow to make and to read. */
  #prepare(sql: string): Prepared {
    const statement = this.#db.prepare(sql);
    statement.setReturnArrays(true);
    return { statement, names: namesOf(statement) };
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

function namesOf(statement: StatementSync): string[] {
  return statement.columns().map(({ name }) => name);
}

function fromSqlite<Row extends SqlRow>(prepared: Prepared, row: readonly SqlOutput[]): Row {
  // `SELECT *` of a table that has another column by now.
  if (row.length !== prepared.names.length) prepared.names = namesOf(prepared.statement);
  const { names } = prepared;
  const named: Record<string, unknown> = {};
  for (let i = 0; i < row.length; i++) {
    const value = row[i]!;
    named[names[i]!] = value instanceof Uint8Array ? bufferOf(value) : value;
  }
  return named as Row;
}

/** A blob comes in a buffer of its own. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBufferLike {
  if (byteLength === buffer.byteLength) return buffer;
  return buffer.slice(byteOffset, byteOffset + byteLength);
}
