/**
 * Why an append that is not in the log yet may not be written, by the topic's present settings. Pure. Batches are opened
 * only if a setting asks for it: a bound on the age of records, or keys.
 */
import { needsKeys } from "../../../base/config.ts";
import { refuse, type ErrorName } from "../../../base/errors.ts";
import { CHUNK_BYTES_MAX } from "../../../base/limits.ts";
import {
  RECORD_ERRORS_MAX,
  recordsFrom,
  type LogRecord,
  type RecordError,
  type RecordsRefusal,
} from "../../../records/index.ts";
import type { FlushContext, QueuedAppend } from "./queued-append.ts";

/**
 * Null if it may. Errors: NOT_ENOUGH_REPLICAS, MESSAGE_TOO_LARGE; INVALID_TIMESTAMP and INVALID_RECORD with the records
 * that are to blame (KIP-467); the refusal that the append brings with it.
 */
export function refusalOfNew(append: QueuedAppend, context: FlushContext): RecordsRefusal | null {
  if (append.unlessRepeated !== null) return append.unlessRepeated;
  const { config, inSync } = context;
  const needed = config["min.insync.replicas"];
  if (append.acks === -1 && inSync < needed) {
    const text = `${inSync} in sync, min.insync.replicas is ${needed}; nothing was written.`;
    return refuse("NOT_ENOUGH_REPLICAS", text);
  }
  const maxBytes = Math.min(config["max.message.bytes"], CHUNK_BYTES_MAX);
  for (const { sizeBytes } of append.headers) {
    if (sizeBytes <= maxBytes) continue;
    const text = `A record batch has ${sizeBytes} bytes; max.message.bytes is ${maxBytes}.`;
    return refuse("MESSAGE_TOO_LARGE", text);
  }
  return refusalOfTimes(append, context) ?? refusalOfKeys(append, context);
}

/** The bounds of timestamps that producers set (KIP-937). */
function refusalOfTimes(
  append: QueuedAppend,
  { config, nowMs }: FlushContext,
): RecordsRefusal | null {
  if (config["message.timestamp.type"] === "LogAppendTime") return null;
  const latest = nowMs + config["message.timestamp.after.max.ms"];
  const earliest = nowMs - config["message.timestamp.before.max.ms"];
  const isAnyLate = append.headers.some(({ maxTimestamp }) => maxTimestamp > latest);
  // No batch is opened unless a record may be out of bounds.
  if (!isAnyLate && earliest <= 0) return null;
  return refusalOfRecords(append, "INVALID_TIMESTAMP", ({ timestamp }) => {
    if (timestamp > latest) {
      return `Its timestamp ${timestamp} is more than message.timestamp.after.max.ms after ${nowMs}.`;
    }
    // A timestamp below 0 is none.
    if (timestamp >= earliest || timestamp < 0) return null;
    return `Its timestamp ${timestamp} is more than message.timestamp.before.max.ms before ${nowMs}.`;
  });
}

const KEYLESS = "It has no key, and the topic's cleanup.policy is compact.";

function refusalOfKeys(append: QueuedAppend, { config }: FlushContext): RecordsRefusal | null {
  // rule: compacted-topics-take-keys-alone
  if (!needsKeys(config)) return null;
  return refusalOfRecords(append, "INVALID_RECORD", ({ key }) => (key === null ? KEYLESS : null));
}

/** Refuses an append for the records that `wrong` has an error message for; null if there are none. */
function refusalOfRecords(
  { bytes, headers }: QueuedAppend,
  error: ErrorName,
  wrong: (record: LogRecord) => string | null,
): RecordsRefusal | null {
  const recordErrors: RecordError[] = [];
  let index = 0;
  for (const { position, sizeBytes, baseOffset } of headers) {
    for (const record of recordsFrom(bytes.subarray(position, position + sizeBytes), baseOffset)) {
      if (!record.ok) return record;
      const message = recordErrors.length < RECORD_ERRORS_MAX ? wrong(record) : null;
      if (message !== null) recordErrors.push({ index, message });
      index += 1;
    }
  }
  const first = recordErrors[0];
  if (first === undefined) return null;
  return { ...refuse(error, `Record ${first.index}: ${first.message}`), recordErrors };
}
