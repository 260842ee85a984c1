/** ListPartitionReassignments (46): the moves in progress (KIP-455). */
import { array, defineApi, int16, int32, string, struct } from "./schema.ts";

export const listPartitionReassignments = defineApi({
  key: 46,
  name: "ListPartitionReassignments",
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    timeoutMs: int32({ default: 60_000 }),
    /** null: all. */
    topics: array(struct({ name: string(), partitionIndexes: array(int32()) }), {
      nullable: 0,
      default: null,
    }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: 0 }),
    topics: array(
      struct({
        name: string(),
        partitions: array(
          struct({
            partitionIndex: int32(),
            replicas: array(int32()),
            addingReplicas: array(int32()),
            removingReplicas: array(int32()),
          }),
        ),
      }),
    ),
  },
});
