/**
 * DeleteRecords (21): raises log start offsets; -1 stands for the high watermark (KIP-107). A partition is answered
 * when its in-sync replicas have raised theirs too, or with REQUEST_TIMED_OUT after the client's timeout; the leader
 * has raised it then, and the replicas follow.
 *
 * Deviations from Kafka: Kafka also waits for replicas that are alive and out of sync, which here copy the log later
 * as it is then. The service waits no longer than its own request.timeout.ms.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { codeOfDeleteRecords, NONE } from "../errors.ts";
import type { PartitionApi } from "../../objects/contracts/partition.ts";
import { waitingCall } from "../../gateway/calls.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

type Asked = Request<21>["topics"][number]["partitions"][number];
type Deleted = { readonly ok: true; readonly logStartOffset: number } | Refusal;

export const deleteRecords: Handler<21> = async ({ topics, timeoutMs }, { session }) => {
  const longestMs = session.service.config["request.timeout.ms"];
  const untilMs = Date.now() + Math.min(Math.max(timeoutMs, 0), longestMs);
  const answers = [];
  for (const { name, partitions } of topics) {
    const answered = await inBatches(partitions, async (asked) => {
      const { partitionIndex } = asked;
      const deleted = await deleteFront(session, name, asked, untilMs);
      if (!deleted.ok) {
        return { partitionIndex, lowWatermark: -1, errorCode: codeOfDeleteRecords(deleted) };
      }
      return { partitionIndex, lowWatermark: deleted.logStartOffset, errorCode: NONE };
    });
    answers.push({ name, partitions: answered });
  }
  return { topics: answers };
};

async function deleteFront(
  session: Session,
  name: string,
  { partitionIndex, offset }: Asked,
  untilMs: number,
): Promise<Deleted> {
  // An offset beyond the safe integers is beyond every log.
  if (typeof offset === "bigint" || offset < -1) return refuse("OFFSET_OUT_OF_RANGE");
  const topic = await session.topic(name);
  if (!topic.ok) return topic;
  // Later entries of a long request have what is left of its timeout.
  const waitMs = Math.max(0, untilMs - Date.now());
  const call = (stub: PartitionApi): Promise<Deleted> => stub.deleteRecords(offset, waitMs);
  return session.leader(topic, partitionIndex, call, waitingCall(waitMs));
}
