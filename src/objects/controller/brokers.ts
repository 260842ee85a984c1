/**
 * The brokers that a new cluster has. A broker is a failure domain and a place; three in three
 * regions make a first run look like a Kafka cluster. Recorded with the cluster's first decision, so
 * that what is here today does not change what was recorded then.
 */
import type { Change } from "./changes.ts";

const register = (brokerId: number, region: string): Change => ({
  type: "broker-registered",
  brokerId,
  rack: region,
  locationHint: region,
  brokerEpoch: 0,
});

export const FIRST_BROKERS: readonly Change[] = [
  register(1, "weur"),
  register(2, "enam"),
  register(3, "apac"),
];
