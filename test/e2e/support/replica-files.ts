/**
 * The files of replicas' objects in the data directory of a service that does not run, and what can
 * become of them: truncated, overwritten, changed in the middle.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Where the local runtime keeps the objects of partitions. */
const PARTITIONS = "do/odradek-Partition";

interface Held {
  readonly topic: string;
  readonly partition: number;
  readonly brokerId: number;
  readonly generation: number;
}

/** The database of a replica, with its write-ahead log merged into it. Throws where there is none. */
export function replicaFile(dataDir: string, replica: Omit<Held, "generation">): string {
  const folder = join(dataDir, PARTITIONS);
  const files = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  for (const name of files) {
    const path = join(folder, name);
    const held = heldIn(path);
    const isIt =
      held?.topic === replica.topic &&
      held.partition === replica.partition &&
      held.brokerId === replica.brokerId;
    if (isIt) return path;
  }
  throw new Error(`no file of ${JSON.stringify(replica)}`);
}

function heldIn(path: string): Held | null {
  const database = new DatabaseSync(path);
  try {
    const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'replica'").get();
    if (!table) return null;
    const row = database.prepare("SELECT state FROM replica WHERE id = 0").get();
    if (!row) return null;
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    return (JSON.parse(String(row["state"])) as { assignment: Held }).assignment;
  } finally {
    database.close();
  }
}

export type Damage = "truncated" | "overwritten" | "garbled" | "emptied";

/** A page of the database. */
const PAGE_BYTES = 4_096;
/** The page with the number of pages: without it none of the others can be found. */
const TRUNCATED_BYTES = 100;

export function damage(path: string, how: Damage): void {
  for (const beside of ["-wal", "-shm"]) rmSync(path + beside, { force: true });
  const bytes = readFileSync(path);
  switch (how) {
    case "truncated":
      return truncateSync(path, TRUNCATED_BYTES);
    case "overwritten":
      return writeFileSync(path, randomBytes(bytes.length));
    case "garbled":
      // All but the page that says what there is.
      return writeFileSync(
        path,
        Buffer.concat([bytes.subarray(0, PAGE_BYTES), randomBytes(bytes.length - PAGE_BYTES)]),
      );
    case "emptied":
      return truncateSync(path, 0);
  }
}
