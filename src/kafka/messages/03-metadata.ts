/**
 * Metadata (3): brokers, topics, leaders. In version 0 no topics at all stand for all of them, from 1
 * on null does. Version 4 lets the client forbid that topics are created, 5 brings offline replicas,
 * 7 the leader epoch, 8 authorized operations (11 drops those of the cluster), 9 the compact encoding, 10 topic
 * ids in answers, 12 in requests (KIP-516), 13 an error for all of it (KIP-1102).
 */
import { NO_TOPIC_ID } from "../../base/ids.ts";
import { array, bool, defineApi, int16, int32, string, struct, uuid } from "./schema.ts";

const UNKNOWN_OPERATIONS = -2_147_483_648;

export const metadata = defineApi({
  key: 3,
  name: "Metadata",
  versions: [0, 13],
  flexibleFrom: 9,
  request: {
    topics: array(
      struct({
        topicId: uuid({ since: 10, default: NO_TOPIC_ID }),
        /** null: by id. */
        name: string({ nullable: 10 }),
      }),
      { nullable: 1 },
    ),
    allowAutoTopicCreation: bool({ since: 4, default: true }),
    includeClusterAuthorizedOperations: bool({ since: 8, until: 10, default: false }),
    includeTopicAuthorizedOperations: bool({ since: 8, default: false }),
  },
  response: {
    throttleTimeMs: int32({ since: 3, default: 0 }),
    brokers: array(
      struct({
        nodeId: int32(),
        host: string(),
        port: int32(),
        rack: string({ since: 1, nullable: 1, default: null }),
      }),
    ),
    clusterId: string({ since: 2, nullable: 2, default: null }),
    controllerId: int32({ since: 1, default: -1 }),
    topics: array(
      struct({
        errorCode: int16(),
        /** null where nothing has the id that was asked for. */
        name: string({ nullable: 12 }),
        topicId: uuid({ since: 10, default: NO_TOPIC_ID }),
        isInternal: bool({ since: 1, default: false }),
        partitions: array(
          struct({
            errorCode: int16(),
            partitionIndex: int32(),
            /** -1: none. */
            leaderId: int32(),
            leaderEpoch: int32({ since: 7, default: -1 }),
            replicaNodes: array(int32()),
            isrNodes: array(int32()),
            offlineReplicas: array(int32(), { since: 5, default: [] }),
          }),
        ),
        topicAuthorizedOperations: int32({ since: 8, default: UNKNOWN_OPERATIONS }),
      }),
    ),
    clusterAuthorizedOperations: int32({ since: 8, until: 10, default: UNKNOWN_OPERATIONS }),
    errorCode: int16({ since: 13, default: 0 }),
  },
});
