/**
 * One service per data directory. The lock is an exclusively opened SQLite file: the operating system releases it
 * however its process ends, so a lock never stays behind.
 *
 * The runtime is a process of its own and may outlive a killed service by a moment, while it writes to the same data.
 * So its identity is noted beside the lock, and a new service waits for its end.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isRunning, type ProcessIdentity } from "./processes.ts";

const EARLIER_RUNTIME_WAIT_MS = 5_000;
const EARLIER_RUNTIME_POLL_MS = 20;

const NOT_WRITABLE = "this user may not write there.";
const NO_FOLDER = "it is a file, or below one.";

/** By the system's code. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: NOT_WRITABLE,
  EPERM: NOT_WRITABLE,
  EROFS: "the file system is read-only.",
  EEXIST: NO_FOLDER,
  ENOTDIR: NO_FOLDER,
  ENOENT: "its folder cannot be created.",
  ENOSPC: "the disk is full.",
};

export interface DataLock {
  readonly ok: true;
  /** Notes which process serves the data, before it opens them. */
  noteRuntime(pid: number): void;
  release(): void;
}

interface Note {
  readonly service: number;
  readonly runtime?: ProcessIdentity;
}

/** Takes the directory, creating it; says who holds it when it is taken. */
export async function lockData(
  dataDir: string,
): Promise<DataLock | { readonly ok: false; readonly problem: string }> {
  const notePath = join(dataDir, "service.json");
  const opened = openLock(dataDir);
  if (!opened.ok) return opened;
  const { lock } = opened;
  if (!lockWhole(lock)) {
    lock.close();
    const holder = readNote(notePath)?.service;
    const who = holder === undefined ? "Another service" : `Another service (process ${holder})`;
    return { ok: false, problem: `${who} runs on the data in ${dataDir}.` };
  }
  const earlier = readNote(notePath)?.runtime;
  if (earlier !== undefined && !(await ended(earlier))) {
    lock.close();
    const problem = `The runtime of a service that ended (process ${earlier.pid}) still has the data in ${dataDir}.`;
    return { ok: false, problem };
  }
  const note = (content: Note): void => writeFileSync(notePath, `${JSON.stringify(content)}\n`);
  note({ service: process.pid });
  return {
    ok: true,
    noteRuntime(pid) {
      const runtime = identify(pid);
      note({ service: process.pid, ...(runtime && { runtime }) });
    },
    release() {
      rmSync(notePath, { force: true });
      lock.close();
    },
  };
}

/** Creates the directory where it is missing, and opens the lock's file in it, which writes. */
function openLock(
  dataDir: string,
):
  | { readonly ok: true; readonly lock: DatabaseSync }
  | { readonly ok: false; readonly problem: string } {
  try {
    makeFolder(dataDir);
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    return { ok: true, lock: new DatabaseSync(join(dataDir, "service.lock")) };
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    const reason = REASONS[code] ?? `${message}.`;
    return { ok: false, problem: `DATA_DIR ${dataDir} cannot be used: ${reason}` };
  }
}

/** Not by `recursive`: where a parent exists and takes no folder, as /proc, Node.js tries that without end. */
function makeFolder(path: string): void {
  if (existsSync(path) && statSync(path).isDirectory()) return;
  const parent = dirname(path);
  if (!existsSync(parent)) makeFolder(parent);
  mkdirSync(path);
}

function lockWhole(lock: DatabaseSync): boolean {
  try {
    lock.exec("PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.includes("locked")) return false;
    throw error;
  }
}

async function ended(runtime: ProcessIdentity): Promise<boolean> {
  const deadline = Date.now() + EARLIER_RUNTIME_WAIT_MS;
  while (isRunning(runtime)) {
    if (Date.now() > deadline) return false;
    await sleep(EARLIER_RUNTIME_POLL_MS);
  }
  return true;
}

function readNote(path: string): Note | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Note;
  } catch {
    // Absent, or cut off by a crash while it was written: then that service had not started a runtime yet.
    return null;
  }
}
