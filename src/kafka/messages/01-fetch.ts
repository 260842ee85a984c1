/**
 * Fetch (1): reads record batches. Version 4 brings RecordBatch v2 and isolation levels, 5 the log
 * start offset, 7 fetch sessions (KIP-227), 9 the leader epoch (KIP-320), 11 the nearest replica
 * (KIP-392), 12 the compact encoding and divergence by epoch (KIP-595).
 */
import { array, defineApi, int16, int32, int64, int8, records, string, struct } from "./schema.ts";

const epochEndOffset = { epoch: int32({ default: -1 }), endOffset: int64({ default: -1 }) };

export const fetch = defineApi({
  key: 1,
  name: "Fetch",
  versions: [4, 12],
  flexibleFrom: 12,
  request: {
    clusterId: string({ since: 12, nullable: 12, default: null, tag: 0 }),
    /** -1 from a consumer. */
    replicaId: int32({ default: -1 }),
    maxWaitMs: int32(),
    minBytes: int32(),
    maxBytes: int32({ default: 0x7fff_ffff }),
    /** 0: read_uncommitted; 1: read_committed. */
    isolationLevel: int8({ default: 0 }),
    sessionId: int32({ since: 7, default: 0 }),
    /** -1: without a session. */
    sessionEpoch: int32({ since: 7, default: -1 }),
    topics: array(
      struct({
        topic: string(),
        partitions: array(
          struct({
            partition: int32(),
            currentLeaderEpoch: int32({ since: 9, default: -1 }),
            fetchOffset: int64(),
            lastFetchedEpoch: int32({ since: 12, default: -1 }),
            logStartOffset: int64({ since: 5, default: -1 }),
            partitionMaxBytes: int32(),
          }),
        ),
      }),
    ),
    forgottenTopicsData: array(struct({ topic: string(), partitions: array(int32()) }), {
      since: 7,
      default: [],
    }),
    rackId: string({ since: 11, default: "" }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 7, default: 0 }),
    sessionId: int32({ since: 7, default: 0 }),
    responses: array(
      struct({
        topic: string(),
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
            currentLeader: struct(
              { leaderId: int32({ default: -1 }), leaderEpoch: int32({ default: -1 }) },
              { since: 12, nullable: 12, default: null, tag: 1 },
            ),
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
  },
});
