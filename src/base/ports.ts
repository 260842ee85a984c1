/**
 * The ports through which the rules reach the outside. In workerd the shells implement them with Durable Object
 * storage and the runtime's clock; tests and the simulator implement them with `node:sqlite` and a clock that only
 * they move.
 */

export type SqlValue = ArrayBuffer | string | number | null;
export type SqlRow = Record<string, SqlValue>;

/**
 * The storage of one object: SQLite with the platform's rules (no BEGIN; writes of one turn commit together). Where
 * storage fails, every method throws or rejects with a `StorageFailure`.
 */
export interface StoragePort {
  /** Runs one statement and returns all its rows. Blobs come as ArrayBuffer. */
  all<Row extends SqlRow>(sql: string, ...params: (SqlValue | Uint8Array)[]): Row[];
  /** Runs one statement and passes its rows to `take` one by one until that returns false. */
  each<Row extends SqlRow>(
    sql: string,
    params: readonly (SqlValue | Uint8Array)[],
    take: (row: Row) => boolean,
  ): void;
  /** Runs `work` as one transaction: rolled back whole when it throws. */
  transaction<T>(work: () => T): T;
  /** Resolves when every write made so far is durable. */
  sync(): Promise<void>;
  /** Deletes everything, the alarm included, so that the object is no longer billed. */
  deleteAll(): Promise<void>;
  /** Bytes the database takes. */
  sizeBytes(): number;
}

export interface ClockPort {
  /** Milliseconds since the epoch. */
  nowMs(): number;
}

/** One timer per object, kept through restarts: the platform's alarm. */
export interface AlarmPort {
  /** Sets (or moves) the alarm; costs one written row. */
  set(atMs: number): void;
  clear(): void;
}

/** Timers that live only while the object is awake: deadlines of long polls. */
export interface TimerPort {
  /** Calls back once, after `delayMs`; the returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
}

export interface RandomPort {
  /** A whole number in [0, below). */
  below(below: number): number;
  /** 32 lower-case hexadecimal digits. */
  id(): string;
}
