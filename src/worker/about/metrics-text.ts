/** The text of /metrics: this isolate's counters, the controller's gauges, and a topic's when asked for. */
import type { Refusal } from "../../base/errors.ts";
import type { ReplicaDescription } from "../../objects/contracts/partition.ts";
import { partitionEnds, type PartitionEnds } from "../admin/leader.ts";
import { entriesOf, pageOf, type Page, type PageSizes } from "../admin/paging.ts";
import { isUnderReplicated, storageOf } from "../admin/replicas.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import { topicMetadata, unkeptTopic } from "../../gateway/metadata.ts";
import {
  countedSamples,
  renderMetrics,
  type MetricName,
  type Sample,
} from "../../gateway/metrics.ts";
import { callController } from "../../gateway/objects.ts";
import { ofTextBytes } from "../response-encoding.ts";
import type { Ctx, Outcome, Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { describeReplica } from "../../gateway/replicas.ts";

type Samples = Partial<Record<MetricName, Sample[]>>;

const METRICS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

function requestSamples(routes: readonly Route[]): Sample[] {
  return routes.flatMap(({ method, path, requestsByClass }) => {
    const route: Record<string, string> = path === "*" ? { route: path } : { method, route: path };
    return requestsByClass.flatMap((value, digit) =>
      value === 0 ? [] : [{ labels: { ...route, class: `${digit}xx` }, value }],
    );
  });
}

async function controllerSamples(service: Service): Promise<Samples | Refusal> {
  const controller = await callController(service, true, (stub) => stub.describe());
  if (!controller.ok) return controller;
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  return {
    odradek_topics: one(controller.topics),
    odradek_partitions: one(controller.partitions),
    odradek_groups: one(controller.groups),
    odradek_metadata_version: one(controller.version),
    odradek_pending_purges: one(controller.pendingPurges),
    odradek_pending_assignments: one(controller.pendingAssignments),
    odradek_under_replicated_partitions: one(controller.underReplicated),
    odradek_offline_partitions: one(controller.offline),
    odradek_damaged_replicas: one(controller.damagedReplicas ?? 0),
    odradek_reassigning_partitions: one(controller.reassigning),
    odradek_leader_elections_total: one(controller.counts.elections),
    odradek_unclean_leader_elections_total: one(controller.counts.uncleanElections),
    odradek_in_sync_shrinks_total: one(controller.counts.inSyncShrinks),
    odradek_in_sync_expands_total: one(controller.counts.inSyncExpands),
    odradek_failed_probes_total: one(controller.counts.failedProbes),
    ...(await replicationSamples(service, controller.underReplicated > 0)),
    odradek_rows_read: [{ labels: { object: "controller" }, value: controller.rowsRead }],
    odradek_rows_written: [{ labels: { object: "controller" }, value: controller.rowsWritten }],
  };
}

/** Leaders that one scrape calls at most, however many partitions an outage concerns. */
const LAGGING_ASKED_MAX = 32;

/**
 * The brokers, and the replication lag. The controller knows no offsets, and a call wakes an object: only leaders of
 * partitions with a replica out of sync are called. Left out where the controller does not answer.
 */
async function replicationSamples(service: Service, isLagging: boolean): Promise<Samples> {
  const cluster = await callController(service, true, (stub) =>
    stub.metadata(isLagging ? null : []),
  );
  if (!cluster.ok) return {};
  const states = new Map<string, number>([
    ["active", 0],
    ["draining", 0],
    ["fenced", 0],
  ]);
  for (const { state } of cluster.brokers) states.set(state, (states.get(state) ?? 0) + 1);
  const lagging = cluster.topics
    .flatMap((topic) =>
      topic.partitions
        .filter((partition) => partition.leader >= 0 && isUnderReplicated(partition))
        .map((partition) => ({ topic, partition })),
    )
    .slice(0, LAGGING_ASKED_MAX);
  const logs = await Promise.all(
    lagging.map(({ topic, partition }) => {
      const known = unkeptTopic(service, cluster, topic);
      return describeReplica(service, known, partition.partition, partition.leader);
    }),
  );
  return {
    odradek_brokers: [...states].map(([state, value]) => ({ labels: { state }, value })),
    odradek_replication_lag_max: [{ labels: {}, value: Math.max(0, ...logs.map(lagOf)) }],
  };
}

/** The lag of the follower furthest behind, in offsets; one that the leader knows nothing of lacks the whole log. */
function lagOf(log: ReplicaDescription | Refusal): number {
  if (!log.ok) return 0;
  const ends = log.followers.map(({ endOffset }) => Math.max(endOffset, log.logStartOffset));
  return Math.max(0, ...ends.map((endOffset) => log.logEndOffset - endOffset));
}

/** Partitions of a topic whose gauges one scrape shows: each replica is a call that wakes an object. */
export const TOPIC_PAGE: PageSizes = { usual: 100, max: 100 };

/** Gauges of a topic's replicas, only when the topic is named. */
async function topicSamples(
  service: Service,
  name: string,
  page: Page,
): Promise<Samples | Refusal> {
  const topic = await topicMetadata(service, name, true);
  if (!topic.ok) return topic;
  const partitions = entriesOf(page, topic.metadata.partitions);
  const replicas = partitions.flatMap(({ partition, leader, replicas: all }) =>
    all.map(({ brokerId }) => ({ partition, brokerId, leads: brokerId === leader })),
  );
  // The ends first: answering readers, a leader that has just woken up learns the ends of its followers.
  const ends = await inBatches(partitions, ({ partition }) =>
    partitionEnds(service, topic, partition),
  );
  const logs = await inBatches(replicas, ({ partition, brokerId }) =>
    describeReplica(service, topic, partition, brokerId),
  );
  const object = "partition";
  const ofReplicas = (of: (log: ReplicaDescription) => number): Sample[] =>
    replicas.flatMap(({ partition, brokerId }, i) => {
      const log = logs[i]!;
      const labels = { object, topic: name, partition: `${partition}`, broker: `${brokerId}` };
      return log.ok ? [{ labels, value: of(log) }] : [];
    });
  const ofLeaders = (of: (log: ReplicaDescription) => number): Sample[] =>
    replicas.flatMap(({ partition, leads }, i) => {
      const log = logs[i]!;
      const labels = { object, topic: name, partition: `${partition}` };
      return log.ok && leads ? [{ labels, value: of(log) }] : [];
    });
  const ofEnds = (of: (told: PartitionEnds) => number): Sample[] =>
    ends.flatMap((told, i) => {
      const { partition } = partitions[i]!;
      const labels = { object, topic: name, partition: `${partition}` };
      return told.ok ? [{ labels, value: of(told) }] : [];
    });
  return {
    odradek_log_start_offset: ofEnds(({ earliest }) => earliest),
    odradek_high_watermark: ofEnds(({ latest }) => latest),
    odradek_log_end_offset: ofLeaders((log) => log.logEndOffset),
    odradek_replication_lag: ofLeaders(lagOf),
    odradek_replica_storage: replicas.flatMap(({ partition, brokerId }, i) => {
      const state = storageOf(logs[i]!);
      const labels = { object, topic: name, partition: `${partition}`, broker: `${brokerId}` };
      return state === null ? [] : [{ labels: { ...labels, state }, value: 1 }];
    }),
    odradek_log_bytes: ofLeaders((log) => log.logBytes),
    odradek_bytes_in_flight: ofLeaders((log) => log.bytesInFlight),
    odradek_bytes_in_flight_peak: ofLeaders((log) => log.bytesInFlightPeak),
    odradek_tails: ofLeaders((log) => log.tails),
    odradek_storage_bytes: ofReplicas((log) => log.storageBytes),
    odradek_wake_rows_read: ofReplicas((log) => log.wakeRowsRead),
    odradek_rows_read: ofReplicas((log) => log.rowsRead),
    odradek_rows_written: ofReplicas((log) => log.rowsWritten),
    odradek_peer_calls: ofReplicas((log) => log.peerCalls),
  };
}

/** The whole text; `?topic=` adds a page of that topic's partitions. */
export async function metricsText(
  c: Ctx,
  service: Service,
  routes: readonly Route[],
): Promise<Outcome> {
  const page = pageOf(c, TOPIC_PAGE);
  if (!page.ok) return page;
  const samples: Samples = { odradek_requests_total: requestSamples(routes), ...countedSamples() };
  const controller = await controllerSamples(service);
  if ("ok" in controller) return controller;
  Object.assign(samples, controller);
  const name = c.req.query("topic");
  if (name !== undefined) {
    const topic = await topicSamples(service, name, page);
    if ("ok" in topic) return topic;
    for (const [metric, found] of Object.entries(topic) as [MetricName, Sample[]][]) {
      samples[metric] = [...(samples[metric] ?? []), ...found];
    }
  }
  const text = renderMetrics(samples);
  const response = new Response(text, { headers: { "content-type": METRICS_TEXT } });
  return ofTextBytes(response, text.length);
}
