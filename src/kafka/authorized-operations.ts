/**
 * What a client may do, for the answers that tell (KIP-430): everything there is to do with a resource, since
 * whoever is let in is denied nothing. As bits, each at the place of its operation's number.
 */
import { OPERATIONS, type Operation } from "../base/operations.ts";

function bits(...operations: readonly Operation[]): number {
  return operations.reduce((all, operation) => all | (1 << OPERATIONS[operation]), 0);
}

export const AUTHORIZED_OPERATIONS = {
  topic: bits(
    "read",
    "write",
    "create",
    "describe",
    "delete",
    "alter",
    "describeConfigs",
    "alterConfigs",
  ),
  group: bits("read", "describe", "delete", "describeConfigs", "alterConfigs"),
  cluster: bits(
    "create",
    "clusterAction",
    "describeConfigs",
    "alterConfigs",
    "idempotentWrite",
    "alter",
    "describe",
  ),
} as const;
