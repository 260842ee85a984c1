/** What replicas ask of the controller and tell it. Types only. */
import type { Refusal } from "../../base/errors.ts";
import type { ReplicaAssignment } from "./assignment.ts";

export interface LeaderReport {
  readonly topicId: string;
  readonly partition: number;
  /** Epoch of the leader that could not be reached. */
  readonly leaderEpoch: number;
}

export interface ReplicaReport extends LeaderReport {
  /** Of the follower; the epoch is the reporting leader's. */
  readonly brokerId: number;
}

/** A leader's wish for another in-sync set (KIP-497). Both epochs are compared with the controller's. */
export interface AlterInSyncRequest {
  readonly topicId: string;
  readonly partition: number;
  /** Of the leader that asks. */
  readonly brokerId: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  /** Broker ids. */
  readonly inSync: readonly number[];
}

/** The asking leader's assignment after the change. */
export interface AlteredInSync {
  readonly ok: true;
  readonly assignment: ReplicaAssignment;
}

export interface ControllerPort {
  /**
   * Errors, nothing was changed: FENCED_LEADER_EPOCH (another leads), INVALID_UPDATE_VERSION (another
   * partition epoch holds), INELIGIBLE_REPLICA (fenced, or no replica), UNKNOWN_TOPIC_OR_PARTITION.
   */
  alterInSync(request: AlterInSyncRequest): Promise<AlteredInSync | Refusal>;
  /** A follower is no replica any more, having lost its storage, or storage fails it: it is to be told anew what it is. */
  reportReplica(report: ReplicaReport): Promise<{ readonly ok: true } | Refusal>;
}
