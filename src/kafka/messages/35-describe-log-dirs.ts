/**
 * DescribeLogDirs (35): the replicas of a broker, with sizes in bytes (KIP-113). Version 4 brings the size of the
 * volume (KIP-827), 5 whether new replicas are kept off it (KIP-1066).
 */
import { array, bool, defineApi, int16, int32, int64, string, struct } from "./schema.ts";

export const describeLogDirs = defineApi({
  key: 35,
  name: "DescribeLogDirs",
  versions: [1, 5],
  flexibleFrom: 2,
  request: {
    /** null: all. */
    topics: array(struct({ topic: string(), partitions: array(int32()) }), { nullable: 0 }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 3, default: 0 }),
    results: array(
      struct({
        errorCode: int16(),
        logDir: string(),
        topics: array(
          struct({
            name: string(),
            partitions: array(
              struct({
                partitionIndex: int32(),
                partitionSize: int64(),
                offsetLag: int64(),
                isFutureKey: bool(),
              }),
            ),
          }),
        ),
        totalBytes: int64({ since: 4, default: -1 }),
        usableBytes: int64({ since: 4, default: -1 }),
        isCordoned: bool({ since: 5, default: false }),
      }),
    ),
  },
});
