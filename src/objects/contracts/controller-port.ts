/** Calls of the controller by replicas. Types only. */
import type { Refusal } from "../../base/errors.ts";
import type { ReplicaAssignment } from "./assignment.ts";

export interface LeaderReport {
  readonly topicId: string;
  readonly partition: number;
  /** Epoch of the leader that could not be reached. */
  readonly leaderEpoch: number;
}

export interface ReplicaReport extends LeaderReport {
  /** The follower's; the epoch is the reporting leader's. */
  readonly brokerId: number;
}

/** A leader's proposal of another in-sync set (AlterPartition, KIP-497). Both epochs are compared with the controller's. */
export interface AlterInSyncRequest {
  readonly topicId: string;
  readonly partition: number;
  /** The proposing leader's. */
  readonly brokerId: number;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  /** Broker ids of the proposed set. */
  readonly inSync: readonly number[];
}

/** The leader's assignment after the change. */
export interface AlteredInSync {
  readonly ok: true;
  readonly assignment: ReplicaAssignment;
}

export interface ControllerPort {
  /**
   * Errors, after which nothing is changed: FENCED_LEADER_EPOCH (another replica leads), INVALID_UPDATE_VERSION (the
   * partition epoch is another one), INELIGIBLE_REPLICA (fenced, or no replica), UNKNOWN_TOPIC_OR_PARTITION.
   */
  alterInSync(request: AlterInSyncRequest): Promise<AlteredInSync | Refusal>;
  /** A follower has lost its storage, or its storage fails: its assignment is to be sent again. */
  reportReplica(report: ReplicaReport): Promise<{ readonly ok: true } | Refusal>;
}
