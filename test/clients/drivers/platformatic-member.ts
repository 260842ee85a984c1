/** A member of a group of @platformatic/kafka, and a reader without one, which is a group for a moment. */
import { randomUUID } from "node:crypto";
import {
  Consumer,
  type ConsumerOptions,
  type Message,
  type MessagesStream,
} from "@platformatic/kafka";
import type { Operations, RecordRead } from "../support/protocol.ts";
import { base64Of, tell, type Membership } from "./driver.ts";

type Options = Omit<ConsumerOptions<Buffer, Buffer, Buffer, Buffer>, "groupId">;
type Stream = MessagesStream<Buffer, Buffer, Buffer, Buffer>;

const HEARTBEATS_IN_SESSION = 3;
const WAIT_MS = 200;

function recordOf(message: Message): RecordRead {
  return {
    offset: Number(message.offset),
    key: base64Of(message.key),
    value: base64Of(message.value),
    headers: message.headerEntries.map(([name, value]) => [String(name), base64Of(value) ?? ""]),
    timestamp: Number(message.timestamp),
  };
}

export class Member implements Membership {
  readonly #consumer: Consumer;
  readonly #positions = new Map<string, Message>();
  #stream: Stream | null = null;

  constructor(options: Options, { group, sessionTimeoutMs }: Operations["subscribe"]["takes"]) {
    this.#consumer = new Consumer({
      ...options,
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.floor(sessionTimeoutMs / HEARTBEATS_IN_SESSION),
      maxWaitTime: WAIT_MS,
      autocommit: false,
    });
  }

  async start(topics: readonly string[]): Promise<void> {
    this.#consumer.on("consumer:group:join", ({ assignments = [] }) => {
      const partitions = assignments.flatMap(({ topic, partitions: ids }) =>
        ids.map((id) => [topic, id] as const),
      );
      tell({ event: "assigned", partitions });
    });
    this.#consumer.on("consumer:group:rebalance", () => {
      // What it may have lost is not its own to commit; what it keeps it reads again.
      this.#positions.clear();
      tell({ event: "assigned", partitions: [] });
    });
    const stream = await this.#consumer.consume({
      topics: [...topics],
      mode: "committed",
      fallbackMode: "earliest",
    });
    this.#stream = stream;
    stream.on("data", (message) => {
      const { topic, partition } = message;
      this.#positions.set(`${topic}/${partition}`, message);
      tell({ event: "records", records: [{ topic, partition, ...recordOf(message) }] });
    });
    stream.on("error", (error) => tell({ event: "failed", error: error.message }));
  }

  async commit(): Promise<void> {
    const offsets = [...this.#positions.values()].map((message) => ({
      topic: message.topic,
      partition: message.partition,
      offset: message.offset + 1n,
      leaderEpoch: message.leaderEpoch,
    }));
    await this.#consumer.commit({ offsets });
  }

  async stop(): Promise<void> {
    await this.#stream?.close();
    await this.#consumer.close(true);
  }
}

/** Reads records of one partition by a group of its own. */
export async function read(
  options: Options,
  { topic, partition, offset, count }: Operations["fetch"]["takes"],
): Promise<RecordRead[]> {
  const consumer = new Consumer({
    ...options,
    groupId: `reader-${randomUUID()}`,
    maxWaitTime: WAIT_MS,
  });
  const records: RecordRead[] = [];
  const stream = await consumer.consume({
    topics: [topic],
    mode: "manual",
    offsets: [{ topic, partition, offset: BigInt(offset) }],
  });
  for await (const message of stream) {
    if (message.partition !== partition) continue;
    records.push(recordOf(message));
    if (records.length === count) break;
  }
  await consumer.close(true);
  return records;
}
