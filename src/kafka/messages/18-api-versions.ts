/**
 * ApiVersions (18): the APIs and versions that are served. Version 3 brings the client's name (KIP-511), features
 * (KIP-584) and the compact encoding, except for the header of the answer: a client reads that before it knows which
 * version it got. 5 says which cluster and node the client intends to reach (KIP-1242).
 */
import { array, bool, defineApi, int16, int32, int64, string, struct } from "./schema.ts";

export const apiVersions = defineApi({
  key: 18,
  name: "ApiVersions",
  versions: [0, 5],
  flexibleFrom: 3,
  request: {
    clientSoftwareName: string({ since: 3, default: "" }),
    clientSoftwareVersion: string({ since: 3, default: "" }),
    clusterId: string({ since: 5, nullable: 5, default: null }),
    nodeId: int32({ since: 5, default: -1 }),
  },
  response: {
    errorCode: int16(),
    apiKeys: array(struct({ apiKey: int16(), minVersion: int16(), maxVersion: int16() })),
    throttleTimeMs: int32({ since: 1, default: 0 }),
    supportedFeatures: array(struct({ name: string(), minVersion: int16(), maxVersion: int16() }), {
      since: 3,
      default: [],
      tag: 0,
    }),
    finalizedFeaturesEpoch: int64({ since: 3, default: -1, tag: 1 }),
    finalizedFeatures: array(
      struct({ name: string(), maxVersionLevel: int16(), minVersionLevel: int16() }),
      { since: 3, default: [], tag: 2 },
    ),
    zkMigrationReady: bool({ since: 3, default: false, tag: 3 }),
  },
});
