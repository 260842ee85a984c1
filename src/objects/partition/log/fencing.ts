/**
 * The fencing token of a partition, kept with its log: a row for each chunk that has changed it, written in the same
 * transaction as the chunk. Rows are truncated and copied with their chunks, so every replica that holds a record knows
 * the token that its successor is compared with. Retention leaves the rows alone.
 *
 * Objects of older code have no such table: it is made when a token is set for the first time, and missing until then.
 * Nothing is read before an append, a description or a replica asks for the token; then it is one row, and in memory.
 */
import type { SqlRow, StoragePort } from "../../../base/ports.ts";
import { INT_MAX } from "../../../base/limits.ts";
import type { FencingRow, ReplicatedChunk } from "../../contracts/replication.ts";

const TABLE = `CREATE TABLE IF NOT EXISTS fencing (
  base_offset INTEGER PRIMARY KEY,
  token TEXT NOT NULL)`;

interface StoredToken extends SqlRow {
  readonly base_offset: number;
  readonly token: string;
}

export class Fencing {
  readonly #storage: StoragePort;
  /** Null: not read yet. */
  #token: string | null = null;

  constructor(storage: StoragePort) {
    this.#storage = storage;
  }

  /** The token behind the last record of the log; empty where the partition has none. */
  get token(): string {
    this.#token ??= this.below(INT_MAX)?.token ?? "";
    return this.#token;
  }

  /** The row in force for what is written at `offset`; null where none was kept. */
  below(offset: number): FencingRow | null {
    if (!this.#hasTable()) return null;
    const sql = `SELECT base_offset, token FROM fencing
      WHERE base_offset < ? ORDER BY base_offset DESC LIMIT 1`;
    const row = this.#storage.all<StoredToken>(sql, offset)[0];
    return row ? { baseOffset: row.base_offset, token: row.token } : null;
  }

  /** Rows read from `chunks`, each with the token that it has set. */
  withTokens(chunks: readonly ReplicatedChunk[]): readonly ReplicatedChunk[] {
    const from = chunks[0]?.facts.base_offset;
    if (from === undefined || !this.#hasTable()) return chunks;
    const rows = this.#storage.all<StoredToken>(
      "SELECT base_offset, token FROM fencing WHERE base_offset BETWEEN ? AND ?",
      from,
      chunks.at(-1)!.facts.base_offset,
    );
    if (rows.length === 0) return chunks;
    const tokens = new Map(rows.map(({ base_offset, token }) => [base_offset, token]));
    return chunks.map(({ facts, data }) => {
      const token = tokens.get(facts.base_offset);
      return token === undefined
        ? { facts, data }
        : { facts: { ...facts, fencing_token: token }, data };
    });
  }

  /** Follows a write that has succeeded: its last chunk with a token had this one. */
  written(token: string): void {
    this.#token = token;
  }

  /** Forgets the tokens of chunks that begin at or above `offset`; the caller truncates them in the same transaction. */
  truncate(offset: number): void {
    this.#token = null;
    // rule: truncation-takes-fencing-tokens-back
    if (this.#hasTable()) this.#storage.all("DELETE FROM fencing WHERE base_offset >= ?", offset);
  }

  /** Forgets everything, and has the token that another log has where this one begins; null: that is not known, or none. */
  beginWith(row: FencingRow | null): void {
    this.truncate(0);
    if (row) insertToken(this.#storage, row);
  }

  #hasTable(): boolean {
    const sql = "SELECT 1 AS found FROM sqlite_master WHERE name = 'fencing'";
    return this.#storage.all(sql).length > 0;
  }
}

/**
 * Writes the token that a chunk sets, in its transaction. Below the high watermark, which no truncation reaches, only the
 * latest row is kept: the others are of no use any more.
 */
export function writeToken(storage: StoragePort, row: FencingRow, highWatermark: number): void {
  insertToken(storage, row);
  storage.all(
    `DELETE FROM fencing
     WHERE base_offset < (SELECT max(base_offset) FROM fencing WHERE base_offset < ?)`,
    highWatermark,
  );
}

function insertToken(storage: StoragePort, { baseOffset, token }: FencingRow): void {
  storage.all(TABLE);
  storage.all(
    "INSERT OR REPLACE INTO fencing (base_offset, token) VALUES (?, ?)",
    baseOffset,
    token,
  );
}
