/** Errors of consumer groups and HTTP consumer instances. */
import { row } from "../error-row.ts";

export const GROUP_ERRORS = {
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
} as const;
