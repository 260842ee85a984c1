/**
 * The storage and alarm ports over a Durable Object's storage, for every object class. Counts what the platform bills;
 * knows no table and no rule.
 */
import type { AlarmPort, SqlRow, SqlValue, StoragePort } from "../../base/ports.ts";
import { storageFailureOf } from "../../base/storage-failure.ts";

/** {@link StoragePort} over the SQLite of one Durable Object, counting rows as the platform bills them. */
export class DurableStorage implements StoragePort {
  /** Rows read since the object woke up, those of indexes included. */
  rowsRead = 0;
  /** Rows written since the object woke up, those of hidden indexes and of rolled back transactions included. */
  rowsWritten = 0;
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  all<Row extends SqlRow>(sql: string, ...params: (SqlValue | Uint8Array)[]): Row[] {
    const cursor = this.#run<Row>(sql, params);
    try {
      return cursor.toArray();
    } catch (error) {
      throw storageFailureOf(error);
    } finally {
      this.#count(cursor);
    }
  }

  each<Row extends SqlRow>(
    sql: string,
    params: readonly (SqlValue | Uint8Array)[],
    take: (row: Row) => boolean,
  ): void {
    const cursor = this.#run<Row>(sql, params);
    const next = (): ReturnType<typeof cursor.next> => {
      try {
        return cursor.next();
      } catch (error) {
        throw storageFailureOf(error);
      }
    };
    try {
      for (;;) {
        const step = next();
        if (step.done === true || !take(step.value)) return;
      }
    } finally {
      this.#count(cursor);
    }
  }

  transaction<T>(work: () => T): T {
    let thrown: { readonly error: unknown } | null = null;
    try {
      return this.#storage.transactionSync(() => {
        try {
          return work();
        } catch (error) {
          thrown = { error };
          throw error;
        }
      });
    } catch (error) {
      // An error of the work is passed on; any other error comes from beginning or ending the transaction.
      throw thrown === null ? storageFailureOf(error) : (thrown as { error: unknown }).error;
    }
  }

  async sync(): Promise<void> {
    try {
      await this.#storage.sync();
    } catch (error) {
      throw storageFailureOf(error);
    }
  }

  async deleteAll(): Promise<void> {
    try {
      await this.#storage.deleteAll();
    } catch (error) {
      throw storageFailureOf(error);
    }
  }

  sizeBytes(): number {
    return this.#storage.sql.databaseSize;
  }

  #run<Row extends SqlRow>(
    sql: string,
    params: readonly (SqlValue | Uint8Array)[],
  ): SqlStorageCursor<Row> {
    try {
      return this.#storage.sql.exec<Row>(sql, ...params);
    } catch (error) {
      throw storageFailureOf(error);
    }
  }

  #count(cursor: { readonly rowsRead: number; readonly rowsWritten: number }): void {
    this.rowsRead += cursor.rowsRead;
    this.rowsWritten += cursor.rowsWritten;
  }
}

/** {@link AlarmPort} over the one alarm of a Durable Object. */
export class DurableAlarm implements AlarmPort {
  /** Settings of the alarm, each billed as one written row. */
  rowsWritten = 0;
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  set(atMs: number): void {
    this.rowsWritten += 1;
    // An alarm that the alarm's own handler sets for the present moment never fires. The output gate waits for the
    // write, and a write that fails resets the object.
    void this.#storage.setAlarm(Math.max(atMs, Date.now() + 1));
  }

  clear(): void {
    void this.#storage.deleteAlarm();
  }
}
