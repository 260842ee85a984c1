/** Encodes records that exist as objects, one batch for each call. The produce routes use `BatchBuilder`, without objects. */

import { BatchBuilder, type BatchFields, type RecordHeader } from "./builder.ts";

export interface ProducerRecord {
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** One whole batch of at least one record, its offsets ascending by one from the base offset. */
export function encodeBatch(
  records: readonly ProducerRecord[],
  fields: BatchFields = {},
): Uint8Array<ArrayBuffer> {
  const builder = new BatchBuilder();
  for (const { timestamp, key, value, headers } of records) {
    builder.append(timestamp, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers);
  }
  return builder.finish(fields).slice();
}
