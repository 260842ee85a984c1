/**
 * DescribeCluster (60): brokers and controller (KIP-700). Version 1 brings the kind of endpoint (KIP-919), 2 includes
 * fenced brokers on request (KIP-1073).
 */
import { array, bool, defineApi, int16, int32, int8, string, struct } from "./schema.ts";

export const describeCluster = defineApi({
  key: 60,
  name: "DescribeCluster",
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    includeClusterAuthorizedOperations: bool(),
    /** 1: brokers; 2: controllers. */
    endpointType: int8({ since: 1, default: 1 }),
    includeFencedBrokers: bool({ since: 2, default: false }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: 0, default: null }),
    endpointType: int8({ since: 1, default: 1 }),
    clusterId: string(),
    controllerId: int32({ default: -1 }),
    brokers: array(
      struct({
        brokerId: int32(),
        host: string(),
        port: int32(),
        rack: string({ nullable: 0, default: null }),
        isFenced: bool({ since: 2, default: false }),
      }),
    ),
    clusterAuthorizedOperations: int32({ default: -2_147_483_648 }),
  },
});
