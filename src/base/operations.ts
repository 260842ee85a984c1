/**
 * Operations that can be allowed: Kafka's operations on its resource types, by Kafka's numbers
 * (org.apache.kafka.common.acl.AclOperation, org.apache.kafka.common.resource.ResourceType; KIP-11).
 */

export const OPERATIONS = {
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

export const RESOURCE_TYPES = { topic: 2, group: 3, cluster: 4, transactionalId: 5 } as const;

export type Operation = keyof typeof OPERATIONS;
export type ResourceType = keyof typeof RESOURCE_TYPES;

/**
 * An operation that a request performs on each resource of a type that it names. Over HTTP the path names it:
 * `{topic}`, `{group}`; a list contains only the resources that may be described.
 */
export type Need = readonly [ResourceType, Operation];
