/**
 * What a replica knows of damage to its own storage, and what it does about it. A storage that was lost makes the
 * replica begin anew and count for nothing until it has copied the log (KIP-903). A chunk that is not what was written
 * makes it corrupt: it reports itself to the controller, leads no longer if other replicas are in sync, and gives its
 * log up for a new copy once it has left the in-sync set, never before.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { StorageFailure } from "../../base/storage-failure.ts";
import type { ReplicaAssignment } from "../contracts/assignment.ts";
import type { ControllerPort } from "../contracts/controller-port.ts";
import type { ReplicaState } from "./log/tables.ts";

/** What damage asks of its replica. */
export interface DamageOwner {
  readonly controller: ControllerPort;
  assignment(): ReplicaAssignment;
  isPurged(): boolean;
  /** Writes the state row, which remembers the damage. */
  persist(): void;
  /** Empties the log; writes the state row in the same transaction. */
  emptyLog(): void;
  /** The object has to be reset. */
  broken(error: unknown): void;
}

export class Damage {
  /** The storage was lost, or the log given up, and the log is not copied completely yet. */
  wasReset: boolean;
  /** A stored chunk is not what was written, and the log is not given up yet. */
  isCorrupt: boolean;
  /** Called once corruption is found, after the call that has found it. */
  onCorrupt: () => void = () => {};
  readonly #owner: DamageOwner;
  #isReporting = false;

  constructor(owner: DamageOwner, state: ReplicaState) {
    this.#owner = owner;
    this.wasReset = state.wasReset === true;
    // rule: corruption-is-remembered
    this.isCorrupt = state.isCorrupt === true;
  }

  /** What of it the state row keeps. */
  get state(): Pick<ReplicaState, "wasReset" | "isCorrupt"> {
    // rule: a-lost-storage-is-persisted
    const reset = this.wasReset ? { wasReset: true } : {};
    // rule: corruption-is-persisted
    const corrupt = this.isCorrupt ? { isCorrupt: true } : {};
    return { ...reset, ...corrupt };
  }

  /** Whether the log should be copied from others: until then this replica neither leads nor is in sync. */
  get mustBeCopied(): boolean {
    const { inSync, brokerId } = this.#owner.assignment();
    return this.isCorrupt && inSync.some((id) => id !== brokerId);
  }

  /** Something stored is not what was written. */
  found(): void {
    const isNew = !this.isCorrupt;
    // rule: a-corrupt-replica-knows-it
    this.isCorrupt = true;
    if (isNew) {
      this.#remember();
      // Not in the middle of the read that found it, which may be for a tail that this closes.
      Promise.resolve()
        .then(() => this.onCorrupt())
        .catch((error: unknown) => this.#owner.broken(error));
    }
    this.report();
  }

  /**
   * Reports the corruption to the controller. If others are in sync, the controller takes this replica out of the
   * in-sync set, and the replica then copies the log anew.
   */
  report(): void {
    if (this.#isReporting || this.#owner.isPurged()) return;
    this.#isReporting = true;
    const { topicId, partition, brokerId, leaderEpoch } = this.#owner.assignment();
    const done = (): void => {
      this.#isReporting = false;
    };
    // If the report does not arrive, the next read, push or waking up repeats it.
    this.#owner.controller
      .reportReplica({ topicId, partition, brokerId, leaderEpoch })
      .then(done, done);
  }

  /**
   * A corrupt replica that has left the in-sync set gives its log up, to copy it anew. One that is still in the set
   * refuses with KAFKA_STORAGE_ERROR: an acknowledgement would bring it back into the set at once.
   */
  recopyOrRefuse(): Refusal | null {
    if (!this.isCorrupt) return null;
    const { inSync, brokerId } = this.#owner.assignment();
    // rule: a-corrupt-replica-acknowledges-nothing
    if (inSync.includes(brokerId)) {
      this.report();
      return refuse("KAFKA_STORAGE_ERROR");
    }
    // rule: a-corrupt-log-is-copied-anew
    this.#giveUpLog();
    return null;
  }

  /** Gives the log up: the replica is one that has lost its storage (KIP-903). */
  #giveUpLog(): void {
    const { wasReset, isCorrupt } = this;
    this.wasReset = true;
    this.isCorrupt = false;
    try {
      this.#owner.emptyLog();
    } catch (error) {
      this.wasReset = wasReset;
      this.isCorrupt = isCorrupt;
      throw error;
    }
  }

  /** If storage takes no writes, the corruption is known until the object sleeps, and found again afterwards. */
  #remember(): void {
    try {
      this.#owner.persist();
    } catch (error) {
      if (!(error instanceof StorageFailure)) throw error;
    }
  }
}
