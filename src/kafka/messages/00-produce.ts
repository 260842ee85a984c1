/**
 * Produce (0): appends record batches. Version 3 brings the transactional id and RecordBatch v2, 5 the
 * log start offset, 7 zstd (KIP-110), 8 errors per record (KIP-467), 9 the compact encoding, 10 the current
 * leader (KIP-951), 13 topics by id (KIP-516); 11 and 12 differ only for transactions (KIP-890). Versions
 * below 3 carry older message sets, which are not served; they are advertised because librdkafka
 * switches compression off without them.
 */
import { NO_TOPIC_ID } from "../../base/ids.ts";
import { leaderIdAndEpoch, nodeEndpoint } from "./current-leader.ts";
import { array, defineApi, int16, int32, int64, records, string, struct, uuid } from "./schema.ts";

export const produce = defineApi({
  key: 0,
  name: "Produce",
  versions: [0, 13],
  minServed: 3,
  flexibleFrom: 9,
  request: {
    transactionalId: string({ since: 3, nullable: 3, default: null }),
    /** -1: all in-sync replicas. */
    acks: int16(),
    timeoutMs: int32(),
    topicData: array(
      struct({
        name: string({ until: 12 }),
        topicId: uuid({ since: 13, default: NO_TOPIC_ID }),
        partitionData: array(struct({ index: int32(), records: records({ nullable: 0 }) })),
      }),
    ),
  },
  response: {
    responses: array(
      struct({
        name: string({ until: 12 }),
        topicId: uuid({ since: 13, default: NO_TOPIC_ID }),
        partitionResponses: array(
          struct({
            index: int32(),
            errorCode: int16(),
            baseOffset: int64(),
            /** -1 unless the topic stamps records as they are appended. */
            logAppendTimeMs: int64({ since: 2, default: -1 }),
            logStartOffset: int64({ since: 5, default: -1 }),
            recordErrors: array(
              struct({
                batchIndex: int32(),
                batchIndexErrorMessage: string({ nullable: 8, default: null }),
              }),
              { since: 8, default: [] },
            ),
            errorMessage: string({ since: 8, nullable: 8, default: null }),
            /** Of NOT_LEADER_OR_FOLLOWER. */
            currentLeader: struct(leaderIdAndEpoch, {
              since: 10,
              nullable: 10,
              default: null,
              tag: 0,
            }),
          }),
        ),
      }),
    ),
    throttleTimeMs: int32({ since: 1, default: 0 }),
    nodeEndpoints: array(nodeEndpoint, { since: 10, default: [], tag: 0 }),
  },
});
