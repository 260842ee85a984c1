/** One consumer of the group demo: polls, processes, commits what it has processed. */
import { setTimeout as sleep } from "node:timers/promises";
import { asked, type Delivered, type Target } from "./api.ts";

const V2 = "application/vnd.kafka.v2+json";
const JSON_V2 = "application/vnd.kafka.json.v2+json";
const SESSION_MS = 3_000;
const POLL_MS = 500;
/** Records in one answer: few, so that there is a visible lag. */
const ANSWER_BYTES = 24_000;
/** Between an answer and its commit, as if the records took time to process. */
const WORK_MS = 100;

export class GroupReader {
  readonly name: string;
  processed = 0;
  readonly #target: Target;
  readonly #path: string;
  readonly #take: (record: Delivered) => void;
  readonly #ended = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(target: Target, group: string, name: string, take: (record: Delivered) => void) {
    this.name = name;
    this.#target = target;
    this.#path = `${target.url}/consumers/${group}`;
    this.#take = take;
  }

  /** Joins the group and reads from then on. */
  async start(): Promise<void> {
    await this.#post(this.#path, {
      name: this.name,
      format: "json",
      "auto.offset.reset": "earliest",
      "auto.commit.enable": "false",
      "session.timeout.ms": String(SESSION_MS),
    });
    await this.#post(`${this.#instance}/subscription`, { topics: [this.#target.topic] });
    this.#running = this.#read();
    this.#running.catch(() => {});
  }

  /** The partitions that it owns now, as its group says. */
  async partitions(): Promise<number[]> {
    const { headers } = this.#target;
    const answer = await asked(await fetch(`${this.#instance}/assignments`, { headers }));
    const { partitions } = (await answer.json()) as { partitions: { partition: number }[] };
    return partitions.map(({ partition }) => partition).toSorted((a, b) => a - b);
  }

  /** Stops in the middle of whatever it does, without leaving the group. */
  kill(): void {
    this.#ended.abort();
  }

  /** Leaves the group. Throws what has stopped the reader, if something has. */
  async close(): Promise<void> {
    this.#ended.abort();
    const { headers } = this.#target;
    await fetch(this.#instance, { method: "DELETE", headers });
    await this.#running;
  }

  get #instance(): string {
    return `${this.#path}/instances/${this.name}`;
  }

  async #read(): Promise<void> {
    const { signal } = this.#ended;
    try {
      let received = "";
      while (!signal.aborted) received = await this.#poll(received, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #poll(received: string, signal: AbortSignal): Promise<string> {
    const url = `${this.#instance}/records?timeout=${POLL_MS}&max_bytes=${ANSWER_BYTES}`;
    const headers = { ...this.#target.headers, accept: JSON_V2, "last-poll-id": received };
    const answer = await asked(await fetch(url, { headers, signal }));
    const records = (await answer.json()) as Delivered[];
    const pollId = answer.headers.get("x-poll-id") ?? "";
    if (records.length === 0) return pollId;
    await sleep(WORK_MS, undefined, { signal });
    for (const record of records) this.#take(record);
    this.processed += records.length;
    await this.#commit(records, signal);
    return pollId;
  }

  async #commit(records: readonly Delivered[], signal: AbortSignal): Promise<void> {
    const last = new Map(records.map(({ partition, offset }) => [partition, offset]));
    const { topic } = this.#target;
    const offsets = [...last].map(([partition, offset]) => ({ topic, partition, offset }));
    const answer = await fetch(`${this.#instance}/offsets`, {
      method: "POST",
      headers: { ...this.#target.headers, "content-type": V2 },
      body: JSON.stringify({ offsets }),
      signal,
    });
    // 409: the partitions have moved meanwhile; their new owner reads these records again.
    if (answer.status !== 409) await asked(answer);
  }

  async #post(url: string, body: unknown): Promise<void> {
    const headers = { ...this.#target.headers, "content-type": V2 };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    await (await asked(answer)).arrayBuffer();
  }
}
