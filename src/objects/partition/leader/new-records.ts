/**
 * Why an append that is not in the log may not be written, by the topic's settings of now. Pure. Batches are
 * opened only where a setting asks for it: a bound on the age of records, or keys.
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
import type { FlushContext, GatheredAppend } from "./gathered.ts";

/**
 * Null when it may. Errors: NOT_ENOUGH_REPLICAS, MESSAGE_TOO_LARGE; INVALID_TIMESTAMP and INVALID_RECORD with
 * the records that are to blame (KIP-467).
 */
export function refusalOfNew(append: GatheredAppend, context: FlushContext): RecordsRefusal | null {
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

/** The bounds of producers' times (KIP-937). Times that the broker sets have none. */
function refusalOfTimes(
  append: GatheredAppend,
  { config, nowMs }: FlushContext,
): RecordsRefusal | null {
  if (config["message.timestamp.type"] === "LogAppendTime") return null;
  const latest = nowMs + config["message.timestamp.after.max.ms"];
  const earliest = nowMs - config["message.timestamp.before.max.ms"];
  const isAnyLate = append.headers.some(({ maxTimestamp }) => maxTimestamp > latest);
  // Without a bound, or anything beyond one, no batch is opened here.
  if (!isAnyLate && earliest <= 0) return null;
  return refusalOfRecords(append, "INVALID_TIMESTAMP", ({ timestamp }) => {
    if (timestamp > latest) {
      return `Its timestamp ${timestamp} is more than message.timestamp.after.max.ms after ${nowMs}.`;
    }
    // Below 0 it has none.
    if (timestamp >= earliest || timestamp < 0) return null;
    return `Its timestamp ${timestamp} is more than message.timestamp.before.max.ms before ${nowMs}.`;
  });
}

const KEYLESS = "It has no key, and the topic's cleanup.policy is compact.";

function refusalOfKeys(append: GatheredAppend, { config }: FlushContext): RecordsRefusal | null {
  // rule: compacted-topics-take-keys-alone
  if (!needsKeys(config)) return null;
  return refusalOfRecords(append, "INVALID_RECORD", ({ key }) => (key === null ? KEYLESS : null));
}

/** Refuses an append for the records that `wrong` says something of; null where it says nothing of any. */
function refusalOfRecords(
  { bytes, headers }: GatheredAppend,
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
