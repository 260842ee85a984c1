/**
 * The shape of v3 resources, as in Confluent's REST Proxy: `kind`, `metadata` with an absolute
 * `self` and a resource name, and `related` links, each of which leads to an existing route.
 */
import * as z from "zod";
import type { Ctx } from "../route.ts";
import type { Service } from "../../gateway/service.ts";

/** A place in the tree of resources: builds its URL and its resource name side by side. */
export class Place {
  readonly self: string;
  readonly resourceName: string;

  constructor(self: string, resourceName: string) {
    this.self = self;
    this.resourceName = resourceName;
  }

  /** One resource of a collection: `/topics/a`, `topic=a`. */
  item(collection: string, kind: string, name: string | number): Place {
    const part = encodeURIComponent(name);
    return new Place(`${this.self}/${collection}/${part}`, `${this.resourceName}/${kind}=${part}`);
  }

  /** A part of this resource without a name of its own: `/offset`. */
  aspect(name: string): Place {
    return new Place(`${this.self}/${name}`, `${this.resourceName}/${name}`);
  }

  related(path: string): { readonly related: string } {
    return { related: `${this.self}/${path}` };
  }
}

/** `/v3/clusters`, absolute, from the request's own URL. */
export function clustersUrl(c: Ctx): string {
  const url = c.req.url;
  return `${url.slice(0, url.indexOf("/", url.indexOf("//") + 2))}/v3/clusters`;
}

export function clusterPlace(c: Ctx, service: Service): Place {
  const id = encodeURIComponent(service.clusterId);
  return new Place(`${clustersUrl(c)}/${id}`, `crn:///kafka=${id}`);
}

export function topicPlace(c: Ctx, service: Service, topic: string): Place {
  return clusterPlace(c, service).item("topics", "topic", topic);
}

/** The two fields with which every resource begins. */
export function head(kind: string, place: Place): Record<string, unknown> {
  return { kind, metadata: { self: place.self, resource_name: place.resourceName } };
}

/** A collection; `next` is the URL of its next page, where it is split into pages and there is one. */
export function list(
  kind: string,
  self: string,
  data: readonly unknown[],
  next: string | null = null,
): unknown {
  return { kind, metadata: { self, next }, data };
}

export const related = z.object({ related: z.string() });
const metadata = z.object({ self: z.string(), resource_name: z.string() });

export const resource = <S extends z.ZodRawShape>(kind: string, shape: S) =>
  z.object({ kind: z.literal(kind), metadata, ...shape }).meta({ id: kind });

export const listOf = (item: z.ZodType, kind: string) =>
  z
    .object({
      kind: z.literal(kind),
      metadata: z.object({ self: z.string(), next: z.string().nullable() }),
      data: z.array(item),
    })
    .meta({ id: kind });

export const clusterSchema = resource("KafkaCluster", {
  cluster_id: z.string(),
  acls: related,
  brokers: related,
  broker_configs: related,
  consumer_groups: related,
  topics: related,
  partition_reassignments: related,
  topics_count: z.int(),
  partitions_count: z.int(),
  under_replicated_partitions: z.int(),
  offline_partitions: z.int(),
  reassigning_partitions: z.int(),
});
export const clusterListSchema = listOf(clusterSchema, "KafkaClusterList");

export const brokerSchema = resource("KafkaBroker", {
  cluster_id: z.string(),
  broker_id: z.int(),
  host: z.string().nullable(),
  port: z.int().nullable(),
  rack: z.string().nullable(),
  location_hint: z.string().nullable(),
  state: z.enum(["active", "draining", "fenced"]),
  broker_epoch: z.int(),
  configs: related,
  partition_replicas: related,
});
export const brokerListSchema = listOf(brokerSchema, "KafkaBrokerList");

export const topicSchema = resource("KafkaTopic", {
  cluster_id: z.string(),
  topic_name: z.string(),
  topic_id: z.string(),
  is_internal: z.boolean(),
  replication_factor: z.int(),
  partitions_count: z.int(),
  partitions: related,
  configs: related,
  partition_reassignments: related,
  under_replicated_partitions: z.int(),
  offline_partitions: z.int(),
});
export const topicListSchema = listOf(topicSchema, "KafkaTopicList");

