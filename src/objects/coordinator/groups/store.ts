/**
 * A group's record in storage: a row per decision in a ring, and a snapshot of the image each time
 * the ring is full, so that waking up reads a bounded number of rows and none has to be deleted
 * (deletes are billed as writes are). Knows rows; decides nothing.
 */
import { assert } from "../../../base/errors.ts";
import type { StoragePort } from "../../../base/ports.ts";
import { piecesOf } from "../../../base/text-pieces.ts";
import { decodeChangeSet, encodeChangeSet, type ChangeSet } from "./changes.ts";
import { applyChangeSet, emptyImage, type GroupImage } from "./image.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot.ts";

export interface StoreBounds {
  /** UTF-16 units of one row: of at most three bytes each, so that a row stays below the platform's 2 MB. */
  readonly rowLengthMax: number;
  /** Rows between two snapshots: what waking up replays at most. */
  readonly ringRows: number;
}

const BOUNDS: StoreBounds = { rowLengthMax: 600_000, ringRows: 256 };

/** `more` is 1 where the decision goes on in the next row. */
const TABLES = [
  "CREATE TABLE changes (slot INTEGER PRIMARY KEY, seq INTEGER NOT NULL, more INTEGER NOT NULL, change TEXT NOT NULL)",
  "CREATE TABLE snapshot (part INTEGER PRIMARY KEY, seq INTEGER NOT NULL, image TEXT NOT NULL)",
];

const INSERT =
  "INSERT INTO changes (slot, seq, more, change) VALUES (?, ?, ?, ?) ON CONFLICT (slot) DO UPDATE SET seq = excluded.seq, more = excluded.more, change = excluded.change";

export class GroupStore {
  readonly #storage: StoragePort;
  readonly #bounds: StoreBounds;
  #created = false;
  /** Of the last row written, and of the last that the snapshot contains. */
  #seq = 0;
  #snapshotSeq = 0;

  constructor(storage: StoragePort, bounds: StoreBounds = BOUNDS) {
    this.#storage = storage;
    this.#bounds = bounds;
  }

  /** The image as of the last decision; an empty one where there was none. Writes nothing. */
  load(): GroupImage {
    const tables = this.#storage.all("SELECT name FROM sqlite_master WHERE name = 'changes'");
    this.#created = tables.length > 0;
    if (!this.#created) return emptyImage();
    const parts = this.#storage.all<{ seq: number; image: string }>(
      "SELECT seq, image FROM snapshot ORDER BY part",
    );
    const image =
      parts.length === 0 ? emptyImage() : decodeSnapshot(parts.map((row) => row.image).join(""));
    this.#snapshotSeq = parts[0]?.seq ?? 0;
    this.#seq = this.#snapshotSeq;
    // Few enough to be sorted here: an index on seq would be paid for with every row.
    const rows = this.#storage
      .all<{ seq: number; more: number; change: string }>("SELECT seq, more, change FROM changes")
      .filter(({ seq }) => seq > this.#snapshotSeq)
      .toSorted((a, b) => a.seq - b.seq);
    let text = "";
    for (const { seq, more, change } of rows) {
      assert(seq === this.#seq + 1, `row ${this.#seq + 1} is missing`);
      this.#seq = seq;
      text += change;
      if (more === 1) continue;
      applyChangeSet(image, decodeChangeSet(text));
      text = "";
    }
    assert(text === "", "the last decision is not whole");
    return image;
  }

  /**
   * Records the decision that follows `image`, all or nothing: when this throws, neither the storage
   * nor anything here has changed. The caller applies it afterwards.
   */
  append(image: GroupImage, set: ChangeSet): void {
    const pieces = piecesOf(encodeChangeSet(set), this.#bounds.rowLengthMax);
    const { ringRows } = this.#bounds;
    // rule: a-full-ring-is-in-the-snapshot
    const isFull = this.#seq + pieces.length - this.#snapshotSeq > ringRows;
    assert(pieces.length <= ringRows, `a decision takes ${pieces.length} rows`);
    let seq = this.#seq;
    this.#storage.transaction(() => {
      if (!this.#created) for (const table of TABLES) this.#storage.all(table);
      if (isFull) this.#writeSnapshot(image);
      pieces.forEach((piece, at) => {
        const more = at < pieces.length - 1 ? 1 : 0;
        this.#storage.all(INSERT, seq % ringRows, seq + 1, more, piece);
        seq += 1;
      });
    });
    this.#created = true;
    if (isFull) this.#snapshotSeq = this.#seq;
    this.#seq = seq;
  }

  /** Drops everything: what ends an object's bill. */
  async deleteAll(): Promise<void> {
    this.#created = false;
    this.#seq = 0;
    this.#snapshotSeq = 0;
    await this.#storage.deleteAll();
  }

  /**
   * Touches the storage: an instance that was superseded while it was running fails here, before it
   * answers a read from a memory that is no longer the newest.
   */
  touch(): void {
    this.#storage.all("SELECT 1");
  }

  #writeSnapshot(image: GroupImage): void {
    const parts = piecesOf(encodeSnapshot(image), this.#bounds.rowLengthMax);
    parts.forEach((text, part) => {
      this.#storage.all(
        "INSERT OR REPLACE INTO snapshot (part, seq, image) VALUES (?, ?, ?)",
        part,
        this.#seq,
        text,
      );
    });
    this.#storage.all("DELETE FROM snapshot WHERE part >= ?", parts.length);
  }
}
