/** TxnOffsetCommit (28): transactions are not served; every offset is refused. */
import { codeOf } from "../errors.ts";
import type { Handler } from "../served.ts";

export const txnOffsetCommit: Handler<28> = ({ topics }) => {
  const errorCode = codeOf("TRANSACTIONAL_ID_AUTHORIZATION_FAILED");
  return {
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  };
};
