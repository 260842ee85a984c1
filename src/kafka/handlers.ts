/** The handler of each API that is served, by its key. */
import { produce } from "./apis/00-produce.ts";
import { fetch } from "./apis/01-fetch.ts";
import { listOffsets } from "./apis/02-list-offsets.ts";
import { metadata } from "./apis/03-metadata.ts";
import { offsetCommit } from "./apis/08-offset-commit.ts";
import { offsetFetch } from "./apis/09-offset-fetch.ts";
import { findCoordinator } from "./apis/10-find-coordinator.ts";
import { joinGroup } from "./apis/11-join-group.ts";
import { heartbeat } from "./apis/12-heartbeat.ts";
import { leaveGroup } from "./apis/13-leave-group.ts";
import { syncGroup } from "./apis/14-sync-group.ts";
import { describeGroups } from "./apis/15-describe-groups.ts";
import { listGroups } from "./apis/16-list-groups.ts";
import { saslHandshake } from "./apis/17-sasl-handshake.ts";
import { apiVersions } from "./apis/18-api-versions.ts";
import { createTopics } from "./apis/19-create-topics.ts";
import { deleteTopics } from "./apis/20-delete-topics.ts";
import { deleteRecords } from "./apis/21-delete-records.ts";
import { initProducerId } from "./apis/22-init-producer-id.ts";
import { offsetForLeaderEpoch } from "./apis/23-offset-for-leader-epoch.ts";
import { describeConfigs } from "./apis/32-describe-configs.ts";
import { alterConfigs } from "./apis/33-alter-configs.ts";
import { describeLogDirs } from "./apis/35-describe-log-dirs.ts";
import { saslAuthenticate } from "./apis/36-sasl-authenticate.ts";
import { createPartitions } from "./apis/37-create-partitions.ts";
import { deleteGroups } from "./apis/42-delete-groups.ts";
import { electLeaders } from "./apis/43-elect-leaders.ts";
import { incrementalAlterConfigs } from "./apis/44-incremental-alter-configs.ts";
import { alterPartitionReassignments } from "./apis/45-alter-partition-reassignments.ts";
import { listPartitionReassignments } from "./apis/46-list-partition-reassignments.ts";
import { offsetDelete } from "./apis/47-offset-delete.ts";
import { describeCluster } from "./apis/60-describe-cluster.ts";
import { consumerGroupHeartbeat } from "./apis/68-consumer-group-heartbeat.ts";
import type { ApiKey } from "./messages/index.ts";
import type { Handler } from "./handler.ts";

export const HANDLERS: { readonly [K in ApiKey]: Handler<K> } = {
  0: produce,
  1: fetch,
  2: listOffsets,
  3: metadata,
  8: offsetCommit,
  9: offsetFetch,
  10: findCoordinator,
  11: joinGroup,
  12: heartbeat,
  13: leaveGroup,
  14: syncGroup,
  15: describeGroups,
  16: listGroups,
  17: saslHandshake,
  18: apiVersions,
  19: createTopics,
  20: deleteTopics,
  21: deleteRecords,
  22: initProducerId,
  23: offsetForLeaderEpoch,
  32: describeConfigs,
  33: alterConfigs,
  35: describeLogDirs,
  36: saslAuthenticate,
  37: createPartitions,
  42: deleteGroups,
  43: electLeaders,
  44: incrementalAlterConfigs,
  45: alterPartitionReassignments,
  46: listPartitionReassignments,
  47: offsetDelete,
  60: describeCluster,
  68: consumerGroupHeartbeat,
};
