/** The few calls of the HTTP API that the demos share, and the tail over server-sent events. */
import type { NumberedFlight } from "./flights.ts";

const JSON_V2 = "application/vnd.kafka.json.v2+json";

export interface Target {
  /** Without a trailing slash. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly topic: string;
}

export interface Delivered {
  readonly partition: number;
  readonly offset: number;
}

export interface Read extends Delivered {
  readonly key: string;
  readonly value: NumberedFlight;
}

/** The cluster's URL; its id is the deployment's own. */
export async function clusterUrl({ url, headers }: Target): Promise<string> {
  const answer = await asked(await fetch(`${url}/v3/clusters`, { headers }));
  const clusters = (await answer.json()) as { data: { cluster_id: string }[] };
  return `${url}/v3/clusters/${clusters.data[0]!.cluster_id}`;
}

export interface TopicShape {
  readonly partitions: number;
  readonly replicationFactor?: number;
  readonly configs?: Readonly<Record<string, string>>;
}

export async function createTopic(
  target: Target,
  cluster: string,
  { partitions, replicationFactor, configs = {} }: TopicShape,
): Promise<void> {
  const answer = await fetch(`${cluster}/topics`, {
    method: "POST",
    headers: { ...target.headers, "content-type": "application/json" },
    body: JSON.stringify({
      topic_name: target.topic,
      partitions_count: partitions,
      replication_factor: replicationFactor,
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }),
  });
  await (await asked(answer)).arrayBuffer();
}

export async function deleteTopic(target: Target, cluster: string): Promise<void> {
  const { topic, headers } = target;
  await asked(await fetch(`${cluster}/topics/${topic}`, { method: "DELETE", headers }));
}

/** Sends one request; returns where each flight was written, in order. Throws unless all were. */
export async function produce(
  { url, headers, topic }: Target,
  flights: readonly NumberedFlight[],
): Promise<Delivered[]> {
  const records = flights.map((value) => ({ key: value.origin, value }));
  const answer = await fetch(`${url}/topics/${topic}`, {
    method: "POST",
    headers: { ...headers, "content-type": JSON_V2 },
    body: JSON.stringify({ records }),
  });
  const { offsets } = (await (await asked(answer)).json()) as {
    offsets: (Delivered & { error: string | null })[];
  };
  const failed = offsets.find(({ error }) => error !== null);
  if (failed !== undefined) throw new Error(`A record was not written: ${failed.error}`);
  return offsets;
}

/**
 * Every record of a partition from its first on, as they arrive, until the signal. Reconnects where a stream ends,
 * with the id of the last event, as browsers do.
 */
export async function* tail(
  { url, headers, topic }: Target,
  partition: number,
  signal: AbortSignal,
): AsyncGenerator<Read> {
  let lastId = "0";
  while (!signal.aborted) {
    const answer = await fetch(`${url}/topics/${topic}/partitions/${partition}/records`, {
      headers: { ...headers, accept: "text/event-stream", "last-event-id": lastId },
      signal,
    });
    for await (const { id, data } of events((await asked(answer)).body!)) {
      if (id !== "") lastId = id;
      yield JSON.parse(data) as Read;
    }
  }
}

interface ServerSentEvent {
  readonly id: string;
  readonly data: string;
}

/** The events of a stream that carry data. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true });
    const whole = text.split("\n\n");
    text = whole.pop()!;
    for (const event of whole) {
      const field = (name: string): string[] =>
        event
          .split("\n")
          .filter((line) => line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).trimStart());
      const data = field("data");
      if (data.length > 0) yield { id: field("id")[0] ?? "", data: data.join("\n") };
    }
  }
}

/** Throws unless the answer is a good one. */
export async function asked(answer: Response): Promise<Response> {
  if (!answer.ok) throw new Error(`${answer.url} answers ${answer.status}: ${await answer.text()}`);
  return answer;
}