const source = z.enum([
  "DYNAMIC_TOPIC_CONFIG",
  "DYNAMIC_BROKER_CONFIG",
  "STATIC_BROKER_CONFIG",
  "DEFAULT_CONFIG",
]);

const configFields = {
  name: z.string(),
  value: z.string(),
  is_default: z.boolean(),
  is_read_only: z.boolean(),
  is_sensitive: z.boolean(),
  source,
  synonyms: z.array(z.object({ name: z.string(), value: z.string(), source })),
};

export const configSchema = resource("KafkaTopicConfig", {
  cluster_id: z.string(),
  topic_name: z.string(),
  ...configFields,
});
export const brokerConfigSchema = resource("KafkaBrokerConfig", {
  cluster_id: z.string(),
  broker_id: z.int(),
  ...configFields,
});
export const clusterConfigSchema = resource("KafkaClusterConfig", {
  cluster_id: z.string(),
  config_type: z.literal("BROKER"),
  ...configFields,
});
export const clusterConfigListSchema = listOf(clusterConfigSchema, "KafkaClusterConfigList");
export const brokerConfigListSchema = listOf(brokerConfigSchema, "KafkaBrokerConfigList");
export const configListSchema = listOf(configSchema, "KafkaTopicConfigList");

const offsetOrNull = z.int().nullable();

const replicaState = {
  broker_id: z.int(),
  generation: z.int(),
  is_leader: z.boolean(),
  is_in_sync: z.boolean(),
  is_fenced: z.boolean(),
  is_adding: z.boolean(),
  is_removing: z.boolean(),
  is_reachable: z
    .boolean()
    .nullable()
    .describe("False: it did not answer, and its offsets are null. Null: it was not asked."),
  storage: z
    .enum(["sound", "corrupt", "lost", "unopened"])
    .nullable()
    .describe(
      "Corrupt: chunks are not what was written; lost: it had to begin anew and is not in sync yet; unopened: its database does not open. Null where that is not known.",
    ),
  log_start_offset: offsetOrNull,
  high_watermark: offsetOrNull,
  log_end_offset: offsetOrNull,
  fencing_token: z.string().optional().describe("Of a leader that was asked; empty: none."),
};

export const partitionSchema = resource("KafkaPartition", {
  cluster_id: z.string(),
  topic_name: z.string(),
  partition_id: z.int(),
  leader: related.optional(),
  leader_id: z.int().nullable(),
  replicas: related,
  reassignment: related,
  leader_epoch: z.int(),
  partition_epoch: z.int(),
  in_sync_replicas: z.array(z.int()),
  replica_states: z.array(z.object(replicaState)),
  log_start_offset: offsetOrNull,
  high_watermark: offsetOrNull,
  log_end_offset: offsetOrNull,
  fencing_token: z
    .string()
    .nullable()
    .describe(
      "That the next append is compared with; empty: none. Null where the leader was not asked.",
    ),
});
export const partitionListSchema = listOf(partitionSchema, "KafkaPartitionList");

export const replicaSchema = resource("KafkaReplica", {
  cluster_id: z.string(),
  topic_name: z.string(),
  partition_id: z.int(),
  ...replicaState,
  broker: related,
});
export const replicaListSchema = listOf(replicaSchema, "KafkaReplicaList");

export const reassignmentSchema = resource("KafkaReassignment", {
  cluster_id: z.string(),
  topic_name: z.string(),
  partition_id: z.int(),
  adding_replicas: z.array(z.int()),
  removing_replicas: z.array(z.int()),
  replicas: related,
});
export const reassignmentListSchema = listOf(reassignmentSchema, "KafkaReassignmentList");

export const offsetsSchema = resource("KafkaPartitionWithOffsets", {
  cluster_id: z.string(),
  topic_name: z.string(),
  partition_id: z.int(),
  earliest_offset: z.int(),
  latest_offset: z.int(),
  offset: offsetOrNull.optional(),
  timestamp: z.int().nullable().optional(),
});
