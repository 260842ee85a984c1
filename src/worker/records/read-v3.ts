/**
 * Reads v3 records from a request's JSON:
 * `{"partition_id"?, "headers"?, "key"?: {"type","data"}, "value"?: {"type","data"}, "timestamp"?}`.
 * An entry of `records:batch` has an `id` besides. Values are slices of the request.
 */
import { DATA_TYPES, type DataType, type RecordData, type RecordFields } from "./record-fields.ts";
import { JsonCursor } from "../json/json-slices.ts";

const TYPE_RULE = 'A key or value that is not null says its "type": BINARY, JSON or STRING.';

const TYPES = DATA_TYPES.map((type) => ({ type, bytes: new TextEncoder().encode(type) }));

/** Reads one record. If the JSON is broken, the cursor has a refusal afterwards. */
export function readRecordV3(cursor: JsonCursor, bytes: Uint8Array, fields: RecordFields): void {
  fields.reset();
  if (!fields.expect(cursor, "object", "record")) return;
  cursor.enterObject();
  for (let name = cursor.nextKey(); name !== null; name = cursor.nextKey()) {
    switch (name) {
      case "value":
        readTyped(cursor, bytes, fields, fields.value);
        break;
      case "key":
        readTyped(cursor, bytes, fields, fields.key);
        break;
      case "partition_id":
      case "partition":
        fields.readPartition(cursor, bytes);
        break;
      case "timestamp":
        fields.readTimestamp(cursor, bytes);
        break;
      case "headers":
        fields.readHeaders(cursor);
        break;
      case "id":
        if (cursor.peek() === "string") fields.id = cursor.readString();
        else cursor.skipValue();
        break;
      default:
        fields.unknown(cursor, name);
    }
  }
}

/** `{"type", "data"}`, in any order, or null. */
function readTyped(
  cursor: JsonCursor,
  bytes: Uint8Array,
  fields: RecordFields,
  data: RecordData,
): void {
  // If a field occurs twice, the last one counts.
  data.reset();
  if (cursor.takeNull() || !fields.expect(cursor, "object", "key or value")) return;
  cursor.enterObject();
  let type: DataType | null = null;
  // The range of data that came before its type.
  let start = -1;
  let end = -1;
  for (let name = cursor.nextKey(); name !== null; name = cursor.nextKey()) {
    if (name === "type") {
      type = readType(cursor, fields);
    } else if (name !== "data") {
      fields.unknown(cursor, name);
    } else if (type !== null) {
      fields.readData(cursor, bytes, data, type);
    } else if (cursor.skipValue()) {
      start = cursor.valueStart;
      end = cursor.valueEnd;
    }
  }
  data.type = type;
  if (start < 0) return;
  const again = new JsonCursor(bytes, start, end);
  if (type !== null) fields.readData(again, bytes, data, type);
  else if (!again.takeNull()) fields.refuse("SERIALIZATION", TYPE_RULE);
}

function readType(cursor: JsonCursor, fields: RecordFields): DataType | null {
  if (cursor.takeNull() || !fields.expect(cursor, "string", "type") || !cursor.readText()) {
    return null;
  }
  const { textSource, textStart, textEnd } = cursor;
  for (const known of TYPES) {
    if (isSame(known.bytes, textSource, textStart, textEnd)) return known.type;
  }
  fields.refuse("SERIALIZATION", TYPE_RULE);
  return null;
}

/** Compared as bytes: making a string of every record's type would cost more than the rest of the record. */
function isSame(bytes: Uint8Array, source: Uint8Array, start: number, end: number): boolean {
  if (end - start !== bytes.length) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== source[start + i]) return false;
  return true;
}
