/**
 * The journal of an object whose state is the sum of its decisions: a row for each decision in a ring, and a
 * snapshot of the image each time the ring is full. So waking up reads a bounded number of rows, and no row has to
 * be deleted (deletes are billed like writes). Both coordinators keep their state in it. Knows rows; decides nothing.
 */
import { assert } from "../../base/errors.ts";
import type { StoragePort } from "../../base/ports.ts";
import { piecesOf } from "../../base/text-pieces.ts";

/** One decision of a coordinator: its changes happen together or not at all. */
export interface ChangeSet<Change> {
  /** When it was decided, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly changes: readonly Change[];
}

/** Raised when the form changes in another way than by additions, so that a reader must know of it. */
const FORM_VERSION = 1;

export function encodeChangeSet<Change>({ atMs, changes }: ChangeSet<Change>): string {
  return JSON.stringify({ v: FORM_VERSION, atMs, changes });
}

/** Asserts that this code knows the form: an object is better down than misread by old code. */
export function decodeChangeSet<Change>(text: string): ChangeSet<Change> {
  const { v, atMs, changes } = JSON.parse(text) as ChangeSet<Change> & { readonly v: number };
  assert(v === FORM_VERSION, `a change of form ${v} was written by newer code`);
  return { atMs, changes };
}

/** How decisions, and the image that is their sum, become text and come back. */
export interface JournalFormat<Image, Decision> {
  empty(): Image;
  apply(image: Image, decision: Decision): void;
  encode(decision: Decision): string;
  decode(text: string): Decision;
  /** Any number of parts; the journal cuts those that are longer than `lengthMax` UTF-16 units. */
  encodeImage(image: Image, lengthMax: number): Iterable<string>;
  /** `parts`: the rows of a snapshot in order, at least one. */
  decodeImage(parts: Iterable<string>): Image;
  /** The record as earlier versions kept it, in tables of other shapes. */
  readonly older?: OlderRecord<Image>;
}

export interface OlderRecord<Image> {
  /** Null where there is none. Writes nothing. */
  load(storage: StoragePort): Image | null;
  /** Removes it; the image is in a snapshot of the new shape by then. */
  remove(storage: StoragePort): void;
}

export interface JournalBounds {
  /** UTF-16 units of one row, each of at most three bytes, so that a row stays below the platform's 2 MB. */
  readonly rowLengthMax: number;
  /** Rows between two snapshots, which is what waking up replays at most. */
  readonly ringRows: number;
}

const BOUNDS: JournalBounds = { rowLengthMax: 600_000, ringRows: 256 };

/** `more` is 1 where the decision continues in the next row. */
const TABLES = [
  "CREATE TABLE changes (slot INTEGER PRIMARY KEY, seq INTEGER NOT NULL, more INTEGER NOT NULL, change TEXT NOT NULL)",
  "CREATE TABLE snapshot (part INTEGER PRIMARY KEY, seq INTEGER NOT NULL, image TEXT NOT NULL)",
];

const INSERT =
  "INSERT INTO changes (slot, seq, more, change) VALUES (?, ?, ?, ?) ON CONFLICT (slot) DO UPDATE SET seq = excluded.seq, more = excluded.more, change = excluded.change";

interface Row {
  readonly seq: number;
  readonly more: number;
  readonly change: string;
}

export class Journal<Image, Decision> {
  readonly #storage: StoragePort;
  readonly #format: JournalFormat<Image, Decision>;
  readonly #bounds: JournalBounds;
  #created = false;
  #isOlder = false;
  /** Sequence numbers of the last row written, and of the last one that the snapshot contains. */
  #seq = 0;
  #snapshotSeq = 0;

  constructor(
    storage: StoragePort,
    format: JournalFormat<Image, Decision>,
    bounds: JournalBounds = BOUNDS,
  ) {
    this.#storage = storage;
    this.#format = format;
    this.#bounds = bounds;
  }

