/**
 * The idempotence of a request: `Producer-Id`, `Producer-Epoch` and `Producer-Seq`, all three or
 * none. `Producer-Seq` is the sequence number of the request's first record; the next request's is
 * that plus the number of records of this one, as between Kafka's batches. After 2,147,483,647
 * comes 0.
 *
 * If the service picks the partitions, one request may reach several. The records that go to one of them are one
 * batch, numbered by the first of them in the request, so each partition sees sequences that rise with gaps. A repeat
 * of the request results in the same batches, which the partitions recognise, because the choice is a function of the
 * request: a named partition, else the key, else (producer id + sequence) modulo the number of partitions, the same
 * for all records without a key.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import { SEQUENCE_MAX } from "../../base/limits.ts";

/** Kafka's epochs are 16 bits wide. */
const PRODUCER_EPOCH_MAX = 32_767;

export interface ProducerStamp {
  readonly ok: true;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly sequence: number;
}

const RULE =
  "Producer-Id, Producer-Epoch and Producer-Seq come all together, as whole numbers (epoch ≤ 32767, sequence ≤ 2147483647), or not at all.";

/** Null if the request is not idempotent. */
export function producerStamp(headers: Headers): ProducerStamp | Refusal | null {
  const id = headers.get("producer-id");
  const epoch = headers.get("producer-epoch");
  const sequence = headers.get("producer-seq");
  if (id === null && epoch === null && sequence === null) return null;
  const producerId = parseWhole(id ?? "");
  const producerEpoch = parseWhole(epoch ?? "");
  const first = parseWhole(sequence ?? "");
  if (producerId === null || producerEpoch === null || first === null) {
    return refuse("INVALID_REQUEST", RULE);
  }
  if (producerEpoch > PRODUCER_EPOCH_MAX || first > SEQUENCE_MAX) {
    return refuse("INVALID_REQUEST", RULE);
  }
  return { ok: true, producerId, producerEpoch, sequence: first };
}

/** The sequence number of the record at `index` of a request. */
export function sequenceAt(stamp: ProducerStamp, index: number): number {
  return (stamp.sequence + index) % (SEQUENCE_MAX + 1);
}

/** The partition of records without a key. */
export function keylessPartition(stamp: ProducerStamp, partitions: number): number {
  // Both terms are reduced first: their sum could leave the exact integers.
  return ((stamp.producerId % partitions) + (stamp.sequence % partitions)) % partitions;
}
