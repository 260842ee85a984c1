/**
 * What tests say to a driver: a small program around one real client, in that client's own language.
 * Requests are lines of JSON on its stdin; answers and events are lines of JSON on its stdout, and nothing
 * else is printed there (stderr is shown when a test fails). It is told by its environment where to connect:
 * `BOOTSTRAP` (`host:port`), and, where the service wants a key, `SASL_PASSWORD` with `SASL_USERNAME`.
 *
 * A driver does what it is asked through the client's public interface, with the client's defaults except
 * where an operation says otherwise. What its client cannot do it names in no `features`, and is not asked for.
 * Bytes (keys, values of records and of headers) travel as base64; timestamps are milliseconds since 1970.
 * A driver handles one operation at a time, in the order of their coming; a member of a group goes on
 * polling beside them. End of stdin ends it.
 */

/** What the table of clients has a column for. */
export const FEATURES = [
  "metadata",
  "produce",
  "acks",
  "idempotence",
  "gzip",
  "snappy",
  "lz4",
  "zstd",
  "fetch",
  "seek by time",
  "group",
  "commit",
  "topics",
  "configs",
  "partitions",
  "delete records",
  "group admin",
  "SASL",
] as const;

export type Feature = (typeof FEATURES)[number];

export type Codec = "none" | "gzip" | "snappy" | "lz4" | "zstd";

/** A record to produce; `timestamp` null leaves it to the client. */
export interface RecordToWrite {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly timestamp: number | null;
}

export interface RecordRead {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly timestamp: number;
}

interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Each operation with what it takes and what it answers. */
export interface Operations {
  /** The first: what this is. `version` with that of a library below, where there is one: `1.7.0 (librdkafka 2.0.2)`. */
  hello: {
    takes: object;
    answers: { readonly version: string; readonly features: readonly Feature[] };
  };

  /** Brokers by id, and how many partitions each topic has. */
  metadata: {
    takes: object;
    answers: {
      readonly brokers: readonly {
        readonly id: number;
        readonly host: string;
        readonly port: number;
      }[];
      readonly topics: Readonly<Record<string, number>>;
    };
  };

  /** Offsets in the order of the records; null where the client does not tell (acks 0). */
  produce: {
    takes: TopicPartition & {
      readonly records: readonly RecordToWrite[];
      readonly compression: Codec;
      readonly acks: -1 | 0 | 1;
      readonly idempotent: boolean;
    };
    answers: { readonly offsets: readonly (number | null)[] };
  };

  /** Reads `count` records of one partition from `offset` on, without a group; waits for them. */
  fetch: {
    takes: TopicPartition & { readonly offset: number; readonly count: number };
    answers: { readonly records: readonly RecordRead[] };
  };

  /** The first offset whose record is at `timestamp` or later; null: there is none. */
  offsetForTime: {
    takes: TopicPartition & { readonly timestamp: number };
    answers: { readonly offset: number | null };
  };

  watermarks: {
    takes: TopicPartition;
    answers: { readonly low: number; readonly high: number };
  };

  createTopic: {
    takes: {
      readonly topic: string;
      readonly partitions: number;
      readonly replicationFactor: number;
      readonly configs: Readonly<Record<string, string>>;
    };
    answers: object;
  };
  createPartitions: {
    takes: { readonly topic: string; readonly total: number };
    answers: object;
  };
  /** Sets these and leaves the others. */
  alterTopic: {
    takes: { readonly topic: string; readonly configs: Readonly<Record<string, string>> };
    answers: object;
  };
  describeTopic: {
    takes: { readonly topic: string };
    answers: { readonly configs: Readonly<Record<string, string | null>> };
  };
  deleteTopic: { takes: { readonly topic: string }; answers: object };
  /** Deletes what lies before an offset. */
  deleteRecords: { takes: TopicPartition & { readonly before: number }; answers: object };

  listGroups: { takes: object; answers: { readonly groups: readonly string[] } };
  /** `state` in Kafka's words: `Stable`, `Empty`, `PreparingRebalance`, …; `protocol` the assignor's name. */
  describeGroup: {
    takes: { readonly group: string };
    answers: { readonly state: string; readonly members: number; readonly protocol: string };
  };
  /** What the group has committed of a topic, by partition; partitions without a commit are left out. */
  groupOffsets: {
    takes: { readonly group: string; readonly topic: string; readonly partitions: number };
    answers: { readonly offsets: Readonly<Record<string, number>> };
  };
  deleteGroup: { takes: { readonly group: string }; answers: object };

  /**
   * Makes this process a member that reads from the group's offsets, else from the earliest. It answers
   * when the client has begun to join; what comes then are events. Nothing is committed but by `commit`.
   */
  subscribe: {
    takes: {
      readonly group: string;
      readonly topics: readonly string[];
      readonly sessionTimeoutMs: number;
    };
    answers: object;
  };
  /** Commits behind everything that was told by `records` events so far; answers when it is committed. */
  commit: { takes: object; answers: object };
  /** Leaves the group in order. */
  unsubscribe: { takes: object; answers: object };

  /**
   * An idempotent producer with acks=all, as many requests in flight as leave the client its order: `count` records with the values
   * `0`, `1`, … as text, the n-th to partition n % `partitions`, about `perSecond` of them; retried by the
   * client, as its defaults are, for as long as a minute. Answers when all are acknowledged; with how many failed.
   */
  stream: {
    takes: {
      readonly topic: string;
      readonly partitions: number;
      readonly count: number;
      readonly perSecond: number;
    };
    answers: { readonly failed: number };
  };
}

export type Operation = keyof Operations;

/** A line to a driver: the operation's fields stand beside these two. */
export interface RequestLine {
  readonly id: number;
  readonly do: Operation;
}

/** A driver's answer: the operation's fields stand beside `id`, or `error` with what Kafka calls it. */
export interface AnswerLine {
  readonly id: number;
  /** The client's message. */
  readonly error?: string;
  /** Kafka's name where the client tells it: `TOPIC_ALREADY_EXISTS`. */
  readonly code?: string;
}

/** What a member tells on its own. */
export type EventLine =
  /** Everything it owns now; again after every change. */
  | { readonly event: "assigned"; readonly partitions: readonly (readonly [string, number])[] }
  | {
      readonly event: "records";
      readonly records: readonly (RecordRead & TopicPartition)[];
    }
  /** The client has given up: it can go on no more by itself. */
  | { readonly event: "failed"; readonly error: string }
  /** Of `stream`: so many records are acknowledged; told now and then. */
  | { readonly event: "acknowledged"; readonly count: number };
