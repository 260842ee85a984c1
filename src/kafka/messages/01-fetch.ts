/**
 * Fetch (1): reads record batches. Version 4 brings RecordBatch v2 and isolation levels, 5 the log
 * start offset, 7 fetch sessions (KIP-227), 9 the leader epoch (KIP-320), 11 the nearest replica
 * (KIP-392), 12 the compact encoding and divergence by epoch (KIP-595), 13 topics by id (KIP-516), 16 where
 * leaders are (KIP-951). 15, 17 and 18 add what only replicas say (KIP-903, KIP-853, KIP-1166).
 */
import { NO_TOPIC_ID } from "../../base/ids.ts";
import { leaderIdAndEpoch, nodeEndpoint } from "./current-leader.ts";
import {
  array,
  defineApi,
  int16,
  int32,
  int64,
  int8,
  records,
  string,
  struct,
  uuid,
  wideInt64,
} from "./schema.ts";

const epochEndOffset = { epoch: int32({ default: -1 }), endOffset: int64({ default: -1 }) };

/** Stands for a high watermark that is not said: the largest int64. */
const NOT_SAID = 9_223_372_036_854_775_807n;

export const fetch = defineApi({
  key: 1,
  name: "Fetch",
  versions: [4, 18],
  flexibleFrom: 12,
  request: {
    clusterId: string({ since: 12, nullable: 12, default: null, tag: 0 }),
    /** -1 from a consumer. */
    replicaId: int32({ until: 14, default: -1 }),
    replicaState: struct(
      { replicaId: int32({ default: -1 }), replicaEpoch: wideInt64({ default: -1 }) },
      { since: 15, nullable: 15, default: null, tag: 1 },
    ),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 0x7fff_ffff }),
    /** 0: read_uncommitted; 1: read_committed. */
    isolationLevel: int8({ default: 0 }),
    sessionId: int32({ since: 7, default: 0 }),
    /** 0: begins a session; -1: without one. */
    sessionEpoch: int32({ since: 7, default: -1 }),
    topics: array(
      struct({
        topic: string({ until: 12 }),
        topicId: uuid({ since: 13, default: NO_TOPIC_ID }),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32({ since: 9, default: -1 }),
            fetchOffset: wideInt64(),
            lastFetchedEpoch: int32({ since: 12, default: -1 }),
            logStartOffset: wideInt64({ since: 5, default: -1 }),
            partitionMaxBytes: int32(),
            replicaDirectoryId: uuid({ since: 17, default: NO_TOPIC_ID, tag: 0 }),
            highWatermark: wideInt64({ since: 18, default: NOT_SAID, tag: 1 }),
          }),
        ),
      }),
    ),
    forgottenTopicsData: array(
      struct({
        topic: string({ until: 12 }),
        topicId: uuid({ since: 13, default: NO_TOPIC_ID }),
        partitions: array(int32()),
      }),
      { since: 7, default: [] },
    ),
    rackId: string({ since: 11, default: "" }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 7, default: 0 }),
    /** 0: there is no session. */
    sessionId: int32({ since: 7, default: 0 }),
    responses: array(
      struct({
        topic: string({ until: 12 }),
        topicId: uuid({ since: 13, default: NO_TOPIC_ID }),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            highWatermark: int64(),
            lastStableOffset: int64({ default: -1 }),
            logStartOffset: int64({ since: 5, default: -1 }),
            divergingEpoch: struct(epochEndOffset, {
              since: 12,
              nullable: 12,
              default: null,
              tag: 0,
            }),
            /** Of NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH, from version 16 on. */
            currentLeader: struct(leaderIdAndEpoch, {
              since: 12,
              nullable: 12,
              default: null,
              tag: 1,
            }),
            snapshotId: struct(
              { endOffset: int64({ default: -1 }), epoch: int32({ default: -1 }) },
              { since: 12, nullable: 12, default: null, tag: 2 },
            ),
            /** null: nothing was asked about transactions. */
            abortedTransactions: array(struct({ producerId: int64(), firstOffset: int64() }), {
              nullable: 4,
            }),
            /** The replica to read from instead; -1: this one. */
            preferredReadReplica: int32({ since: 11, default: -1 }),
            records: records({ nullable: 0 }),
          }),
        ),
      }),
    ),
    nodeEndpoints: array(nodeEndpoint, { since: 16, default: [], tag: 0 }),
  },
});
