/** Committed offsets as changes and as answers. Pure. */
import type { EffectiveConfig } from "../../../../base/config.ts";
import type { ErrorName } from "../../../../base/errors.ts";
import { packByTopic, type Change } from "../image/changes.ts";
import type { GroupImage } from "../image/image.ts";
import type {
  CommittedOffset,
  OffsetToCommit,
  TopicPartition,
} from "../../../contracts/offsets.ts";

interface CommitDecision {
  /** In the request's order; null: it is committed. */
  readonly errors: readonly (ErrorName | null)[];
  /** One change with all offsets that may be committed; none where there are no such offsets. */
  readonly changes: readonly Change[];
}

/** Refuses offsets whose metadata is longer than `offset.metadata.max.bytes`. `retentionMs`: how long they are kept. */
export function decideCommit(
  offsets: readonly OffsetToCommit[],
  config: EffectiveConfig,
  retentionMs?: number,
): CommitDecision {
  const bytesMax = config["offset.metadata.max.bytes"];
  const errors = offsets.map(({ metadata }) => (isLonger(metadata, bytesMax) ? TOO_LARGE : null));
  const taken = offsets.filter((_, at) => errors[at] === null);
  if (taken.length === 0) return { errors, changes: [] };
  return { errors, changes: [committed(taken, retentionMs)] };
}

const TOO_LARGE: ErrorName = "OFFSET_METADATA_TOO_LARGE";

/** Whether the text takes more than so many bytes of UTF-8. */
function isLonger(text: string, bytesMax: number): boolean {
  if (text.length * 3 <= bytesMax) return false;
  return text.length > bytesMax || new TextEncoder().encode(text).length > bytesMax;
}

function committed(offsets: readonly OffsetToCommit[], retentionMs?: number): Change {
  return {
    type: "committed",
    ...(retentionMs !== undefined && { retentionMs }),
    offsets: packByTopic(offsets, ({ partition, offset, leaderEpoch, metadata }) => {
      if (metadata !== "") return [partition, offset, leaderEpoch, metadata] as const;
      return leaderEpoch >= 0
        ? ([partition, offset, leaderEpoch] as const)
        : ([partition, offset] as const);
    }),
  };
}

/** The committed offsets of the partitions, in their order (-1 where there is none), or of all (null). */
export function fetchCommitted(
  image: GroupImage,
  partitions: readonly TopicPartition[] | null,
): CommittedOffset[] {
  return (partitions ?? image.offsets.keys()).map(({ topic, partition }) => {
    const found = image.offsets.get(topic, partition);
    if (!found)
      return { topic, partition, offset: -1, leaderEpoch: -1, metadata: "", committedMs: -1 };
    const { topicId, offset, leaderEpoch, metadata, committedMs } = found;
    const stored = { offset, leaderEpoch, metadata, committedMs };
    return { topic, partition, ...stored, ...(topicId === "" ? {} : { topicId }) };
  });
}
