/** Asks for points of a partition's log. */
import type { Refusal } from "../base/errors.ts";
import type { ListedOffset, OffsetSpec } from "../objects/contracts/partition.ts";
import { callPartition, SHORT_CALL } from "./calls.ts";
import { currentPartition } from "./founding.ts";
import { newestKnown, type KnownTopic } from "./metadata.ts";
import type { Service } from "./service.ts";

/**
 * What the leader says; see `PartitionApi.listOffset`. A partition that nobody has used yet is not founded for this:
 * the controller knows that it is empty. `isCurrent`: it has told `topic` to this very request, and is not asked again.
 */
export async function listOffset(
  service: Service,
  topic: KnownTopic,
  partition: number,
  spec: OffsetSpec,
  isCurrent = false,
): Promise<ListedOffset | Refusal> {
  let known = topic;
  const told = topic.metadata.partitions[partition];
  if (told?.unfounded) {
    const now = isCurrent ? told : await currentPartition(service, topic, partition);
    if (now?.unfounded && now.leader >= 0) return ofEmptyLog(spec, now.leaderEpoch);
    known = newestKnown(topic);
  }
  return callPartition(service, known, partition, SHORT_CALL, (stub) => stub.listOffset(spec));
}

function ofEmptyLog({ at }: OffsetSpec, leaderEpoch: number): ListedOffset {
  const offset = at === "earliest" || at === "latest" ? 0 : -1;
  const start = at === "latest" && { logStartOffset: 0 };
  return { ok: true, offset, timestampMs: -1, leaderEpoch, ...start };
}
