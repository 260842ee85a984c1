/**
 * Hard bounds of the platform or of this design, whatever the configuration says. Configurable settings are in
 * config.ts.
 */

/**
 * Largest data blob of one chunk row, in bytes. The platform refuses rows over 2 MB (the local
 * runtime does not, so the bound is enforced here); the rest of the row stays far below the margin.
 */
export const CHUNK_BYTES_MAX = 1_990_000;

/** A flush gathers appends up to about this size, in bytes; larger single appends get rows of their own. */
export const CHUNK_BYTES_TARGET = 1_048_576;

/** Largest body of a produce request, in bytes: what one partition call may carry, far below RPC's 32 MiB. */
export const REQUEST_BYTES_MAX = 8_388_608;

/** Largest frame of the wire protocol, in bytes: a produce request with its envelope. */
export const FRAME_BYTES_MAX = REQUEST_BYTES_MAX + 1_048_576;

/** Largest answer of one fetch call, in bytes, whatever `max_bytes` asks for. */
export const FETCH_BYTES_MAX = 8_388_608;

/** Bytes of chunks in one push of a leader to a follower, and in one page that a follower pulls. */
export const PUSH_BYTES_MAX = 4_194_304;
export const PULL_BYTES_MAX = 2_097_152;

/** Longest wait of a long poll, in milliseconds. */
export const FETCH_WAIT_MS_MAX = 60_000;

/** Bound on a decompressed record batch, in bytes: the most memory that reading a batch as JSON can take. */
export const DECOMPRESSED_BYTES_MAX = 16_777_216;

/** Records in one JSON produce request. */
export const REQUEST_RECORDS_MAX = 10_000;

/** Entries of `records:batch`, as in Confluent's REST Proxy. */
export const BATCH_ENTRIES_MAX = 1_000;

/** Headers of one record. */
export const RECORD_HEADERS_MAX = 1_000;

/** Largest offset, producer id and timestamp: what a JavaScript number holds exactly. */
export const INT_MAX = Number.MAX_SAFE_INTEGER;

/** Largest sequence number; the next one is 0 again (KIP-98). */
export const SEQUENCE_MAX = 2_147_483_647;

/** Length of a fencing token, in bytes: a UUID has 36. */
export const FENCING_TOKEN_BYTES_MAX = 64;

/** Partitions of one topic. */
export const TOPIC_PARTITIONS_MAX = 2_000;

/** Replicas of one partition; more add cost without benefit. */
export const REPLICATION_FACTOR_MAX = 9;

/** Brokers of one cluster. */
export const BROKERS_MAX = 100;

/** Topics of one cluster: what the controller's image holds comfortably in memory. */
export const TOPICS_MAX = 10_000;

/** Kafka's bound on the length of a topic name. */
export const TOPIC_NAME_LENGTH_MAX = 249;

/**
 * Replicas of one cluster, those of deleted topics included until their storage is gone: what the
 * controller's image holds comfortably in memory, and its answers within RPC's 32 MiB.
 */
export const CLUSTER_REPLICAS_MAX = 100_000;

/** Length of a group's id in bytes of UTF-8: the longest string of the wire protocol. */
export const GROUP_ID_BYTES_MAX = 32_767;

/** The longest URL that the platform accepts, in bytes. */
export const URL_BYTES_MAX = 16_384;

/** Ids of all groups of a cluster together, in UTF-16 units: they are in the controller's memory. */
export const GROUP_IDS_LENGTH_MAX = 25_000_000;

/** Length of a member's id, an instance's name and a client's id, in UTF-16 units. */
export const GROUP_NAME_LENGTH_MAX = 255;

/** Groups of one cluster: what the controller's image holds comfortably in memory. */
export const GROUPS_MAX = 100_000;

/** Offsets of one commit, partitions of one assignment, topics of one subscription. */
export const GROUP_PARTITIONS_MAX = 20_000;

/** The longest retention that a commit may ask for, in milliseconds: the bound of `offsets.retention.minutes`. */
export const OFFSETS_RETENTION_MS_MAX = 600_000_000_000;

/** Length of a subscription's pattern. */
export const PATTERN_LENGTH_MAX = 1_024;

/**
 * A member's metadata when it joins, in bytes over all its protocols, and its assignment: room for {@link
 * GROUP_PARTITIONS_MAX} partitions of 1,000 topics with long names under three protocols, each of which names
 * subscribed topics and owned partitions.
 */
export const MEMBER_METADATA_BYTES_MAX = 1_048_576;

/** The same for all members of a group together: it is one decision, one answer to the leader, and in memory. */
export const GROUP_METADATA_BYTES_MAX = 16_777_216;