  /** The image after the last decision; an empty one where there was none. Writes nothing. */
  load(): Image {
    const format = this.#format;
    const tables = this.#storage.all("SELECT name FROM sqlite_master WHERE name = 'changes'");
    if (tables.length === 0) return format.empty();
    const older = format.older?.load(this.#storage) ?? null;
    this.#isOlder = older !== null;
    if (older !== null) return older;
    this.#created = true;
    const image = this.#loadSnapshot();
    let text = "";
    for (const { seq, more, change } of this.#rowsSince(this.#snapshotSeq)) {
      assert(seq === this.#seq + 1, `row ${this.#seq + 1} is missing`);
      this.#seq = seq;
      text += change;
      if (more === 1) continue;
      format.apply(image, format.decode(text));
      text = "";
    }
    assert(text === "", "the last decision is not whole");
    return image;
  }

  /**
   * Records the decision that follows `image`, all or nothing: when this throws, neither the storage nor this
   * journal has changed. The caller applies the decision afterwards.
   */
  append(image: Image, decision: Decision): void {
    const pieces = piecesOf(this.#format.encode(decision), this.#bounds.rowLengthMax);
    const { ringRows } = this.#bounds;
    // rule: a-full-ring-is-in-the-snapshot
    const isFull = this.#seq + pieces.length - this.#snapshotSeq > ringRows;
    assert(pieces.length <= ringRows, `a decision takes ${pieces.length} rows`);
    let seq = this.#seq;
    this.#storage.transaction(() => {
      if (this.#isOlder) this.#format.older!.remove(this.#storage);
      if (!this.#created) for (const table of TABLES) this.#storage.all(table);
      if (isFull || this.#isOlder) this.#writeSnapshot(image);
      pieces.forEach((piece, at) => {
        const more = at < pieces.length - 1 ? 1 : 0;
        this.#storage.all(INSERT, seq % ringRows, seq + 1, more, piece);
        seq += 1;
      });
    });
    this.#created = true;
    this.#isOlder = false;
    if (isFull) this.#snapshotSeq = this.#seq;
    this.#seq = seq;
  }

  /** Deletes all storage, so that the object is billed for nothing any more. */
  async deleteAll(): Promise<void> {
    this.#created = false;
    this.#isOlder = false;
    this.#seq = 0;
    this.#snapshotSeq = 0;
    await this.#storage.deleteAll();
  }

  /**
   * Touches the storage: an instance that was superseded while it was running fails here, before it answers a
   * read from memory that is out of date.
   */
  touch(): void {
    this.#storage.all("SELECT 1");
  }

  #loadSnapshot(): Image {
    const parts = this.#storage.all<{ seq: number; image: string }>(
      "SELECT seq, image FROM snapshot ORDER BY part",
    );
    this.#snapshotSeq = parts[0]?.seq ?? 0;
    this.#seq = this.#snapshotSeq;
    if (parts.length === 0) return this.#format.empty();
    return this.#format.decodeImage(parts.map(({ image }) => image));
  }

  /** Sorted here, because an index on seq would be billed with every row written, and there are few rows. */
  #rowsSince(seq: number): Row[] {
    return this.#storage
      .all<{ seq: number; more: number; change: string }>("SELECT seq, more, change FROM changes")
      .filter((row) => row.seq > seq)
      .toSorted((a, b) => a.seq - b.seq);
  }

  #writeSnapshot(image: Image): void {
    const { rowLengthMax } = this.#bounds;
    let part = 0;
    for (const whole of this.#format.encodeImage(image, rowLengthMax)) {
      for (const text of piecesOf(whole, rowLengthMax)) {
        this.#storage.all(
          "INSERT OR REPLACE INTO snapshot (part, seq, image) VALUES (?, ?, ?)",
          part,
          this.#seq,
          text,
        );
        part += 1;
      }
    }
    this.#storage.all("DELETE FROM snapshot WHERE part >= ?", part);
  }
}
