/**
 * What one replica's storage durably holds. Kept up to date cheaply: rows are read once, when they are new. The checks use
 * this, never what the rules believe.
 */
import type { SqlRow } from "../../src/base/ports.ts";
import { recordsFrom, type LogRecord } from "../../src/records/index.ts";
import type { Disk } from "./disk.ts";
import type { ReplicaAssignment } from "../../src/objects/contracts/assignment.ts";

export interface ChunkRow extends SqlRow {
  readonly base_offset: number;
  readonly last_offset: number;
  readonly leader_epoch: number;
  readonly position: number;
  readonly size_bytes: number;
  readonly segment_base: number;
  readonly segment_chunks: number;
  readonly producers: string | null;
  readonly high_watermark: number;
  readonly data: ArrayBuffer;
}

export interface StateRow {
  readonly assignment: ReplicaAssignment;
  readonly logStartOffset: number;
  readonly wasReset?: boolean;
  readonly isCorrupt?: boolean;
  readonly emptyAt: { readonly offset: number };
}

const ROW = `base_offset, last_offset, leader_epoch, position, size_bytes, segment_base,
  segment_chunks, producers, high_watermark, data`;

export class Mirror {
  readonly name: string;
  readonly brokerId: number;
  readonly disk: Disk;
  rows: ChunkRow[] = [];
  state: StateRow | null = null;
  /** Everything below equals the committed log. */
  verifiedTo = 0;
  /** Its storage was lost, and it has not had everything again since. */
  isLost = false;
  /** The committed chunk that is damaged on its disk, and the one after it. `rows` keeps what was written. */
  damaged: { readonly row: ChunkRow; readonly next: ChunkRow } | null = null;
  /** The damaged chunk, once it has been found and that is durable. */
  found: ChunkRow | null = null;
  #hasTable = false;

  constructor(name: string, brokerId: number, disk: Disk) {
    this.name = name;
    this.brokerId = brokerId;
    this.disk = disk;
  }

  get endOffset(): number {
    const last = this.rows.at(-1);
    // Rows below the start may not be deleted yet.
    if (last && last.last_offset >= (this.state?.logStartOffset ?? 0)) return last.last_offset + 1;
    return this.state?.emptyAt.offset ?? 0;
  }

  /** Whether its log is damaged, at or above its start. */
  get isRotten(): boolean {
    const logStart = this.state?.logStartOffset ?? 0;
    return this.damaged !== null && this.damaged.row.last_offset >= logStart;
  }

  /** Whether the object is a replica: it was assigned, and not purged. */
  get exists(): boolean {
    return this.state !== null;
  }

  /** Reads what has changed; returns the rows that are new and those that are gone. */
  refresh(): { readonly added: readonly ChunkRow[]; readonly removed: readonly ChunkRow[] } {
    const { disk } = this;
    if (disk.stateWritten) this.state = readState(disk);
    disk.stateWritten = false;
    const from = disk.insertedFrom;
    const isRewritten = disk.chunksRewritten;
    disk.insertedFrom = Infinity;
    disk.chunksRewritten = false;
    if (from === Infinity && !isRewritten) return { added: [], removed: [] };
    // Only a purge removes the table, and with it every row.
    if (isRewritten || !this.#hasTable) this.#hasTable = hasTable(disk, "chunks");
    if (!this.#hasTable) return this.#replace([]);
    if (isRewritten) {
      const keys = new Set(
        disk
          .read<{ k: string }>("SELECT base_offset || ':' || leader_epoch AS k FROM chunks")
          .map(({ k }) => k),
      );
      const { damaged } = this;
      const isKept = (row: ChunkRow): boolean => {
        // A row that was lost is removed with the one after it.
        const { base_offset, leader_epoch } = row === damaged?.row ? damaged.next : row;
        return row.base_offset < from && keys.has(`${base_offset}:${leader_epoch}`);
      };
      const kept = this.rows.filter(isKept);
      const after = (kept.at(-1)?.base_offset ?? -1) + 1;
      const added = disk.read<ChunkRow>(
        `SELECT ${ROW} FROM chunks WHERE base_offset >= ? ORDER BY base_offset`,
        after,
      );
      return this.#replace([...kept, ...added]);
    }
    const added = disk.read<ChunkRow>(
      `SELECT ${ROW} FROM chunks WHERE base_offset >= ? ORDER BY base_offset`,
      from,
    );
    this.rows.push(...added);
    return { added, removed: [] };
  }

  #replace(rows: ChunkRow[]): { added: ChunkRow[]; removed: ChunkRow[] } {
    const before = new Set(this.rows);
    const after = new Set(rows);
    const removed = this.rows.filter((row) => !after.has(row));
    this.rows = rows;
    if (this.damaged && !after.has(this.damaged.row)) this.damaged = null;
    return { added: rows.filter((row) => !before.has(row)), removed };
  }
}

export function hasTable(disk: Disk, name: string): boolean {
  return disk.read("SELECT 1 AS found FROM sqlite_master WHERE name = ?", name).length > 0;
}

function readState(disk: Disk): StateRow | null {
  if (!hasTable(disk, "replica")) return null;
  const row = disk.read<{ state: string }>("SELECT state FROM replica WHERE id = 0")[0];
  return row ? (JSON.parse(row.state) as StateRow) : null;
}

/** The records of a chunk that can be read. */
export function recordsOf(row: ChunkRow): LogRecord[] {
  const records: LogRecord[] = [];
  for (const record of recordsFrom(new Uint8Array(row.data), row.base_offset)) {
    if (record.ok) records.push(record);
  }
  return records;
}

/** What a producer calls a record: its value without the padding. */
export function nameOfRecord({ value }: LogRecord): string {
  const text = Buffer.from(value!).toString("latin1");
  return text.slice(0, text.indexOf(":", text.indexOf(":") + 1));
}
