/**
 * Operates a cluster from outside: brokers out of service and back, elections, moves, the state of a partition.
 * Operations that may have no effect say so in their result; everything else throws.
 */
import { CLUSTER, eventually, topicPath, type Answer, type Client } from "./client.ts";

/** A partition as tests name it. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

export interface ReplicaState {
  readonly broker_id: number;
  readonly generation: number;
  readonly storage: string | null;
  readonly log_end_offset: number | null;
}

export interface PartitionState {
  readonly leader_id: number | null;
  readonly leader_epoch: number;
  readonly in_sync_replicas: readonly number[];
  readonly replica_states: readonly ReplicaState[];
  readonly high_watermark: number | null;
  readonly log_end_offset: number | null;
}

export const partitionPath = ({ topic, partition }: Place): string =>
  `${topicPath(topic)}/partitions/${partition}`;

export const partitionOf = (client: Client, place: Place): Promise<PartitionState> =>
  client.get<PartitionState>(partitionPath(place));

function expectSuccess(answer: Answer, what: string): Answer {
  if (answer.status >= 300) throw new Error(`${what}: ${answer.status} ${answer.text}`);
  return answer;
}

export async function changeBroker(
  client: Client,
  brokerId: number,
  verb: "fence" | "unfence",
): Promise<void> {
  const path = `${CLUSTER}/brokers/${brokerId}:${verb}`;
  expectSuccess(await client.ask(path, { method: "POST", deadlineMs: 60_000 }), path);
}

export async function registerBroker(
  client: Client,
  brokerId: number,
  region: string,
): Promise<void> {
  const spec = { broker_id: brokerId, rack: region, location_hint: region };
  expectSuccess(await client.post(`${CLUSTER}/brokers`, spec), `broker ${brokerId}`);
}

/** Asks for a move; {@link settled} waits for its end. */
export async function reassign(
  client: Client,
  { topic, partition }: Place,
  brokerIds: readonly number[],
): Promise<void> {
  const data = [{ topic_name: topic, partition_id: partition, broker_ids: brokerIds }];
  const answer = expectSuccess(await client.post(`${CLUSTER}/reassignments`, { data }), "reassign");
  const [outcome] = answer.json<{ data: { error_code: number }[] }>().data;
  if (outcome?.error_code !== 200) throw new Error(`${topic}/${partition}: ${answer.text}`);
}

/** True when the preferred replica was elected; false when it leads already or may not. */
export async function electPreferred(client: Client, place: Place): Promise<boolean> {
  const path = `${partitionPath(place)}:elect-leader`;
  const answer = await client.ask(path, { method: "POST" });
  if (answer.status === 409 || answer.status === 503) return false;
  expectSuccess(answer, path);
  return true;
}

/** Waits until the replicas are these brokers', led by one of them, and all in sync. */
export function settled(
  client: Client,
  place: Place,
  brokerIds: readonly number[],
  deadlineMs = 60_000,
): Promise<PartitionState> {
  const expected = [...brokerIds].sort().join();
  const what = `replicas of ${place.topic}/${place.partition} on ${expected}, all in sync`;
  return eventually(
    what,
    async () => {
      const state = await partitionOf(client, place);
      const replicas = state.replica_states.map(({ broker_id }) => broker_id);
      const isThere = replicas.sort().join() === expected && state.leader_id !== null;
      return isThere && [...state.in_sync_replicas].sort().join() === expected ? state : undefined;
    },
    deadlineMs,
  );
}

/** Where each broker is, which is what readers call `client.rack`. */
export async function racks(client: Client): Promise<Map<number, string>> {
  const { data } = await client.get<{ data: { broker_id: number; rack: string }[] }>(
    `${CLUSTER}/brokers`,
  );
  return new Map(data.map(({ broker_id, rack }) => [broker_id, rack]));
}

/** The value of a metric without labels. */
export async function metric(client: Client, name: string): Promise<number> {
  const { text } = await client.ask("/metrics");
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
}
