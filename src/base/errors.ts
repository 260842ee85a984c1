/**
 * The one error table. The HTTP API, the wire protocol, the client's retry decisions and
 * `docs/errors.md` are all derived from it; there is no second list anywhere.
 *
 * A row: Kafka's code (-1 where Kafka has none), the HTTP status, the REST code of the body
 * (`{"error_code": n, "message": "…"}`), whether the same request may succeed later, and the
 * text a caller reads when the place that refuses has nothing more exact to say.
 */

interface ErrorRow {
  /** Kafka's protocol error code; -1 is UNKNOWN_SERVER_ERROR, used where Kafka has no word. */
  readonly kafka: number;
  readonly http: number;
  readonly rest: number;
  readonly retriable: boolean;
  readonly text: string;
}

const row = (
  kafka: number,
  http: number,
  rest: number,
  retriable: boolean,
  text: string,
): ErrorRow => ({ kafka, http, rest, retriable, text });

export const ERRORS = {
  // The request itself.
  INVALID_REQUEST: row(42, 400, 400, false, "The request is malformed."),
  INVALID_TOPIC_EXCEPTION: row(17, 400, 40002, false, "The topic name is not legal."),
  TOPIC_ALREADY_EXISTS: row(36, 400, 40002, false, "A topic of this name already exists."),
  INVALID_PARTITIONS: row(37, 400, 40002, false, "The number of partitions is not legal."),
  INVALID_REPLICATION_FACTOR: row(
    38,
    400,
    40002,
    false,
    "The replication factor is not between 1 and the number of active brokers.",
  ),
  INVALID_REPLICA_ASSIGNMENT: row(39, 400, 40002, false, "The replica assignment is not legal."),
  INVALID_CONFIG: row(40, 400, 40002, false, "The configuration is not legal."),
  POLICY_VIOLATION: row(44, 400, 40002, false, "The topic's settings do not allow it."),
  INVALID_CONSUMER_CONFIG_VALUE: row(
    42,
    400,
    40001,
    false,
    "A consumer setting is out of its bounds.",
  ),
  INVALID_CONSUMER_CONFIG: row(42, 422, 42204, false, "A consumer setting is not legal."),
  INVALID_GROUP_ID: row(24, 400, 400, false, "The group's id is not legal."),
  INVALID_SESSION_TIMEOUT: row(
    26,
    400,
    40001,
    false,
    "The session timeout is not between group.min.session.timeout.ms and group.max.session.timeout.ms.",
  ),
  FETCH_SESSION_ID_NOT_FOUND: row(
    70,
    400,
    400,
    false,
    "The connection has no such fetch session; fetch all partitions anew.",
  ),
  INVALID_FETCH_SESSION_EPOCH: row(
    71,
    400,
    400,
    false,
    "The epoch is not the next one of the fetch session; fetch all partitions anew.",
  ),
  FETCH_SESSION_TOPIC_ID_ERROR: row(
    106,
    400,
    400,
    false,
    "The fetch session names topics in another way; fetch all partitions anew.",
  ),
  INVALID_REQUIRED_ACKS: row(21, 400, 400, false, "The acks asked for are neither 0, 1 nor all."),
  REBOOTSTRAP_REQUIRED: row(
    129,
    400,
    400,
    false,
    "The client means another cluster; it has to look for its brokers anew.",
  ),
  UNSUPPORTED_VERSION: row(35, 400, 400, false, "The version of the API is not supported."),

  // Who asks.
  SASL_AUTHENTICATION_FAILED: row(58, 401, 40101, false, "Not authenticated."),
  CLUSTER_AUTHORIZATION_FAILED: row(31, 403, 40301, false, "Not allowed."),
  UNSUPPORTED_SASL_MECHANISM: row(
    33,
    401,
    40101,
    false,
    "Only the SASL mechanism PLAIN is spoken.",
  ),
  ILLEGAL_SASL_STATE: row(
    34,
    401,
    40101,
    false,
    "The request does not fit the state of the handshake.",
  ),

  // Producers.
  INVALID_PRODUCER_EPOCH: row(
    47,
    403,
    40302,
    false,
    "The producer was fenced: a newer epoch of its id has written.",
  ),
  OUT_OF_ORDER_SEQUENCE_NUMBER: row(
    45,
    409,
    40904,
    false,
    "The sequence does not follow the last one that was written by this producer, and is none of the last five batches.",
  ),
  UNKNOWN_PRODUCER_ID: row(
    59,
    409,
    40904,
    false,
    "The producer's state has expired and its sequence does not start at 0.",
  ),

  // What is not there.
  NOT_FOUND: row(42, 404, 404, false, "There is nothing at this path."),
  METHOD_NOT_ALLOWED: row(42, 405, 405, false, "The path does not answer to this method."),
  UNKNOWN_TOPIC: row(3, 404, 40401, false, "The topic does not exist."),
  UNKNOWN_PARTITION: row(3, 404, 40402, false, "The partition does not exist."),
  UNKNOWN_TOPIC_OR_PARTITION: row(
    3,
    404,
    40403,
    false,
    "This topic does not have such a partition.",
  ),
  UNKNOWN_CLUSTER: row(42, 404, 404, false, "The cluster does not exist."),
  UNKNOWN_CONFIG: row(40, 404, 404, false, "There is no such setting."),
  BROKER_NOT_FOUND: row(102, 404, 404, false, "The broker does not exist."),
  UNKNOWN_MEMBER_ID: row(25, 404, 40403, false, "The consumer instance does not exist."),
  LEADER_NOT_AVAILABLE: row(5, 404, 40404, true, "The partition has no leader at the moment."),
  GROUP_ID_NOT_FOUND: row(69, 404, 40405, false, "The group does not exist."),
  UNKNOWN_TOPIC_ID: row(100, 404, 40401, false, "No topic has this id."),
  INCONSISTENT_TOPIC_ID: row(
    103,
    404,
    40401,
    false,
    "The topic was deleted, and another was made under its name.",
  ),

  // Formats.
  NOT_ACCEPTABLE: row(42, 406, 40601, false, "None of the accepted media types can be given."),
  UNSUPPORTED_MEDIA_TYPE: row(42, 415, 415, false, "The media type is not supported."),
  INVALID_RECORD: row(87, 422, 42206, false, "A record is not legal."),
  SERIALIZATION: row(87, 422, 42207, false, "A key or value does not fit its declared type."),
  INVALID_TIMESTAMP: row(32, 422, 42206, false, "A timestamp is out of its bounds."),
  CORRUPT_MESSAGE: row(2, 422, 42208, false, "The record batch is corrupt."),
  INVALID_BATCH: row(42, 422, 42208, false, "The entries of the batch are not legal."),
  UNSUPPORTED_FOR_MESSAGE_FORMAT: row(
    43,
    422,
    42208,
    false,
    "Only record batches of format 2 are supported.",
  ),
  UNSUPPORTED_COMPRESSION_TYPE: row(76, 422, 42208, false, "The compression is not supported."),
  MESSAGE_TOO_LARGE: row(10, 413, 413, false, "The record batch or the request is too large."),

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

  // Groups.
  REBALANCE_IN_PROGRESS: row(27, 409, 40905, true, "The group is rebalancing."),
  ILLEGAL_GENERATION: row(22, 409, 40905, true, "The generation is not the current one."),
  ALREADY_SUBSCRIBED: row(42, 409, 40901, false, "The instance is subscribed in another way."),
  INSTANCE_EXISTS: row(42, 409, 40902, false, "An instance of this name already exists."),
  ILLEGAL_STATE: row(42, 409, 40903, false, "The request does not fit the present state."),
  INCONSISTENT_GROUP_PROTOCOL: row(
    23,
    409,
    40903,
    false,
    "The member supports no assignment protocol that all members of the group support.",
  ),
  MEMBER_ID_REQUIRED: row(79, 409, 40903, false, "Join again with the member id of this answer."),
  FENCED_INSTANCE_ID: row(
    82,
    409,
    40903,
    false,
    "Another member has taken the place of this group.instance.id.",
  ),
  GROUP_MAX_SIZE_REACHED: row(81, 409, 40903, false, "The group has as many members as it may."),
  NON_EMPTY_GROUP: row(68, 409, 40903, false, "The group has members."),
  GROUP_SUBSCRIBED_TO_TOPIC: row(
    86,
    409,
    40903,
    false,
    "Members of the group are subscribed to the topic.",
  ),

  // Offsets.
  OFFSET_BELOW_LOG_START: row(
    1,
    410,
    41001,
    false,
    "The offset is below the log start: its records were deleted.",
  ),
  OFFSET_OUT_OF_RANGE: row(1, 416, 41601, false, "The offset is past the end of the log."),
  NO_OFFSET_FOR_PARTITION: row(
    1,
    409,
    40903,
    false,
    "Nothing is committed for the partition, and auto.offset.reset is none.",
  ),
  OFFSET_METADATA_TOO_LARGE: row(
    12,
    422,
    42206,
    false,
    "The metadata of a committed offset is longer than offset.metadata.max.bytes.",
  ),

  OFFSET_NOT_AVAILABLE: row(
    78,
    503,
    50302,
    true,
    "A new leader does not know yet how far the log is committed.",
  ),

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
} as const satisfies Record<string, ErrorRow>;

export type ErrorName = keyof typeof ERRORS;

/** An operating error as a value. `message` is safe to show: no payloads, no keys. */
export interface Refusal {
  readonly ok: false;
  readonly error: ErrorName;
  readonly message: string;
}

/** Refuses with the table's text, or with a more exact one. */
export function refuse(error: ErrorName, message?: string): Refusal {
  return { ok: false, error, message: message ?? ERRORS[error].text };
}

/** A broken assumption, never an operating error: the object that meets it is reset. */
export class InvariantBroken extends Error {
  override readonly name = "InvariantBroken";
}

/** Crashes the object rather than going on with a state that cannot be. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new InvariantBroken(what);
}
