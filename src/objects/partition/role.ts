/**
 * Whether a replica leads, follows or neither: takes up the assignments that the controller decides, begins and ends
 * leaderships by them, and says why the replica does not lead. What a leader does is in leadership.ts.
 */
import { assert, refuse, type Refusal } from "../../base/errors.ts";
import type { ReplicaAssignment } from "../contracts/assignment.ts";
import { TAIL_CLOSE } from "../contracts/partition.ts";
import type { ReplicaCore } from "./core.ts";
import { Leadership } from "./leader/leadership.ts";

/** What else of the replica a change of its role concerns. */
export interface RoleOwner {
  /** Appends that wait for a flush are refused. */
  deposed(refusal: Refusal): void;
  /** A newer assignment, with its settings, was taken up. */
  assigned(): void;
}

export class Role {
  readonly #core: ReplicaCore;
  readonly #owner: RoleOwner;
  #leadership: Leadership | null = null;

  constructor(core: ReplicaCore, owner: RoleOwner) {
    this.#core = core;
    this.#owner = owner;
  }

  /** The epoch that this replica leads; null if it does not lead. */
  get leadership(): Leadership | null {
    return this.#leadership;
  }

  /** The object woke up, or was made: leads again if its assignment says so. */
  resume(): void {
    if (!this.#mayLead()) return;
    this.#leadership = this.#newLeadership();
    // What storage holds when an object wakes up is durable.
    this.#leadership.begin(this.#core.log.point(), false);
  }

  /** Takes up a newer assignment; an older or the same one changes nothing. */
  assign(assignment: ReplicaAssignment): void {
    const before = this.#core.assignment;
    // rule: older-assignments-change-nothing
    if (this.#core.isPurged || assignment.partitionEpoch <= before.partitionEpoch) return;
    assert(
      assignment.leaderEpoch >= before.leaderEpoch,
      "leader epochs rise with partition epochs",
    );
    // rule: followers-keep-what-may-be-committed
    this.#core.adopt(assignment);
    const leads = this.#mayLead();
    const isSameTerm = assignment.leaderEpoch === before.leaderEpoch;
    // rule: a-deposed-leader-steps-down
    if (this.#leadership && (!leads || !isSameTerm)) this.#stepDown();
    if (this.#leadership) this.#leadership.reassigned();
    else if (leads) this.#lead();
    if (this.#core.damage.mustBeCopied) this.#core.damage.report();
    this.#core.waiters.release();
    this.#owner.assigned();
  }

  /** Takes up an assignment that a peer was given: the same decision, as it concerns this replica. */
  readonly adoptFromPeer = (assignment: ReplicaAssignment): void => {
    const { brokerId, generation, founding } = this.#core.assignment;
    this.assign({ ...assignment, brokerId, generation, founding });
  };

  /** A leader that is found corrupt leads no longer if others are in sync: one of them is to be elected. */
  resignIfCorrupt(): void {
    if (this.#leadership && !this.#mayLead()) this.#stepDown();
    this.#core.waiters.release();
  }

  /** Ends: the replica is purged. */
  end(refusal: Refusal): void {
    this.#leadership?.end(refusal);
    this.#leadership = null;
  }

  /** The epoch that this replica leads, or why it does not. */
  leading(): Leadership | Refusal {
    return this.#leadership ?? this.refusalToLead() ?? refuse("LEADER_NOT_AVAILABLE");
  }

  /**
   * Null if this replica leads. Errors: LEADER_NOT_AVAILABLE, STORAGE_LOST, NOT_LEADER_OR_FOLLOWER,
   * REPLICA_NOT_AVAILABLE, UNKNOWN_TOPIC_OR_PARTITION.
   */
  refusalToLead(): Refusal | null {
    const refusal = this.#core.refusalToServe();
    if (refusal || this.#leadership) return refusal;
    const { leader, brokerId } = this.#core.assignment;
    if (this.isLostLeader) return refuse("STORAGE_LOST");
    return refuse(
      leader < 0 || leader === brokerId ? "LEADER_NOT_AVAILABLE" : "NOT_LEADER_OR_FOLLOWER",
    );
  }

  /**
   * The gate before every answer about where the log ends for readers: only a leader gives one, once its high
   * watermark is known to be no lower than any that was told before (KIP-207). Null if it may. Waits a bounded time.
   * Errors: those of {@link refusalToLead}, OFFSET_NOT_AVAILABLE.
   */
  async refusalOfEnd(): Promise<Refusal | null> {
    if (this.#leadership?.isVerified === false) await this.#leadership.verified();
    const refusal = this.refusalToLead();
    if (refusal) return refusal;
    // rule: ends-are-told-when-known
    return this.#leadership?.isVerified === true ? null : refuse("OFFSET_NOT_AVAILABLE");
  }

  /** It is assigned to lead and has lost its log: no other replica is in sync, or nobody has noticed yet. */
  get isLostLeader(): boolean {
    const { leader, brokerId } = this.#core.assignment;
    return leader === brokerId && this.#core.damage.wasReset;
  }

  #mayLead(): boolean {
    const { assignment, damage } = this.#core;
    const { leader, brokerId, leaderEpoch, uncleanEpoch } = assignment;
    const isUsable = this.#core.refusalToServe() === null;
    // rule: a-reset-replica-does-not-lead
    if (damage.wasReset && uncleanEpoch !== leaderEpoch) return false;
    // rule: a-corrupt-replica-leaves-the-lead-to-others
    if (damage.mustBeCopied) return false;
    return leader === brokerId && isUsable;
  }

  /** Begins to lead a new epoch, once everything that the log holds is durable. */
  #lead(): void {
    const leadership = this.#newLeadership();
    const end = this.#core.log.point();
    this.#leadership = leadership;
    if (this.#core.damage.wasReset) {
      // An unclean election: whatever this replica holds is the log from now on.
      this.#core.damage.wasReset = false;
      this.#core.persist();
    }
    this.#core.ports.storage.sync().then(
      () => leadership.begin(end, true),
      (error: unknown) => this.#core.ports.broken(error),
    );
  }

  #newLeadership(): Leadership {
    return new Leadership(this.#core, this.adoptFromPeer);
  }

  #stepDown(): void {
    const deposed = refuse("NOT_LEADER_OR_FOLLOWER");
    this.end(deposed);
    this.#owner.deposed(deposed);
    this.#core.tails.closeAll(TAIL_CLOSE.moved, "Another replica leads the partition.");
  }
}
