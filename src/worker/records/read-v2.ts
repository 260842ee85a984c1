/**
 * Reads v2 records from a request's JSON: `{"key"?, "value"?, "partition"?, "timestamp"?, "headers"?}`.
 * How keys and values are written follows from the request's media type.
 */
import type { DataType, RecordFields } from "./record-fields.ts";
import type { JsonCursor } from "../json/json-slices.ts";

/** Reads one record. If the JSON is broken, the cursor has a refusal afterwards. */
export function readRecordV2(
  cursor: JsonCursor,
  bytes: Uint8Array,
  fields: RecordFields,
  type: DataType,
): void {
  fields.reset();
  if (!fields.expect(cursor, "object", "record", "INVALID_REQUEST")) return;
  cursor.enterObject();
  for (let name = cursor.nextKey(); name !== null; name = cursor.nextKey()) {
    switch (name) {
      case "value":
        fields.readData(cursor, bytes, fields.value, type);
        break;
      case "key":
        fields.readData(cursor, bytes, fields.key, type);
        break;
      case "partition":
        fields.readPartition(cursor, bytes);
        break;
      case "timestamp":
        fields.readTimestamp(cursor, bytes);
        break;
      case "headers":
        fields.readHeaders(cursor);
        break;
      default:
        fields.unknown(cursor, name);
    }
  }
}
