/**
 * What a client may do, for the answers that tell (KIP-430): everything there is to do with a resource, since
 * whoever is let in is denied nothing. As bits, each at the place of its operation's number.
 */

/** By Kafka's numbers (org.apache.kafka.common.acl.AclOperation). */
const OPERATION = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const;

function bits(...operations: readonly (keyof typeof OPERATION)[]): number {
  return operations.reduce((all, operation) => all | (1 << OPERATION[operation]), 0);
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
