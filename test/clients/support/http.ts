/** Records over HTTP in the terms of drivers, so that what one way wrote can be compared with what another reads. */
import { createTopic, type Client } from "../../e2e/support/client.ts";
import type { Codec, RecordRead, RecordToWrite } from "./protocol.ts";

const BINARY = "application/vnd.kafka.binary.v2+json";

interface BinaryRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export function newTopic(http: Client, topic: string, partitions = 1, replicas = 1): Promise<void> {
  return createTopic(http, topic, { partitions, replicas });
}

/** Produces to partition 0; answers with the offsets. */
export async function produceOverHttp(
  http: Client,
  topic: string,
  records: readonly RecordToWrite[],
  partition = 0,
): Promise<number[]> {
  const body = {
    records: records.map(({ key, value, headers, timestamp }) => ({
      key,
      value,
      headers: headers.map(([name, bytes]) => ({ name, value: bytes })),
      ...(timestamp !== null && { timestamp }),
    })),
  };
  const path = `/topics/${topic}/partitions/${partition}`;
  const answer = await http.post(path, body, { "content-type": BINARY });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json<{ offsets: { offset: number }[] }>().offsets.map(({ offset }) => offset);
}

/** Everything that a partition holds from an offset on, at most `count`. */
export async function fetchOverHttp(
  http: Client,
  topic: string,
  partition = 0,
  offset = 0,
  count = 1_000,
): Promise<RecordRead[]> {
  const path = `/topics/${topic}/partitions/${partition}/records?offset=${offset}&count=${count}`;
  const answer = await http.ask(path, { headers: { accept: BINARY } });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json<BinaryRecord[]>().map((record) => ({
    offset: record.offset,
    key: record.key,
    value: record.value,
    timestamp: record.timestamp,
    headers: record.headers.map(({ name, value }) => [name, value] as const),
  }));
}

const CODECS: readonly Codec[] = ["none", "gzip", "snappy", "lz4", "zstd"];
/** Of the attributes' lower half in a record batch. */
const ATTRIBUTES_AT = 22;

/** How the first batch of a partition is stored. */
export async function storedCodec(http: Client, topic: string, partition = 0): Promise<Codec> {
  const path = `/topics/${topic}/partitions/${partition}/records?offset=0`;
  const accept = "application/vnd.kafka.recordbatch.v2";
  const { bytes } = await http.ask(path, { headers: { accept } });
  return CODECS[bytes[ATTRIBUTES_AT]! & 0x07]!;
}

/** The lag of a group by partition, as the service itself tells it. */
export async function lagsOverHttp(http: Client, group: string): Promise<Record<number, number>> {
  const path = `/v3/clusters/odradek/consumer-groups/${group}/lags`;
  const { data } = await http.get<{ data: { partition_id: number; lag: number }[] }>(path);
  return Object.fromEntries(data.map(({ partition_id, lag }) => [partition_id, lag]));
}
