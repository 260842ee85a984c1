/** DeleteRecords (21): raises log start offsets; -1 stands for the high watermark (KIP-107). */
import { refuse, type Refusal } from "../../base/errors.ts";
import { codeOfDeleteRecords, NONE } from "../errors.ts";
import { inBatches } from "../in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../served.ts";
import type { Session } from "../session.ts";

type Asked = Request<21>["topics"][number]["partitions"][number];
type Deleted = { readonly ok: true; readonly logStartOffset: number } | Refusal;

export const deleteRecords: Handler<21> = async ({ topics }, { session }) => {
  const answers = [];
  for (const { name, partitions } of topics) {
    const answered = await inBatches(partitions, async (asked) => {
      const { partitionIndex } = asked;
      const deleted = await deleteFront(session, name, asked);
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
): Promise<Deleted> {
  // An offset beyond what a number holds is beyond every log.
  if (typeof offset === "bigint" || offset < -1) return refuse("OFFSET_OUT_OF_RANGE");
  const topic = await session.topic(name);
  if (!topic.ok) return topic;
  return session.leader(topic, partitionIndex, (stub) => stub.deleteRecords(offset));
}
