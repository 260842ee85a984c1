/**
 * Remembers replicas whose storage could not be opened: their objects answer, at once, that it does not open, or
 * cannot be constructed at all. Silence, lost calls and writes that fail are something else and count for nothing
 * here. In memory only: after a restart the next answers begin it anew. Decides nothing.
 */
import { replicaObjectName, type ReplicaName } from "../../../base/ids.ts";
import type { ClockPort } from "../../../base/ports.ts";

/** A replica has been seen so for this long, and so often, before anything is decided about it. */
export const UNOPENED_MS = 10_000;
const SIGHTINGS_MIN = 3;
/** A sighting that none has followed for so long is forgotten. */
const FORGOTTEN_MS = 60_000;
/** Replicas remembered at most: of a whole broker that is damaged the others follow. */
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

  /** An answer has come: whether the storage was open. */
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

  /** Nothing is to be known of it any more. */
  forget(replica: ReplicaName): void {
    this.#sightings.delete(replicaObjectName(replica));
  }

  /** All that are remembered; `lasting`: those that have been seen so for long enough. */
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
