/**
 * ElectLeaders (43): the preferred leader (KIP-183), from version 1 on also one that is out of sync
 * (KIP-460). Version 2 is the compact encoding.
 */
import { array, defineApi, int16, int32, int8, string, struct } from "./schema.ts";

export const electLeaders = defineApi({
  key: 43,
  name: "ElectLeaders",
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    /** 0: preferred; 1: unclean. */
    electionType: int8({ since: 1, default: 0 }),
    /** null: all. */
    topicPartitions: array(struct({ topic: string(), partitions: array(int32()) }), {
      nullable: 0,
    }),
    timeoutMs: int32({ default: 60_000 }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 1, default: 0 }),
    replicaElectionResults: array(
      struct({
        topic: string(),
        partitionResult: array(
          struct({
            partitionId: int32(),
            errorCode: int16(),
            errorMessage: string({ nullable: 0 }),
          }),
        ),
      }),
    ),
  },
});
