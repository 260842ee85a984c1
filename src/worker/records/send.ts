/** Sends what a request puts into partitions: one call to each, all at once. */
import { appendBatches, type SendOptions } from "../../gateway/append.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import type { Service } from "../../gateway/service.ts";
import type { AppendRefusal } from "../../objects/contracts/partition.ts";
import type { PartitionPart } from "./partition-part.ts";
import type { RequestRecords } from "./request-records.ts";

/** Sends the parts of a request and notes their outcomes. */
export async function sendParts(
  service: Service,
  topic: KnownTopic,
  records: RequestRecords,
  options: SendOptions,
): Promise<void> {
  const send = async (part: PartitionPart): Promise<void> => {
    const bytes = part.batches();
    const outcome =
      bytes instanceof Uint8Array
        ? await appendBatches(
            service,
            topic,
            part.partition,
            { bytes, records: part.records },
            options,
          )
        : bytes;
    records.outcomes.set(part.partition, outcome);
  };
  const parts = [...records.parts.values()];
  if (parts.length === 1) await send(parts[0]!);
  else await Promise.all(parts.map(send));
  records.blame();
}

/**
 * Why nothing of a request was written, when one reason holds for all of it: then the request fails
 * with that error's status, which is what a caller who is throttled or fenced looks at.
 */
export function commonRefusal(records: RequestRecords): AppendRefusal | null {
  if (records.refusals.size > 0) return null;
  let common: AppendRefusal | null = null;
  for (const outcome of records.outcomes.values()) {
    if (outcome.ok || (common !== null && common.error !== outcome.error)) return null;
    common ??= outcome;
  }
  return common;
}
