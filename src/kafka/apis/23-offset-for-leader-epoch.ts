/**
 * OffsetForLeaderEpoch (23): where the records of a leader epoch end. A consumer asks this after a change of leaders,
 * to find out whether what it has read was truncated (KIP-320). -1 where the partition has not had the epoch yet.
 */
import type { Refusal } from "../../base/errors.ts";
import { NO_TOPIC_ID } from "../../base/ids.ts";
import type { EpochEnd } from "../../objects/contracts/partition.ts";
import { codeOfRefusal, NONE } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import { checkPartitions } from "../leader-epochs.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";

type Asked = Request<23>["topics"][number]["partitions"][number];
type Answer = Response<23>["topics"][number]["partitions"][number];

export const offsetForLeaderEpoch: Handler<23> = async ({ topics }, { session }) => {
  const answers = [];
  for (const { topic: name, partitions } of topics) {
    const named = partitions.map(({ partition, currentLeaderEpoch: epoch }) => ({
      partition,
      epoch,
    }));
    const checked = await checkPartitions(session, { topic: name, topicId: NO_TOPIC_ID }, named);
    const indexed = partitions.map((asked, i) => ({
      asked,
      refusal: checked.ok ? checked.refusals[i]! : checked,
    }));
    const answered = await inBatches(indexed, async ({ asked, refusal }) => {
      if (refusal !== null || !checked.ok) return answer(asked, refusal!);
      const { partition, leaderEpoch } = asked;
      const ended = await session.leader(checked.topic, partition, (stub) =>
        stub.endOfEpoch(leaderEpoch),
      );
      return answer(asked, ended);
    });
    answers.push({ topic: name, partitions: answered });
  }
  return { topics: answers };
};

function answer({ partition }: Asked, ended: EpochEnd | Refusal): Answer {
  if (!ended.ok) return { partition, errorCode: codeOfRefusal(ended) };
  const { leaderEpoch, endOffset } = ended;
  return { partition, errorCode: NONE, leaderEpoch, endOffset };
}
