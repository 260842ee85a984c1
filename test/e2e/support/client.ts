/**
 * Requests to the service from outside. Every one has a deadline: a request that hangs fails, with the request in the
 * message. Uses undici's own client, which sends headers and paths that `fetch` would normalize.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";

const DEADLINE_MS = 20_000;

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | undefined;
  readonly deadlineMs?: number;
}

export class Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;

  constructor(status: number, headers: Answer["headers"], bytes: Buffer) {
    this.status = status;
    this.headers = headers;
    this.bytes = bytes;
  }

  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  get text(): string {
    return this.bytes.toString();
  }

  json<T = Record<string, unknown>>(): T {
    return JSON.parse(this.text) as T;
  }
}

export class Client {
  readonly url: string;
  private readonly agent: Agent;
  private readonly key: string | null;

  /** @param key sent with every request; null: none */
  constructor(url: string, connections = 64, key: string | null = null) {
    this.url = url.replace(/\/$/, "");
    this.key = key;
    this.agent = new Agent({ connections, pipelining: 1 });
  }

  /** Throws only when no answer came: refused, cut off, or after its deadline. */
  async ask(path: string, asked: Asked = {}): Promise<Answer> {
    const { method = "GET", headers = {}, body, deadlineMs = DEADLINE_MS } = asked;
    const abort = new AbortController();
    const { signal } = abort;
    const deadline = setTimeout(() => abort.abort(), deadlineMs);
    try {
      const answer = await request(this.url + path, {
        method: method as "GET",
        headers: this.key === null ? headers : { authorization: `Bearer ${this.key}`, ...headers },
        body: body ?? null,
        dispatcher: this.agent,
        signal,
      });
      if (String(answer.headers["content-type"]).startsWith("text/event-stream")) {
        // It does not end by itself; the test only needs its beginning.
        answer.body.on("error", () => {});
        answer.body.destroy();
        return new Answer(answer.statusCode, answer.headers, Buffer.alloc(0));
      }
      const bytes = Buffer.from(await answer.body.arrayBuffer());
      return new Answer(answer.statusCode, answer.headers, bytes);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new Error(`no answer within ${deadlineMs} ms: ${method} ${path}`, { cause: error });
    } finally {
      clearTimeout(deadline);
    }
  }

  post(
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const all = { "content-type": "application/json", ...headers };
    return this.ask(path, { method: "POST", headers: all, body: JSON.stringify(body) });
  }

  /** As `ask`, for requests that must succeed. */
  async get<T = Record<string, unknown>>(path: string): Promise<T> {
    const answer = await this.ask(path);
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`);
    return answer.json<T>();
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }
}

export const CLUSTER = "/v3/clusters/odradek";
export const RAW = "application/vnd.kafka.recordbatch.v2";

export const topicPath = (topic: string): string => `${CLUSTER}/topics/${topic}`;

export interface TopicSpec {
  readonly partitions?: number;
  /** Replicas of each partition; default 1. */
  readonly replicas?: number;
  readonly configs?: Readonly<Record<string, string>>;
}

export async function createTopic(
  client: Client,
  name: string,
  spec: TopicSpec = {},
): Promise<void> {
  const answer = await client.post(`${CLUSTER}/topics`, {
    topic_name: name,
    partitions_count: spec.partitions ?? 1,
    replication_factor: spec.replicas ?? 1,
    configs: Object.entries(spec.configs ?? {}).map(([key, value]) => ({ name: key, value })),
  });
  if (answer.status !== 201) throw new Error(`${name}: ${answer.status} ${answer.text}`);
}

export interface Ends {
  readonly earliest_offset: number;
  readonly latest_offset: number;
}

export function endsOf(client: Client, topic: string, partition: number): Promise<Ends> {
  return client.get<Ends>(`${topicPath(topic)}/partitions/${partition}/offset`);
}

/** The raw batches of a partition, page by page, from `offset` to its end at the time of asking. */
export async function* rawPages(
  client: Client,
  topic: string,
  partition: number,
  offset: number,
): AsyncGenerator<Uint8Array> {
  const end = (await endsOf(client, topic, partition)).latest_offset;
  let next = offset;
  while (next < end) {
    const path = `${topicPath(topic)}/partitions/${partition}/records?offset=${next}&max_bytes=4000000`;
    const answer = await client.ask(path, { headers: { accept: RAW } });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    const behind = Number(answer.header("x-next-offset"));
    if (!(behind > next)) throw new Error(`${path}: next offset ${behind} after ${next}`);
    yield answer.bytes;
    next = behind;
  }
}

/** Retries until it returns something, for at most `deadlineMs`. Only for what is known to come. */
export async function eventually<T>(
  what: string,
  attempt: () => Promise<T | undefined>,
  deadlineMs = 60_000,
): Promise<T> {
  const startedMs = performance.now();
  for (;;) {
    const found = await attempt();
    if (found !== undefined) return found;
    if (performance.now() - startedMs > deadlineMs) throw new Error(`never came: ${what}`);
    await sleep(20);
  }
}
