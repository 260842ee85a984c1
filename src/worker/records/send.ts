/** Sends the parts of a request: one call for each partition, in parallel. */
import { appendBatches, type SendOptions } from "../../gateway/append.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import type { Service } from "../../gateway/service.ts";
import type { AppendRefusal } from "../../objects/contracts/partition.ts";
import type { PartitionPart } from "./partition-part.ts";
import type { RequestRecords } from "./request-records.ts";

/** Sends the parts of a request and records their outcomes. */
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
 * The error of a request of which nothing was written, if all partitions have refused with the same one: the request
 * then fails with its status, which callers that are throttled or fenced act on.
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
