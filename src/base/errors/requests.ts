/** Errors of a request by itself: its form, who asks, and formats that are not served. */
import { row } from "../error-row.ts";

export const REQUEST_ERRORS = {
  // The request itself.
  INVALID_REQUEST: row(42, 400, 400, false, "The request is malformed."),
  REQUEST_BODY_TIMED_OUT: row(
    42,
    408,
    408,
    true,
    "The request's body stopped before it was complete; nothing of what was incomplete was written.",
  ),
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
} as const;
