/** Errors of brokers, leaders and reassignments, and of a cluster that cannot serve the request at the moment. */
import { row } from "../error-row.ts";

export const CLUSTER_ERRORS = {
  // Brokers, leaders, reassignments.
  DUPLICATE_BROKER_REGISTRATION: row(
    101,
    409,
    40903,
    false,
    "A broker of this id is registered with another rack or location hint.",
  ),
  ELECTION_NOT_NEEDED: row(
    84,
    409,
    40903,
    false,
    "The replica to elect leads the partition already.",
  ),
  PREFERRED_LEADER_NOT_AVAILABLE: row(
    80,
    503,
    50302,
    true,
    "The preferred leader is not in sync, or its broker is fenced or draining.",
  ),
  ELIGIBLE_LEADERS_NOT_AVAILABLE: row(
    83,
    503,
    50302,
    true,
    "No replica that could lead can be reached.",
  ),
  NO_REASSIGNMENT_IN_PROGRESS: row(85, 404, 404, false, "The partition is not being reassigned."),

  // The state of the cluster.
  NOT_LEADER_OR_FOLLOWER: row(
    6,
    503,
    50302,
    true,
    "This replica does not lead the partition any more.",
  ),
  FENCED_LEADER_EPOCH: row(74, 503, 50302, true, "The leader epoch is an old one."),
  UNKNOWN_LEADER_EPOCH: row(75, 503, 50302, true, "The leader epoch is not known yet."),
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: row(
    20,
    503,
    50302,
    true,
    "The records were written, then fewer replicas than min.insync.replicas were in sync; whether they stay is not known.",
  ),
  REPLICA_NOT_AVAILABLE: row(9, 503, 50302, true, "The replica's broker is fenced."),
  INVALID_UPDATE_VERSION: row(95, 503, 50302, true, "The partition epoch is not the present one."),
  INELIGIBLE_REPLICA: row(
    107,
    503,
    50302,
    true,
    "A replica cannot join the in-sync set: its broker is fenced, or it is no replica.",
  ),
  NOT_ENOUGH_REPLICAS: row(
    19,
    503,
    50302,
    true,
    "Fewer replicas are in sync than min.insync.replicas asks for; nothing was written.",
  ),
  THROTTLING_QUOTA_EXCEEDED: row(
    89,
    429,
    42901,
    true,
    "The partition has as many bytes in flight as it can hold; this attempt has written nothing.",
  ),
  REQUEST_TIMED_OUT: row(
    7,
    500,
    50003,
    true,
    "The request timed out; whether it took effect is not known.",
  ),
  KAFKA_STORAGE_ERROR: row(
    56,
    500,
    50003,
    true,
    "Storage did not confirm the write; whether it took effect is not known.",
  ),
  STORAGE_LOST: row(
    56,
    500,
    50003,
    true,
    "The storage of the object is lost or cannot be opened. Where another replica is in sync it takes over in a moment; where none is, an operator has to restore the storage or to give up what it held (docs/operations.md).",
  ),
  COORDINATOR_NOT_AVAILABLE: row(15, 500, 50003, true, "The coordinator cannot be reached."),
  NOT_COORDINATOR: row(16, 500, 50003, true, "This object does not coordinate the group."),
  UNKNOWN_SERVER_ERROR: row(-1, 500, 50002, true, "The service failed; try again."),
} as const;
