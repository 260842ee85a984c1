/**
 * The ports through which the rules reach the outside. In workerd the shells implement them over
 * Durable Object storage and the runtime's clock; in tests and simulation they stand on
 * `node:sqlite` and a clock that only the simulator moves.
 */

export type SqlValue = ArrayBuffer | string | number | null;
export type SqlRow = Record<string, SqlValue>;

/**
 * A storage of one object: SQLite with the platform's rules (no BEGIN; writes of one turn commit together).
 * Where storage fails, every method throws or rejects with a `StorageFailure`.
 */
export interface StoragePort {
  /** Runs one statement and returns all its rows. Blobs come as ArrayBuffer. */
  all<Row extends SqlRow>(sql: string, ...params: (SqlValue | Uint8Array)[]): Row[];
  /** Runs one statement and hands over its rows one by one until `take` returns false. */
  each<Row extends SqlRow>(
    sql: string,
    params: readonly (SqlValue | Uint8Array)[],
    take: (row: Row) => boolean,
  ): void;
  /** Runs `work` as one transaction: rolled back whole when it throws. */
  transaction<T>(work: () => T): T;
  /** Resolves when every write made so far is durable. */
  sync(): Promise<void>;
  /** Drops everything, alarm included: what ends an object's bill. */
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

/** Timers that live only as long as the object is awake: deadlines of long polls. */
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
