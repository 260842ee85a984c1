/** AddPartitionsToTxn (24): transactions are not served; every partition is refused. */
import { codeOf } from "../errors.ts";
import type { Handler } from "../served.ts";

export const addPartitionsToTxn: Handler<24> = ({ topics }) => {
  const partitionErrorCode = codeOf("TRANSACTIONAL_ID_AUTHORIZATION_FAILED");
  return {
    resultsByTopic: topics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({
        partitionIndex,
        partitionErrorCode,
      })),
    })),
  };
};
