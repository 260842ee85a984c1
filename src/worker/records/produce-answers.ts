/**
 * The answers to producers: v3's delivery reports, the 207 of `records:batch`, v2's offsets. Built as text, since there
 * is a piece of it for every record.
 */
import { ERRORS, type Refusal } from "../../base/errors.ts";
import type { Appended } from "../../objects/contracts/partition.ts";
import type { RequestRecords } from "./request-records.ts";

/** `error_code` and `message` of an error, as members of an object. */
function errorMembers({ error, message }: Refusal): string {
  return `"error_code":${ERRORS[error].rest},"message":${JSON.stringify(message)}`;
}

/** The outcome of one record: of the record itself, or of the partition it went to. */
function outcomeOf(records: RequestRecords, index: number): Appended | Refusal {
  return records.refusals.get(index) ?? records.outcomes.get(records.partitions[index]!)!;
}

/**
 * Writes the members that say where a record was written and how it was read. Consecutive records mostly share
 * partition and timestamp, so the text of the previous one is reused.
 */
class DeliveryWriter {
  private readonly records: RequestRecords;
  private readonly head: string;
  private partition = -1;
  private placeStart = "";
  private timeMs = -1;
  private time = "";

  constructor(records: RequestRecords, clusterId: string, topic: string) {
    this.records = records;
    this.head = `"cluster_id":${JSON.stringify(clusterId)},"topic_name":"${topic}"`;
  }

  members(index: number, appended: Appended): string {
    const { records } = this;
    const { baseOffset, duplicate, logAppendTimeMs } = appended;
    let text = this.start(records.partitions[index]!) + (baseOffset + records.places[index]!);
    const given = records.timestamps[index]!;
    // The time of the first attempt is not known here, unless the request or the topic sets it.
    if (!duplicate || given >= 0 || logAppendTimeMs >= 0) {
      text += this.timestamp(
        logAppendTimeMs >= 0 ? logAppendTimeMs : given >= 0 ? given : records.nowMs,
      );
    }
    const keyType = records.keyTypes[index]!;
    if (keyType !== null) text += `,"key":{"type":"${keyType}","size":${records.keyBytes[index]}}`;
    const valueType = records.valueTypes[index]!;
    if (valueType !== null) {
      text += `,"value":{"type":"${valueType}","size":${records.valueBytes[index]}}`;
    }
    return duplicate ? `${text},"duplicate":true` : text;
  }

  private start(partition: number): string {
    if (partition !== this.partition) {
      this.partition = partition;
      this.placeStart = `${this.head},"partition_id":${partition},"offset":`;
    }
    return this.placeStart;
  }

  private timestamp(timestampMs: number): string {
    if (timestampMs !== this.timeMs) {
      this.timeMs = timestampMs;
      this.time = `,"timestamp":"${new Date(timestampMs).toISOString()}"`;
    }
    return this.time;
  }
}

/** v3: a report for each record, in the order of the request, one a line. */
export function deliveryReports(records: RequestRecords, clusterId: string, topic: string): string {
  const writer = new DeliveryWriter(records, clusterId, topic);
  let text = "";
  for (let i = 0; i < records.count; i++) {
    const outcome = outcomeOf(records, i);
    text += outcome.ok
      ? `{"error_code":200,${writer.members(i, outcome)}}\r\n`
      : errorReport(outcome);
  }
  return text;
}

/** v3: what was refused, in a line like those of {@link deliveryReports}. */
export function errorReport(refusal: Refusal): string {
  return `{${errorMembers(refusal)}}\r\n`;
}

/** v3 `records:batch`: entries by their ids. */
export function batchAnswer(records: RequestRecords, clusterId: string, topic: string): string {
  const writer = new DeliveryWriter(records, clusterId, topic);
  let successes = "";
  let failures = "";
  for (let i = 0; i < records.count; i++) {
    const outcome = outcomeOf(records, i);
    const id = JSON.stringify(records.ids[i]);
    if (outcome.ok) {
      if (successes !== "") successes += ",";
      successes += `{"id":${id},${writer.members(i, outcome)}}`;
    } else {
      if (failures !== "") failures += ",";
      failures += `{"id":${id},${errorMembers(outcome)}}`;
    }
  }
  return `{"successes":[${successes}],"failures":[${failures}]}`;
}

/** v2: an element for each record. `error_code` is the error table's REST code. */
export function offsetsAnswer(records: RequestRecords): string {
  let text = "";
  for (let i = 0; i < records.count; i++) {
    const outcome = outcomeOf(records, i);
    if (i > 0) text += ",";
    if (outcome.ok) {
      const offset = outcome.baseOffset + records.places[i]!;
      const duplicate = outcome.duplicate ? ',"duplicate":true' : "";
      text += `{"partition":${records.partitions[i]},"offset":${offset},"error_code":null,"error":null${duplicate}}`;
    } else {
      const { error, message } = outcome;
      text += `{"partition":null,"offset":null,"error_code":${ERRORS[error].rest},"error":${JSON.stringify(message)}}`;
    }
  }
  return `{"offsets":[${text}],"key_schema_id":null,"value_schema_id":null}`;
}

/** The atomic route. */
export function rangeAnswer({ baseOffset, lastOffset, duplicate }: Appended): string {
  return `{"base_offset":${baseOffset},"last_offset":${lastOffset},"duplicate":${duplicate}}`;
}
