/**
 * Counters of this isolate, rendered as Prometheus text at /metrics. Plain numbers, because they are updated on every
 * request; labels are put together only when they are read.
 */
import type { ErrorName } from "../base/errors.ts";

interface MetricRow {
  readonly type: "counter" | "gauge";
  readonly help: string;
}

const row = (type: MetricRow["type"], help: string): MetricRow => ({ type, help });

/** Every metric. Counters belong to this isolate and start at 0 with it, except for the controller's. */
export const METRICS = {
  odradek_requests_total: row("counter", "Requests, by route and class of status."),
  odradek_errors_total: row("counter", "Failed requests, by error of the error table."),
  odradek_object_calls_total: row("counter", "Calls to Durable Objects, by kind of object."),
  odradek_object_failures_total: row(
    "counter",
    "Calls to Durable Objects that threw instead of answering, by kind of failure.",
  ),
  odradek_leader_reports_total: row(
    "counter",
    "Leaders reported to the controller because they did not answer.",
  ),
  odradek_metadata_lookups_total: row("counter", "Look-ups of topic metadata, by hit or miss."),
  odradek_records_in_total: row("counter", "Records accepted from producers."),
  odradek_bytes_in_total: row("counter", "Bytes of record batches accepted from producers."),
  odradek_records_out_total: row("counter", "Records answered to readers of JSON."),
  odradek_bytes_out_total: row("counter", "Bytes of record batches read for readers."),
  odradek_kafka_connections_total: row("counter", "Connections of Kafka's wire protocol."),
  odradek_kafka_connections_closed_total: row(
    "counter",
    "Connections of Kafka's wire protocol that are over, by what the peer did not do in time: ask (idle), show a key (no_key), read (unread); other: ended for another reason.",
  ),
  odradek_kafka_requests_total: row(
    "counter",
    "Requests of Kafka's wire protocol that were understood, by the API's key.",
  ),
  odradek_kafka_bytes_in_total: row("counter", "Bytes of whole frames from Kafka clients."),
  odradek_kafka_bytes_out_total: row("counter", "Bytes of answers that Kafka clients have taken."),
  odradek_kafka_fetch_sessions: row(
    "gauge",
    "Incremental fetch sessions of Kafka clients that this isolate remembers (KIP-227).",
  ),
  odradek_kafka_fetch_session_partitions: row(
    "gauge",
    "Partitions that incremental fetch sessions remember in this isolate.",
  ),
  odradek_kafka_fetch_session_evictions_total: row(
    "counter",
    "Incremental fetch sessions that made way for others; their clients begin anew with everything.",
  ),
  odradek_topics: row("gauge", "Topics of the cluster."),
  odradek_partitions: row("gauge", "Partitions of the cluster."),
  odradek_groups: row("gauge", "Consumer groups of the cluster."),
  odradek_metadata_version: row("gauge", "Counts every change of the cluster's metadata."),
  odradek_pending_purges: row(
    "gauge",
    "Replicas of deleted topics whose storage is not yet known to be gone.",
  ),
  odradek_pending_assignments: row(
    "gauge",
    "Replicas that have not yet confirmed their newest assignment.",
  ),
  odradek_brokers: row("gauge", "Brokers of the cluster, by state."),
  odradek_under_replicated_partitions: row(
    "gauge",
    "Partitions with fewer replicas in sync than they have.",
  ),
  odradek_offline_partitions: row("gauge", "Partitions without a leader."),
  odradek_damaged_replicas: row(
    "gauge",
    "Replicas whose storage is lost, corrupt or does not open, as far as the controller has heard since it woke up.",
  ),
  odradek_reassigning_partitions: row("gauge", "Partitions that are moving to other brokers."),
  odradek_leader_elections_total: row(
    "counter",
    "Leaders elected from the in-sync set, since the cluster began.",
  ),
  odradek_unclean_leader_elections_total: row(
    "counter",
    "Leaders elected from outside the in-sync set, since the cluster began: each may have lost records.",
  ),
  odradek_in_sync_shrinks_total: row(
    "counter",
    "Replicas that left an in-sync set, since the cluster began.",
  ),
  odradek_in_sync_expands_total: row(
    "counter",
    "Replicas that joined an in-sync set, since the cluster began.",
  ),
  odradek_failed_probes_total: row(
    "counter",
    "Probes of reported leaders that had no answer, since the controller woke up.",
  ),
  odradek_replication_lag_max: row(
    "gauge",
    "Offsets that the replica furthest behind its leader lacks, among at most 32 under-replicated partitions; 0 while all replicas are in sync.",
  ),
  odradek_replication_lag: row(
    "gauge",
    "Offsets that the replica of a partition furthest behind its leader lacks (with ?topic=).",
  ),
  odradek_replica_storage: row(
    "gauge",
    "1 for the state that a replica's storage is in: sound, corrupt, lost or unopened (with ?topic=).",
  ),
  odradek_rows_read: row(
    "gauge",
    "Rows that an object has read since it woke up: the controller, and partitions when ?topic= names their topic.",
  ),
  odradek_rows_written: row(
    "gauge",
    "Rows that an object has written since it woke up: the controller, and partitions when ?topic= names their topic.",
  ),
  odradek_peer_calls: row(
    "gauge",
    "Calls that a replica has made to the others of its partition since its object woke up (with ?topic=).",
  ),
  odradek_log_start_offset: row("gauge", "First offset of a partition (with ?topic=)."),
  odradek_high_watermark: row("gauge", "High watermark of a partition (with ?topic=)."),
  odradek_log_end_offset: row("gauge", "End offset of a partition (with ?topic=)."),
  odradek_log_bytes: row("gauge", "Bytes of record batches in a partition (with ?topic=)."),
  odradek_storage_bytes: row("gauge", "Bytes of a partition's database (with ?topic=)."),
  odradek_bytes_in_flight: row(
    "gauge",
    "Bytes of appends to a partition that are not answered yet (with ?topic=).",
  ),
  odradek_bytes_in_flight_peak: row(
    "gauge",
    "The most bytes a partition had in flight since its object woke up (with ?topic=).",
  ),
  odradek_wake_rows_read: row(
    "gauge",
    "Rows that a partition's object read to wake up (with ?topic=).",
  ),
  odradek_tails: row("gauge", "Open WebSocket tails of a partition (with ?topic=)."),
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;

/** Counters that change while requests are served; the code that does the counted thing adds to its field. */
export const counters = {
  controllerCalls: 0,
  partitionCalls: 0,
  coordinatorCalls: 0,
  overloads: 0,
  resets: 0,
  timeouts: 0,
  leaderReports: 0,
  exceptions: 0,
  metadataHits: 0,
  metadataMisses: 0,
  recordsIn: 0,
  bytesIn: 0,
  recordsOut: 0,
  bytesOut: 0,
  kafkaConnections: 0,
  kafkaBytesIn: 0,
  kafkaBytesOut: 0,
};

const errors = new Map<ErrorName, number>();

export function countError(name: ErrorName): void {
  errors.set(name, (errors.get(name) ?? 0) + 1);
}

const kafkaRequests: number[] = [];

/** @param apiKey of an API that is served, so that the number of labels is bounded */
export function countKafkaRequest(apiKey: number): void {
  kafkaRequests[apiKey] = (kafkaRequests[apiKey] ?? 0) + 1;
}

/** Connections of Kafka's protocol that have ended, by reason. */
export const kafkaClosed = { idle: 0, no_key: 0, unread: 0, other: 0 };

/** Incremental fetch sessions held now, and how many were evicted. */
export const fetchSessions = { sessions: 0, partitions: 0, evictions: 0 };

/** One sample: label names and values, and the number. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The samples of the counters that this file keeps. */
export function countedSamples(): Partial<Record<MetricName, Sample[]>> {
  const by = (label: string, values: Readonly<Record<string, number>>): Sample[] =>
    Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
  return {
    odradek_errors_total: [...errors].map(([error, value]) => ({ labels: { error }, value })),
    odradek_object_calls_total: by("object", {
      controller: counters.controllerCalls,
      partition: counters.partitionCalls,
      coordinator: counters.coordinatorCalls,
    }),
    odradek_object_failures_total: by("kind", {
      overloaded: counters.overloads,
      reset: counters.resets,
      timeout: counters.timeouts,
      exception: counters.exceptions,
    }),
    odradek_leader_reports_total: [{ labels: {}, value: counters.leaderReports }],
    odradek_metadata_lookups_total: by("result", {
      hit: counters.metadataHits,
      miss: counters.metadataMisses,
    }),
    odradek_records_in_total: [{ labels: {}, value: counters.recordsIn }],
    odradek_bytes_in_total: [{ labels: {}, value: counters.bytesIn }],
    odradek_records_out_total: [{ labels: {}, value: counters.recordsOut }],
    odradek_bytes_out_total: [{ labels: {}, value: counters.bytesOut }],
    odradek_kafka_connections_total: [{ labels: {}, value: counters.kafkaConnections }],
    odradek_kafka_connections_closed_total: by("reason", kafkaClosed),
    odradek_kafka_requests_total: kafkaRequests.flatMap((value, apiKey) => [
      { labels: { api_key: String(apiKey) }, value },
    ]),
    odradek_kafka_bytes_in_total: [{ labels: {}, value: counters.kafkaBytesIn }],
    odradek_kafka_bytes_out_total: [{ labels: {}, value: counters.kafkaBytesOut }],
    odradek_kafka_fetch_sessions: [{ labels: {}, value: fetchSessions.sessions }],
    odradek_kafka_fetch_session_partitions: [{ labels: {}, value: fetchSessions.partitions }],
    odradek_kafka_fetch_session_evictions_total: [{ labels: {}, value: fetchSessions.evictions }],
  };
}

/** Prometheus' text format, version 0.0.4. */
export function renderMetrics(samples: Partial<Record<MetricName, readonly Sample[]>>): string {
  let text = "";
  for (const name of Object.keys(METRICS) as MetricName[]) {
    const found = samples[name];
    if (found === undefined || found.length === 0) continue;
    text += `# HELP ${name} ${METRICS[name].help}\n# TYPE ${name} ${METRICS[name].type}\n`;
    for (const { labels, value } of found) {
      const inner = Object.entries(labels)
        .map(([label, written]) => `${label}="${escaped(written)}"`)
        .join(",");
      text += `${name}${inner === "" ? "" : `{${inner}}`} ${value}\n`;
    }
  }
  return text;
}

function escaped(label: string): string {
  return label.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`));
}
