/** OffsetDelete (47): committed offsets of topics that no member of the group is subscribed to (KIP-496). */
import { codeOf, codeOfGroup, NONE } from "../errors.ts";
import { groupIdRefusal } from "../group-names.ts";
import type { Handler } from "../handler.ts";

export const offsetDelete: Handler<47> = async ({ groupId, topics }, { session }) => {
  const asked = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
  );
  const deleted =
    groupIdRefusal(groupId) ??
    (await session.coordinator(groupId, {}, (coordinator) => coordinator.deleteOffsets(asked)));
  if (!deleted.ok) return { errorCode: codeOfGroup(deleted), topics: [] };
  let at = 0;
  return {
    errorCode: NONE,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        const error = deleted.errors[at] ?? null;
        at += 1;
        return { partitionIndex, errorCode: error === null ? NONE : codeOf(error) };
      }),
    })),
  };
};
