/** Sends what a request puts into partitions: one call to each, all at once. */
import type { Refusal } from "../../base/errors.ts";
import type { Appended, AppendRefusal, AppendRequest } from "../../objects/contracts/partition.ts";
import { sendAppend } from "../../objects/contracts/transfer.ts";
import { callPartition } from "../../gateway/calls.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import { counters } from "../../gateway/metrics.ts";
import type { Service } from "../../gateway/service.ts";
import { noteAppend } from "../../gateway/storage-health.ts";
import type { PartitionPart } from "./partition-part.ts";
import type { RequestRecords } from "./request-records.ts";

export interface SendOptions {
  readonly acks: AppendRequest["acks"];
  /** The batches carry sequences: a call whose outcome is unknown may be made again. */
  readonly repeatable: boolean;
  readonly sparseSequences: boolean;
  /** Only into the very topic: one that was created anew under the name is UNKNOWN_TOPIC. */
  readonly sameTopic?: true;
}

/** The leader itself answers when the replicas have let `request.timeout.ms` go by; this is for one that hangs. */
const APPEND_MARGIN_MS = 2_000;

interface Batches {
  readonly bytes: Uint8Array;
  readonly records: number;
  /** See {@link AppendRequest}. */
  readonly unlessRepeated?: Refusal;
}

/** Appends whole batches to one partition. */
export async function appendBatches(
  service: Service,
  topic: KnownTopic,
  partition: number,
  { bytes, records, unlessRepeated }: Batches,
  options: SendOptions,
): Promise<Appended | AppendRefusal> {
  const { acks, repeatable, sparseSequences, sameTopic } = options;
  const request: AppendRequest = {
    batches: bytes,
    acks,
    ...(sparseSequences && { sparseSequences }),
    ...(unlessRepeated !== undefined && { unlessRepeated }),
  };
  const deadlineMs = service.config["request.timeout.ms"] + APPEND_MARGIN_MS;
  const answer = await callPartition<Appended>(
    service,
    topic,
    partition,
    { repeatable, deadlineMs, appends: true, ...(sameTopic && { sameTopic }) },
    (stub) => sendAppend(stub, request),
  );
  noteAppend(answer);
  if (answer.ok && !answer.duplicate) {
    counters.recordsIn += records;
    counters.bytesIn += bytes.length;
  }
  return answer;
}

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
export function commonRefusal(records: RequestRecords): Refusal | null {
  if (records.refusals.size > 0) return null;
  let common: Refusal | null = null;
  for (const outcome of records.outcomes.values()) {
    if (outcome.ok || (common !== null && common.error !== outcome.error)) return null;
    common ??= outcome;
  }
  return common;
}
