/** Answers about groups as the description shows them; a test holds them to their schemas. */
import { C, head, listExample, related } from "../admin/examples.ts";

const G = `${C}/consumer-groups/delays`;
const group = { consumer_group_id: "delays" };
const NAME = "/consumer-group=delays";

export const groupExample = {
  ...head("KafkaConsumerGroup", G, NAME),
  ...group,
  is_simple: false,
  partition_assignor: "cooperative-sticky",
  state: "STABLE",
  type: "CLASSIC",
  is_mixed_consumer_group: false,
  generation_id: 3,
  members_count: 2,
  loose_instances_count: 0,
  committed_partitions_count: 6,
  coordinator: related(`${C}/brokers/1`),
  consumers: related(`${G}/consumers`),
  lag_summary: related(`${G}/lag-summary`),
};
export const groupsExample = listExample(
  "KafkaConsumerGroupList",
  `${C}/consumer-groups`,
  groupExample,
);

const M = `${G}/consumers/reader-1`;

export const consumerExample = {
  ...head("KafkaConsumer", M, `${NAME}/consumer=reader-1`),
  ...group,
  consumer_id: "reader-1",
  instance_id: null,
  client_id: "http",
  client_host: "203.0.113.7",
  is_http_instance: true,
  assignments: related(`${M}/assignments`),
};
export const consumersExample = listExample("KafkaConsumerList", `${G}/consumers`, consumerExample);

const L = `${G}/lags/flights/partitions/0`;

const A = `${M}/assignments/flights/partitions/0`;

export const assignmentExample = {
  ...head("KafkaConsumerAssignment", A, `${NAME}/consumer=reader-1/assignment=flights/partition=0`),
  ...group,
  consumer_id: "reader-1",
  topic_name: "flights",
  partition_id: 0,
  partition: related(`${C}/topics/flights/partitions/0`),
  lag: related(L),
};
export const assignmentsExample = listExample(
  "KafkaConsumerAssignmentList",
  `${M}/assignments`,
  assignmentExample,
);

export const lagExample = {
  ...head("KafkaConsumerLag", L, `${NAME}/lag=flights/partition=0`),
  ...group,
  topic_name: "flights",
  partition_id: 0,
  consumer_id: "reader-1",
  instance_id: null,
  client_id: "http",
  current_offset: 900,
  log_end_offset: 1000,
  lag: 100,
};
export const lagsExample = listExample("KafkaConsumerLagList", `${G}/lags`, lagExample);

export const lagSummaryExample = {
  ...head("KafkaConsumerGroupLagSummary", `${G}/lag-summary`, `${NAME}/lag-summary`),
  ...group,
  max_lag_consumer_id: "reader-1",
  max_lag_instance_id: null,
  max_lag_client_id: "http",
  max_lag_topic_name: "flights",
  max_lag_partition_id: 0,
  max_lag: 100,
  total_lag: 140,
  max_lag_consumer: related(M),
  max_lag_partition: related(`${C}/topics/flights/partitions/0`),
};
