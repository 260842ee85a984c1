/** The answer of a poll: the records of several partitions as one array, and the position after each partition's. */
import type { Refusal } from "../../base/errors.ts";
import { counters } from "../../gateway/metrics.ts";
import { RecordArray } from "../json/record-json.ts";
import type { PollCursor } from "./poll-cursor.ts";
import { evenShare, servingOrder } from "./shares.ts";
import type { DeliverRequest, InstanceSpec } from "../../objects/contracts/instances.ts";

interface PollAnswer {
  readonly ok: true;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly records: number;
  /** Of the partitions that have moved, whether or not they had records for readers. */
  readonly positions: DeliverRequest["positions"];
}

/**
 * Writes what was read, each partition its fair share of `max.poll.records` and of the bytes. A partition
 * whose batches cannot be read is passed over; the refusal is the answer where nothing else is.
 */
export function writeAnswer(
  cursors: readonly PollCursor[],
  { format, maxPollRecords }: InstanceSpec,
  maxBytes: number,
): PollAnswer | Refusal {
  const read = cursors.filter(({ pages }) => pages.length > 0);
  const order = servingOrder(
    read.map((cursor) => cursor.records),
    maxPollRecords,
  );
  const array = new RecordArray(format, maxBytes, sourceBytes(read));
  const positions: { topic: string; partition: number; nextOffset: number }[] = [];
  let refused: Refusal | null = null;
  order.forEach((at, i) => {
    const others = order.length - i;
    const recordsMax = evenShare(maxPollRecords - array.records, others);
    const written = writeCursor(array, read[at]!, recordsMax, evenShare(array.bytesLeft, others));
    if (typeof written === "object") {
      refused = written;
      return;
    }
    const { topic, partition } = read[at]!.part;
    if (written > read[at]!.pages[0]!.offset) {
      positions.push({ topic, partition, nextOffset: written });
    }
  });
  if (refused !== null && positions.length === 0) return refused;
  const { records } = array;
  return { ok: true, bytes: array.finish(), records, positions };
}

/** The partition's next position, after the records that were written. */
function writeCursor(
  array: RecordArray,
  { part, pages }: PollCursor,
  recordsMax: number,
  softBytes: number,
): number | Refusal {
  const { topic, partition } = part;
  const startRecords = array.records;
  const startBytes = array.bytesLeft;
  let next = pages[0]!.offset;
  for (const { offset, batches } of pages) {
    const maxRecords = recordsMax - (array.records - startRecords);
    const left = softBytes - (startBytes - array.bytesLeft);
    // A first record is written however large it is; a further page's would be one too many.
    if (next > pages[0]!.offset && (maxRecords <= 0 || left <= 0)) break;
    const written = array.add(batches, { topic, partition, offset, maxRecords, softBytes: left });
    if (!written.ok) return next > pages[0]!.offset ? next : written;
    next = written.nextOffset;
    if (!written.isWhole) break;
  }
  return next;
}

function sourceBytes(cursors: readonly PollCursor[]): number {
  let bytes = 0;
  for (const { pages } of cursors) for (const { batches } of pages) bytes += batches.length;
  return bytes;
}

/** Counts the records and bytes of an answer, once it is sent. */
export function countAnswer({ records }: PollAnswer): void {
  counters.recordsOut += records;
}
