/** CreatePartitions (37): more partitions for a topic (KIP-195). */
import { array, bool, defineApi, int16, int32, string, struct } from "./schema.ts";

export const createPartitions = defineApi({
  key: 37,
  name: "CreatePartitions",
  versions: [0, 3],
  flexibleFrom: 2,
  request: {
    topics: array(
      struct({
        name: string(),
        /** The total number of partitions afterwards. */
        count: int32(),
        /** For the new partitions; null: the service places them. */
        assignments: array(struct({ brokerIds: array(int32()) }), { nullable: 0 }),
      }),
    ),
    timeoutMs: int32(),
    validateOnly: bool(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    results: array(
      struct({
        name: string(),
        errorCode: int16(),
        errorMessage: string({ nullable: 0, default: null }),
      }),
    ),
  },
});
