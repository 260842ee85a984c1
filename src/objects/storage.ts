/**
 * The storage and alarm ports over a Durable Object's own storage; shared by every object class.
 * Adapts and counts what the platform bills; knows no table and no rule.
 */
import type { AlarmPort, SqlRow, SqlValue, StoragePort } from "../base/ports.ts";

/** {@link StoragePort} over the SQLite of one Durable Object, counting rows as the platform bills them. */
export class DurableStorage implements StoragePort {
  /** Rows read, indexes included, since this was made. */
  rowsRead = 0;
  /** Rows written, hidden indexes included, since this was made; those rolled back count too. */
  rowsWritten = 0;
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  all<Row extends SqlRow>(sql: string, ...params: (SqlValue | Uint8Array)[]): Row[] {
    const cursor = this.#storage.sql.exec<Row>(sql, ...params);
    try {
      return cursor.toArray();
    } finally {
      this.#count(cursor);
    }
  }

  each<Row extends SqlRow>(
    sql: string,
    params: readonly (SqlValue | Uint8Array)[],
    take: (row: Row) => boolean,
  ): void {
    const cursor = this.#storage.sql.exec<Row>(sql, ...params);
    try {
      for (;;) {
        const step = cursor.next();
        if (step.done === true || !take(step.value)) return;
      }
    } finally {
      this.#count(cursor);
    }
  }

  transaction<T>(work: () => T): T {
    return this.#storage.transactionSync(work);
  }

  sync(): Promise<void> {
    return this.#storage.sync();
  }

  deleteAll(): Promise<void> {
    return this.#storage.deleteAll();
  }

  sizeBytes(): number {
    return this.#storage.sql.databaseSize;
  }

  #count(cursor: { readonly rowsRead: number; readonly rowsWritten: number }): void {
    this.rowsRead += cursor.rowsRead;
    this.rowsWritten += cursor.rowsWritten;
  }
}

/** {@link AlarmPort} over the one alarm of a Durable Object. */
export class DurableAlarm implements AlarmPort {
  /** Each setting of an alarm is billed as one written row. */
  rowsWritten = 0;
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  set(atMs: number): void {
    this.rowsWritten += 1;
    // An alarm for the present moment, set from inside the alarm's handler, never fires. The
    // output gate waits for the write, and a write that fails resets the object.
    void this.#storage.setAlarm(Math.max(atMs, Date.now() + 1));
  }

  clear(): void {
    void this.#storage.deleteAlarm();
  }
}
