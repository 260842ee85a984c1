/**
 * The operations a client may perform, for the answers that report them (KIP-430). Every operation of the resource is
 * allowed, because whoever is let in may do everything. As a bit set, with each operation at the bit of its number.
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
