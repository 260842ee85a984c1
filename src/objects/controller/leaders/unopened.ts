/**
 * Remembers replicas whose storage could not be opened: the object answers so, or cannot be constructed at all. Calls
 * without an answer and failed writes do not count. In memory only: after a restart the count begins again. Decides
 * nothing.
 */
import { replicaObjectName, type ReplicaName } from "../../../base/ids.ts";
import type { ClockPort } from "../../../base/ports.ts";

/** Nothing is decided about a replica before it was seen so for this long, in milliseconds, and this often. */
export const UNOPENED_MS = 10_000;
const SIGHTINGS_MIN = 3;
/** Sightings are forgotten when none has followed for this long, in milliseconds. */
const FORGOTTEN_MS = 60_000;
/** Replicas remembered at most; when a whole broker is damaged the others follow later. */
const REMEMBERED_MAX = 10_000;

interface Sighting {
  readonly replica: ReplicaName;
  readonly sinceMs: number;
  readonly lastMs: number;
  readonly count: number;
}

export class Unopened {
  readonly #clock: ClockPort;
  /** By object name. */
  readonly #sightings = new Map<string, Sighting>();

  constructor(clock: ClockPort) {
    this.#clock = clock;
  }

  /** An answer has shown whether the storage is open. */
  note(replica: ReplicaName, isOpen: boolean): void {
    const name = replicaObjectName(replica);
    if (isOpen) {
      if (this.#sightings.size > 0) this.#sightings.delete(name);
      return;
    }
    const nowMs = this.#clock.nowMs();
    const known = this.#sightings.get(name);
    if (!known && this.#sightings.size >= REMEMBERED_MAX) return;
    const isRecent = known !== undefined && nowMs - known.lastMs < FORGOTTEN_MS;
    const sinceMs = isRecent ? known.sinceMs : nowMs;
    const count = isRecent ? known.count + 1 : 1;
    this.#sightings.set(name, { replica, sinceMs, lastMs: nowMs, count });
  }

  /** Forgets a replica. */
  forget(replica: ReplicaName): void {
    this.#sightings.delete(replicaObjectName(replica));
  }

  /** All replicas remembered; `lasting`: those whose storage has not opened for long enough. */
  replicas(): { readonly all: readonly ReplicaName[]; readonly lasting: readonly ReplicaName[] } {
    if (this.#sightings.size === 0) return { all: [], lasting: [] };
    const nowMs = this.#clock.nowMs();
    const all: ReplicaName[] = [];
    const lasting: ReplicaName[] = [];
    for (const [name, { replica, sinceMs, lastMs, count }] of this.#sightings) {
      if (nowMs - lastMs >= FORGOTTEN_MS) {
        this.#sightings.delete(name);
        continue;
      }
      all.push(replica);
      if (count >= SIGHTINGS_MIN && lastMs - sinceMs >= UNOPENED_MS) lasting.push(replica);
    }
    return { all, lasting };
  }
}
