/** Appends batches to a partition: one call of its leader, counted. */
import type { Refusal } from "../base/errors.ts";
import type {
  Appended,
  AppendRefusal,
  AppendRequest,
  FencingCondition,
} from "../objects/contracts/partition.ts";
import { sendAppend } from "../objects/contracts/transfer.ts";
import { callPartition } from "./calls.ts";
import type { KnownTopic } from "./metadata.ts";
import { counters } from "./metrics.ts";
import type { Service } from "./service.ts";
import { noteAppend } from "./storage-health.ts";

export interface SendOptions {
  readonly acks: AppendRequest["acks"];
  /** The batches carry sequences: a call whose outcome is unknown may be made again. */
  readonly repeatable: boolean;
  readonly sparseSequences: boolean;
  /** Only where the log ends there: END_OFFSET_MISMATCH. */
  readonly expectedOffset?: number;
  /** Only where its token is in force, else FENCING_TOKEN_MISMATCH; the token that is in force then. */
  readonly fencing?: FencingCondition;
  /** Appends only to this very topic; one that was created later under its name is UNKNOWN_TOPIC. */
  readonly sameTopic?: true;
}

/** The leader answers by itself when `request.timeout.ms` is over; this deadline is for an object that hangs. */
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
  const { acks, repeatable, sparseSequences, expectedOffset, fencing, sameTopic } = options;
  const request: AppendRequest = {
    batches: bytes,
    acks,
    ...(sparseSequences && { sparseSequences }),
    ...(unlessRepeated !== undefined && { unlessRepeated }),
    ...(expectedOffset !== undefined && { expectedOffset }),
    ...(fencing !== undefined && { fencing }),
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
