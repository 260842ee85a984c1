/**
 * Reads JSON produce requests that are checked whole before any of it is written: concatenated records,
 * `{"entries": […]}` and `{"records": […]}`.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { BATCH_ENTRIES_MAX } from "../../base/limits.ts";
import { countedRecord, RecordFields, type DataType } from "./record-fields.ts";
import { readRecordV2 } from "./read-v2.ts";
import { readRecordV3 } from "./read-v3.ts";
import type { RequestRecords } from "./request-records.ts";
import { JsonCursor } from "../json/json-slices.ts";

const ENTRY_ID_LENGTH_MAX = 80;

/** Reads a body into `records`; returns why the whole request is refused, or null. */
export type RequestReader = (bytes: Uint8Array, records: RequestRecords) => Refusal | null;

/** v3: one JSON object after the other. */
export const readConcatenated: RequestReader = (bytes, records) => {
  const cursor = new JsonCursor(bytes);
  const fields = new RecordFields();
  while (!cursor.atEnd() && countedRecord(cursor, records.count)) {
    readRecordV3(cursor, bytes, fields);
    if (cursor.refusal !== null) break;
    records.add(fields);
  }
  if (cursor.refusal !== null) return cursor.refusal;
  return records.count === 0 ? refuse("INVALID_REQUEST", "The request has no record.") : null;
};

/** v3's atomic route: `{"records": […]}` of v3 records. */
export const readRecordsV3: RequestReader = (bytes, records) =>
  readList(bytes, "records", (cursor, fields) => {
    if (!countedRecord(cursor, records.count)) return null;
    readRecordV3(cursor, bytes, fields);
    if (cursor.refusal === null) records.add(fields);
    return null;
  });

/** v2: `{"records": […]}` whose keys and values are of one type. */
export const readRecordsV2 =
  (type: DataType): RequestReader =>
  (bytes, records) =>
    readList(bytes, "records", (cursor, fields) => {
      if (!countedRecord(cursor, records.count)) return null;
      readRecordV2(cursor, bytes, fields, type);
      if (cursor.refusal === null) records.add(fields);
      return null;
    });

/** `records:batch`: `{"entries": [{"id", …}]}` of v3 records. */
export const readEntries: RequestReader = (bytes, records) => {
  const ids = new Set<string>();
  const refused = readList(bytes, "entries", (cursor, fields) => {
    if (records.count >= BATCH_ENTRIES_MAX) {
      return refuse("INVALID_BATCH", `A batch has at most ${BATCH_ENTRIES_MAX} entries.`);
    }
    readRecordV3(cursor, bytes, fields);
    if (cursor.refusal !== null) return null;
    const { id } = fields;
    if (id === null || id.length === 0 || id.length > ENTRY_ID_LENGTH_MAX) {
      const text = `Each entry has an id: a string of 1 to ${ENTRY_ID_LENGTH_MAX} characters.`;
      return refuse("INVALID_BATCH", text);
    }
    if (ids.has(id)) return refuse("INVALID_BATCH", "Two entries have the same id.");
    ids.add(id);
    records.add(fields);
    return null;
  });
  if (refused !== null) return refused;
  return records.count === 0 ? refuse("INVALID_BATCH", "The batch has no entries.") : null;
};

type TakeElement = (cursor: JsonCursor, fields: RecordFields) => Refusal | null;

/** Reads an object with one list; skips its other fields. */
function readList(bytes: Uint8Array, list: string, take: TakeElement): Refusal | null {
  const cursor = new JsonCursor(bytes);
  const fields = new RecordFields();
  let elements = 0;
  let isRead = false;
  let refusal: Refusal | null = null;
  if (cursor.peek() !== "object" && cursor.skipValue()) return wrongShape("INVALID_REQUEST", list);
  cursor.enterObject();
  for (let name = cursor.nextKey(); name !== null; name = cursor.nextKey()) {
    if (name !== list || cursor.peek() !== "array") {
      if (cursor.skipValue() && name === list) return wrongShape("INVALID_REQUEST", list);
      continue;
    }
    if (isRead) return refuse("INVALID_REQUEST", `The body has more than one "${list}".`);
    isRead = true;
    cursor.enterArray();
    while (refusal === null && cursor.nextElement()) {
      refusal = take(cursor, fields);
      elements++;
    }
    if (refusal !== null) return refusal;
  }
  if (cursor.refusal === null && !cursor.atEnd()) cursor.fail("something follows the object");
  if (cursor.refusal !== null) return cursor.refusal;
  // For an empty batch the caller has another error.
  return elements === 0 && list === "records" ? wrongShape("INVALID_RECORD", list) : null;
}

/** What is no such list is malformed (400); a list without an element is a payload that is not legal (422). */
function wrongShape(error: "INVALID_REQUEST" | "INVALID_RECORD", list: string): Refusal {
  return refuse(error, `The body is {"${list}": […]} with at least one element.`);
}
