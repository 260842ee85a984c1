/** Groups, their members, assignments and lags as v3 resources: the schemas, and the resources themselves. */
import * as z from "zod";
import type {
  GroupDescription,
  GroupState,
  MemberDescription,
} from "../../objects/contracts/group.ts";
import { clusterPlace, head, listOf, related, resource, type Place } from "../admin/resources.ts";
import type { Ctx } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import type { TopicPartition } from "../../objects/contracts/offsets.ts";

const STATES = [
  "EMPTY",
  "PREPARING_REBALANCE",
  "COMPLETING_REBALANCE",
  "STABLE",
  "DEAD",
  "UNKNOWN",
] as const;

const STATE_NAMES: Readonly<Record<GroupState, (typeof STATES)[number]>> = {
  Empty: "EMPTY",
  PreparingRebalance: "PREPARING_REBALANCE",
  CompletingRebalance: "COMPLETING_REBALANCE",
  Stable: "STABLE",
  Dead: "DEAD",
};

const named = { cluster_id: z.string(), consumer_group_id: z.string() };
const partitionNames = { topic_name: z.string(), partition_id: z.int() };

export const groupSchema = resource("KafkaConsumerGroup", {
  ...named,
  is_simple: z.boolean().describe("It has never had members: somebody only commits."),
  partition_assignor: z.string(),
  state: z.enum(STATES).describe("UNKNOWN: the group's object did not answer, or was not asked."),
  type: z.literal("CLASSIC"),
  is_mixed_consumer_group: z.literal(false),
  generation_id: z.int().nullable(),
  members_count: z.int().nullable(),
  loose_instances_count: z
    .int()
    .nullable()
    .describe("Instances that were assigned by hand or have not subscribed."),
  committed_partitions_count: z.int().nullable(),
  coordinator: related,
  consumers: related,
  lag_summary: related,
});
export const groupListSchema = listOf(groupSchema, "KafkaConsumerGroupList");

export const consumerSchema = resource("KafkaConsumer", {
  ...named,
  consumer_id: z.string(),
  instance_id: z.string().nullable().describe("Of static members (group.instance.id)."),
  client_id: z.string(),
  client_host: z.string(),
  is_http_instance: z.boolean(),
  assignments: related,
});
export const consumerListSchema = listOf(consumerSchema, "KafkaConsumerList");

export const assignmentSchema = resource("KafkaConsumerAssignment", {
  ...named,
  consumer_id: z.string(),
  ...partitionNames,
  partition: related,
  lag: related,
});
export const assignmentListSchema = listOf(assignmentSchema, "KafkaConsumerAssignmentList");

const orNull = z.int().nullable();

export const lagSchema = resource("KafkaConsumerLag", {
  ...named,
  ...partitionNames,
  consumer_id: z.string().describe("Whose the partition is; empty for nobody's."),
  instance_id: z.string().nullable(),
  client_id: z.string(),
  current_offset: orNull.describe("What is committed; null for a partition that is only assigned."),
  log_end_offset: orNull.describe("The high watermark; null where the partition has no leader."),
  lag: orNull,
});
export const lagListSchema = listOf(lagSchema, "KafkaConsumerLagList");

export const lagSummarySchema = resource("KafkaConsumerGroupLagSummary", {
  ...named,
  max_lag_consumer_id: z.string(),
  max_lag_instance_id: z.string().nullable(),
  max_lag_client_id: z.string(),
  max_lag_topic_name: z.string().nullable(),
  max_lag_partition_id: orNull,
  max_lag: z.int(),
  total_lag: z.int(),
  max_lag_consumer: related,
  max_lag_partition: related,
});

export function groupsPlace(c: Ctx, service: Service): string {
  return `${clusterPlace(c, service).self}/consumer-groups`;
}

export function groupPlace(c: Ctx, service: Service, group: string): Place {
  return clusterPlace(c, service).item("consumer-groups", "consumer-group", group);
}

/** `group` null: the group's object did not answer, or was not asked. `coordinator`: a broker's id. */
export function groupData(
  c: Ctx,
  service: Service,
  groupId: string,
  group: GroupDescription | null,
  coordinator: number | null,
): unknown {
  const place = groupPlace(c, service, groupId);
  const brokers = coordinator === null ? "brokers" : `brokers/${coordinator}`;
  return {
    ...head("KafkaConsumerGroup", place),
    cluster_id: service.clusterId,
    consumer_group_id: groupId,
    is_simple: group?.protocolType === "",
    partition_assignor: group?.protocolName ?? "",
    state: group === null ? "UNKNOWN" : STATE_NAMES[group.state],
    type: "CLASSIC",
    is_mixed_consumer_group: false,
    generation_id: group?.generationId ?? null,
    members_count: group?.members.length ?? null,
    loose_instances_count: group?.looseInstances ?? null,
    committed_partitions_count: group?.committedPartitions ?? null,
    coordinator: clusterPlace(c, service).related(brokers),
    consumers: place.related("consumers"),
    lag_summary: place.related("lag-summary"),
  };
}

export function consumerData(
  c: Ctx,
  service: Service,
  groupId: string,
  member: MemberDescription,
): unknown {
  const place = groupPlace(c, service, groupId).item("consumers", "consumer", member.memberId);
  return {
    ...head("KafkaConsumer", place),
    cluster_id: service.clusterId,
    consumer_group_id: groupId,
    consumer_id: member.memberId,
    instance_id: member.groupInstanceId,
    client_id: member.clientId,
    client_host: member.clientHost,
    is_http_instance: member.isInstance,
    assignments: place.related("assignments"),
  };
}

/** The place of a partition's lag in the group. */
export function lagPlace(
  c: Ctx,
  service: Service,
  groupId: string,
  { topic, partition }: TopicPartition,
): Place {
  return groupPlace(c, service, groupId)
    .item("lags", "lag", topic)
    .item("partitions", "partition", partition);
}

export function assignmentData(
  c: Ctx,
  service: Service,
  groupId: string,
  memberId: string,
  at: TopicPartition,
): unknown {
  const place = groupPlace(c, service, groupId)
    .item("consumers", "consumer", memberId)
    .item("assignments", "assignment", at.topic)
    .item("partitions", "partition", at.partition);
  const cluster = clusterPlace(c, service);
  return {
    ...head("KafkaConsumerAssignment", place),
    cluster_id: service.clusterId,
    consumer_group_id: groupId,
    consumer_id: memberId,
    topic_name: at.topic,
    partition_id: at.partition,
    partition: cluster.item("topics", "topic", at.topic).related(`partitions/${at.partition}`),
    lag: { related: lagPlace(c, service, groupId, at).self },
  };
}
