/**
 * The controller's record in storage: a row per decision, and a snapshot of the image from time to
 * time, so that waking up reads a bounded number of rows. A decision that is larger than a row goes on in
 * rows of a table of its own. Knows rows; decides nothing.
 */
import { assert } from "../../../base/errors.ts";
import { CHUNK_BYTES_MAX } from "../../../base/limits.ts";
import type { StoragePort } from "../../../base/ports.ts";
import { piecesOf } from "../../../base/text-pieces.ts";
import { applyChangeSet } from "./apply.ts";
import { decodeChangeSet, encodeChangeSet, type ChangeSet } from "./changes.ts";
import { emptyImage, type ClusterImage } from "./cluster.ts";
import { encodeSnapshot, loadSnapshotRow } from "./snapshot.ts";

export interface StoreBounds {
  /** UTF-8 bytes of one row. */
  readonly rowBytesMax: number;
  /** Decisions between two snapshots: what waking up replays at most. */
  readonly snapshotEvery: number;
}

const BOUNDS: StoreBounds = { rowBytesMax: CHUNK_BYTES_MAX, snapshotEvery: 200 };

const TABLES = [
  "CREATE TABLE changes (seq INTEGER PRIMARY KEY, change TEXT NOT NULL)",
  "CREATE TABLE snapshot (part INTEGER PRIMARY KEY, image TEXT NOT NULL)",
];

/** Of decisions that are larger than a row: their texts, cut. Made when the first one comes. */
const PARTS_TABLE =
  "CREATE TABLE IF NOT EXISTS change_parts (seq INTEGER, part INTEGER, change TEXT NOT NULL, PRIMARY KEY (seq, part)) WITHOUT ROWID";
/** Stands where such a decision would: code that does not know of parts takes it for a newer form, and stops. */
const IN_PARTS = '{"v":2}';

export class ControllerStore {
  readonly #storage: StoragePort;
  readonly #bounds: StoreBounds;
  #created = false;
  #hasParts = false;
  /** The image's version that the snapshot holds. */
  #snapshotVersion = 0;

  constructor(storage: StoragePort, bounds: StoreBounds = BOUNDS) {
    this.#storage = storage;
    this.#bounds = bounds;
  }

  /** The image as of the last decision; of version 0 and empty where there was none. Writes nothing. */
  load(): ClusterImage {
    const image = emptyImage();
    const tables = this.#storage.all<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE name IN ('changes', 'change_parts')",
    );
    this.#created = tables.some(({ name }) => name === "changes");
    this.#hasParts = tables.some(({ name }) => name === "change_parts");
    if (!this.#created) return image;
    this.#storage.each<{ image: string }>("SELECT image FROM snapshot ORDER BY part", [], (row) => {
      loadSnapshotRow(image, row.image);
      return true;
    });
    this.#snapshotVersion = image.version;
    this.#storage.each<{ seq: number; change: string }>(
      "SELECT seq, change FROM changes WHERE seq > ? ORDER BY seq",
      [image.version],
      (row) => {
        assert(row.seq === image.version + 1, `decision ${image.version + 1} is missing`);
        applyChangeSet(image, decodeChangeSet(this.#whole(row)));
        return true;
      },
    );
    return image;
  }

  /**
   * Records the decision that follows `image`, all or nothing: when this throws, neither the
   * storage nor anything here has changed. The caller applies it afterwards.
   */
  append(image: ClusterImage, set: ChangeSet): void {
    const text = encodeChangeSet(set);
    const parts = this.#partsOf(text);
    const due = image.version - this.#snapshotVersion >= this.#bounds.snapshotEvery;
    this.#storage.transaction(() => {
      if (!this.#created) for (const table of TABLES) this.#storage.all(table);
      if (due) this.#writeSnapshot(image);
      const seq = image.version + 1;
      const row = parts.length === 1 ? text : IN_PARTS;
      this.#storage.all("INSERT INTO changes (seq, change) VALUES (?, ?)", seq, row);
      if (parts.length > 1) this.#writeParts(seq, parts);
    });
    this.#created = true;
    if (parts.length > 1) this.#hasParts = true;
    if (due) this.#snapshotVersion = image.version;
  }

  /**
   * Touches the storage: an instance that was superseded while it was running fails here, before it
   * answers a read from a memory that is no longer the newest.
   */
  touch(): void {
    this.#storage.all("SELECT 1");
  }

  /** The text of a decision, wherever it stands. */
  #whole({ seq, change }: { readonly seq: number; readonly change: string }): string {
    if (change !== IN_PARTS) return change;
    const parts = this.#storage.all<{ change: string }>(
      "SELECT change FROM change_parts WHERE seq = ? ORDER BY part",
      seq,
    );
    return parts.map((part) => part.change).join("");
  }

  /** The text in pieces that each fit in a row; mostly it is one. */
  #partsOf(text: string): string[] {
    const { rowBytesMax } = this.#bounds;
    if (new TextEncoder().encode(text).length <= rowBytesMax) return [text];
    // A unit of UTF-16 takes three bytes at most.
    return piecesOf(text, Math.floor(rowBytesMax / 3));
  }

  #writeParts(seq: number, parts: readonly string[]): void {
    this.#storage.all(PARTS_TABLE);
    for (const [part, text] of parts.entries()) {
      this.#storage.all(
        "INSERT INTO change_parts (seq, part, change) VALUES (?, ?, ?)",
        seq,
        part,
        text,
      );
    }
  }

  /** Replaces the snapshot; the decisions it contains need no rows of their own any more. */
  #writeSnapshot(image: ClusterImage): void {
    let part = 0;
    for (const text of encodeSnapshot(image, this.#bounds.rowBytesMax)) {
      this.#storage.all("INSERT OR REPLACE INTO snapshot (part, image) VALUES (?, ?)", part, text);
      part += 1;
    }
    this.#storage.all("DELETE FROM snapshot WHERE part >= ?", part);
    this.#storage.all("DELETE FROM changes WHERE seq <= ?", image.version);
    if (this.#hasParts) {
      this.#storage.all("DELETE FROM change_parts WHERE seq <= ?", image.version);
    }
  }
}
