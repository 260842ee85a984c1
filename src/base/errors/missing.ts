/** Errors of requests that name something that does not exist. */
import { row } from "../error-row.ts";

export const MISSING_ERRORS = {
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
} as const;
