/** Answers as the description shows them; a test holds them to their schemas. */

export const C = "https://log.example/v3/clusters/odradek";
const T = `${C}/topics/flights`;
const P = `${T}/partitions/0`;

export const head = (kind: string, self: string, name: string) => ({
  kind,
  metadata: { self, resource_name: `crn:///kafka=odradek${name}` },
  cluster_id: "odradek",
});

export const related = (url: string) => ({ related: url });

/** A collection with one member. */
export function listExample(kind: string, self: string, member: unknown): unknown {
  return { kind, metadata: { self, next: null }, data: [member] };
}

export const clusterExample = {
  ...head("KafkaCluster", C, ""),
  acls: related(`${C}/acls`),
  brokers: related(`${C}/brokers`),
  broker_configs: related(`${C}/broker-configs`),
  consumer_groups: related(`${C}/consumer-groups`),
  topics: related(`${C}/topics`),
  partition_reassignments: related(`${C}/topics/-/partitions/-/reassignment`),
  topics_count: 3,
  partitions_count: 18,
  under_replicated_partitions: 0,
  offline_partitions: 0,
  reassigning_partitions: 0,
};
export const clustersExample = listExample(
  "KafkaClusterList",
  "https://log.example/v3/clusters",
  clusterExample,
);

export const brokerExample = {
  ...head("KafkaBroker", `${C}/brokers/1`, "/broker=1"),
  broker_id: 1,
  host: null,
  port: null,
  rack: "weur",
  location_hint: "weur",
  state: "active",
  broker_epoch: 0,
  configs: related(`${C}/brokers/1/configs`),
  partition_replicas: related(`${C}/brokers/1/partition-replicas`),
};
export const brokersExample = listExample("KafkaBrokerList", `${C}/brokers`, brokerExample);

export const topicExample = {
  ...head("KafkaTopic", T, "/topic=flights"),
  topic_name: "flights",
  topic_id: "3f1d0a9c5b7e4826a1c49d0e7b2f6538",
  is_internal: false,
  replication_factor: 1,
  partitions_count: 6,
  partitions: related(`${T}/partitions`),
  configs: related(`${T}/configs`),
  partition_reassignments: related(`${T}/partitions/-/reassignment`),
  under_replicated_partitions: 0,
  offline_partitions: 0,
};
export const topicsExample = listExample("KafkaTopicList", `${C}/topics`, topicExample);

export const configExample = {
  ...head("KafkaTopicConfig", `${T}/configs/retention.ms`, "/topic=flights/config=retention.ms"),
  topic_name: "flights",
  name: "retention.ms",
  value: "86400000",
  is_default: false,
  is_read_only: false,
  is_sensitive: false,
  source: "DYNAMIC_TOPIC_CONFIG",
  synonyms: [
    { name: "retention.ms", value: "86400000", source: "DYNAMIC_TOPIC_CONFIG" },
    { name: "log.retention.ms", value: "604800000", source: "DEFAULT_CONFIG" },
  ],
};
export const configsExample = listExample("KafkaTopicConfigList", `${T}/configs`, configExample);

const retentionOfBrokers = {
  name: "log.retention.ms",
  value: "604800000",
  is_default: true,
  is_read_only: true,
  is_sensitive: false,
  source: "DEFAULT_CONFIG",
  synonyms: [{ name: "log.retention.ms", value: "604800000", source: "DEFAULT_CONFIG" }],
};

export const brokerConfigExample = {
  ...head(
    "KafkaBrokerConfig",
    `${C}/brokers/1/configs/log.retention.ms`,
    "/broker=1/config=log.retention.ms",
  ),
  broker_id: 1,
  ...retentionOfBrokers,
};
export const brokerConfigsExample = listExample(
  "KafkaBrokerConfigList",
  `${C}/brokers/1/configs`,
  brokerConfigExample,
);

export const clusterConfigExample = {
  ...head(
    "KafkaClusterConfig",
    `${C}/broker-configs/log.retention.ms`,
    "/broker-config=log.retention.ms",
  ),
  config_type: "BROKER",
  ...retentionOfBrokers,
};
export const clusterConfigsExample = listExample(
  "KafkaClusterConfigList",
  `${C}/broker-configs`,
  clusterConfigExample,
);

const replicaState = {
  broker_id: 1,
  generation: 0,
  is_leader: true,
  is_in_sync: true,
  is_fenced: false,
  is_adding: false,
  is_removing: false,
  is_reachable: true,
  storage: "sound",
  log_start_offset: 0,
  high_watermark: 1000,
  log_end_offset: 1000,
};

export const partitionExample = {
  ...head("KafkaPartition", P, "/topic=flights/partition=0"),
  topic_name: "flights",
  partition_id: 0,
  leader: related(`${P}/replicas/1`),
  leader_id: 1,
  replicas: related(`${P}/replicas`),
  reassignment: related(`${P}/reassignment`),
  leader_epoch: 0,
  partition_epoch: 1,
  in_sync_replicas: [1],
  replica_states: [replicaState],
  log_start_offset: 0,
  high_watermark: 1000,
  log_end_offset: 1000,
  fencing_token: "",
};
const offsetsUnasked = { log_start_offset: null, high_watermark: null, log_end_offset: null };
const unasked = { is_reachable: null, storage: null, ...offsetsUnasked };
export const partitionsExample = listExample("KafkaPartitionList", `${T}/partitions`, {
  ...partitionExample,
  replica_states: [{ ...replicaState, ...unasked }],
  ...offsetsUnasked,
  fencing_token: null,
});

export const replicaExample = {
  ...head("KafkaReplica", `${P}/replicas/1`, "/topic=flights/partition=0/replica=1"),
  topic_name: "flights",
  partition_id: 0,
  ...replicaState,
  broker: related(`${C}/brokers/1`),
};
export const brokerReplicasExample = listExample(
  "KafkaReplicaList",
  `${C}/brokers/1/partition-replicas`,
  { ...replicaExample, ...unasked },
);
export const replicasExample = listExample("KafkaReplicaList", `${P}/replicas`, replicaExample);

export const reassignmentExample = {
  ...head("KafkaReassignment", `${P}/reassignment`, "/topic=flights/partition=0/reassignment"),
  topic_name: "flights",
  partition_id: 0,
  adding_replicas: [3],
  removing_replicas: [1],
  replicas: related(`${P}/replicas`),
};
export const reassignmentsExample = listExample(
  "KafkaReassignmentList",
  `${C}/reassignments`,
  reassignmentExample,
);

export const offsetsExample = {
  ...head("KafkaPartitionWithOffsets", `${P}/offset`, "/topic=flights/partition=0/offset"),
  topic_name: "flights",
  partition_id: 0,
  earliest_offset: 0,
  latest_offset: 1000,
};

export const deletedExample = {
  cluster_id: "odradek",
  topic_name: "flights",
  partition_id: 0,
  log_start_offset: 1000,
};
