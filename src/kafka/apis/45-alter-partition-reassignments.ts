/** AlterPartitionReassignments (45): moves partitions to other brokers, or cancels a move (KIP-455). */
import { forget } from "../../gateway/metadata.ts";
import { errorFields, NONE } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Handler } from "../handler.ts";

export const alterPartitionReassignments: Handler<45> = async (request, { session }) => {
  const { topics, allowReplicationFactorChange } = request;
  const responses = [];
  for (const { name, partitions } of topics) {
    const answered = await inBatches(partitions, async ({ partitionIndex, replicas }) => {
      const moved = await session.controller(false, (controller) =>
        controller.reassign(name, partitionIndex, replicas, !allowReplicationFactorChange),
      );
      return { partitionIndex, ...errorFields(moved) };
    });
    forget(name);
    responses.push({ name, partitions: answered });
  }
  return { errorCode: NONE, errorMessage: null, allowReplicationFactorChange, responses };
};
