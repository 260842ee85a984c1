/** A member of a group, and a reader without one, which kafkajs does not know: it is a group for a moment. */
import { randomUUID } from "node:crypto";
import type { Consumer, EachBatchPayload, IHeaders, Kafka, KafkaMessage } from "kafkajs";
import type { Operations, RecordRead } from "../support/protocol.ts";
import { base64Of, Refused, tell, type Membership } from "./driver.ts";

const HEARTBEATS_IN_SESSION = 3;
const WAIT_MS = 200;

function headersOf(headers: IHeaders | undefined): (readonly [string, string])[] {
  return Object.entries(headers ?? {}).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, base64Of(value ?? "")!] as const),
  );
}

function recordOf(message: KafkaMessage): RecordRead {
  return {
    offset: Number(message.offset),
    key: base64Of(message.key),
    value: base64Of(message.value),
    headers: headersOf(message.headers),
    timestamp: Number(message.timestamp),
  };
}

export class Member implements Membership {
  readonly #consumer: Consumer;
  /** Behind what was told, by topic and partition. */
  readonly #positions = new Map<string, bigint>();

  constructor(kafka: Kafka, { group, sessionTimeoutMs }: Operations["subscribe"]["takes"]) {
    this.#consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: sessionTimeoutMs / HEARTBEATS_IN_SESSION,
      maxWaitTimeInMs: WAIT_MS,
    });
  }

  async start(topics: readonly string[]): Promise<void> {
    const { GROUP_JOIN, REBALANCING, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, ids]) =>
        ids.map((id) => [topic, id] as const),
      );
      tell({ event: "assigned", partitions });
    });
    this.#consumer.on(REBALANCING, () => {
      // What it may have lost is not its own to commit; what it keeps it reads again.
      this.#positions.clear();
      tell({ event: "assigned", partitions: [] });
    });
    this.#consumer.on(CRASH, ({ payload }) => {
      if (!payload.restart) tell({ event: "failed", error: payload.error.message });
    });
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { topic, partition, messages } }) => {
        for (const { offset } of messages) {
          this.#positions.set(`${topic}/${partition}`, BigInt(offset) + 1n);
        }
        const records = messages.map((message) => ({ topic, partition, ...recordOf(message) }));
        tell({ event: "records", records });
      },
    });
  }

  async commit(): Promise<void> {
    const offsets = [...this.#positions].map(([at, offset]) => {
      const slash = at.lastIndexOf("/");
      const [topic, partition] = [at.slice(0, slash), Number(at.slice(slash + 1))];
      return { topic, partition, offset: String(offset) };
    });
    await this.#consumer.commitOffsets(offsets);
  }

  stop(): Promise<void> {
    return this.#consumer.disconnect();
  }
}

/** Reads records of one partition by a group of its own, of which nothing stays. */
export async function read(
  kafka: Kafka,
  { topic, partition, offset, count }: Operations["fetch"]["takes"],
): Promise<RecordRead[]> {
  const groupId = `reader-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: WAIT_MS });
  const records: RecordRead[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      reject(new Refused("UNKNOWN_SERVER_ERROR", payload.error.message));
    });
    const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
      if (batch.partition !== partition) return;
      for (const message of batch.messages) {
        if (Number(message.offset) >= offset && records.length < count) {
          records.push(recordOf(message));
        }
      }
      if (records.length >= count) resolve();
    };
    void consumer.run({ autoCommit: false, eachBatch }).catch(reject);
    consumer.seek({ topic, partition, offset: String(offset) });
  });
  await consumer.disconnect();
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteGroups([groupId]);
  await admin.disconnect();
  return records;
}
