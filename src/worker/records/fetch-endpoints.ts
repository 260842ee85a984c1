/** What reads records over HTTP: pages, event streams and tails, under v3's path and under v2's. Described by fetch-routes.ts. */
import { defineEndpoint } from "../route.ts";
import { fetchRecords } from "./fetch.ts";

export const fetchEndpoints = {
  partition: defineEndpoint({
    method: "GET",
    path: "/v3/clusters/{cluster_id}/topics/{topic}/partitions/{partition_id}/records",
    id: "fetchRecords",
    needs: [["topic", "read"]],
    handler: (c, service) => fetchRecords(c, service, "UNKNOWN_TOPIC_OR_PARTITION"),
  }),
  v2Partition: defineEndpoint({
    method: "GET",
    path: "/topics/{topic}/partitions/{partition_id}/records",
    id: "v2FetchRecords",
    needs: [["topic", "read"]],
    handler: (c, service) => fetchRecords(c, service, "UNKNOWN_PARTITION"),
  }),
} as const;
