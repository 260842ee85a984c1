/**
 * AlterPartitionReassignments (45): begins or cancels moves of replicas (KIP-455); version 1 may keep the number of
 * replicas fixed (KIP-860).
 */
import { array, bool, defineApi, int16, int32, string, struct } from "./schema.ts";

export const alterPartitionReassignments = defineApi({
  key: 45,
  name: "AlterPartitionReassignments",
  versions: [0, 1],
  flexibleFrom: 0,
  request: {
    timeoutMs: int32({ default: 60_000 }),
    /** False: moves that would change the number of replicas are refused. */
    allowReplicationFactorChange: bool({ since: 1, default: true }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            /** null: cancels the move in progress. */
            replicas: array(int32(), { nullable: 0, default: null }),
          }),
        ),
      }),
    ),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    allowReplicationFactorChange: bool({ since: 1, default: true }),
    errorCode: int16(),
    errorMessage: string({ nullable: 0 }),
    responses: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            errorCode: int16(),
            errorMessage: string({ nullable: 0 }),
          }),
        ),
      }),
    ),
  },
});
