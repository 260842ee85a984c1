/** A connection to the broker that leads a partition, found by Metadata as clients do, and found again. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiKey, RequestToWrite, ResponseAsRead } from "../../../src/kafka/messages/index.ts";
import type { Place } from "../support/brokers.ts";
import { ConnectionLost, KafkaConnection } from "../support/kafka-connection.ts";

const METADATA = { key: 3, version: 9 } as const;
const PAUSE_MS = 50;

export class WireLeader {
  readonly #bootstrap: string;
  readonly #place: Place;
  #connection: KafkaConnection | null = null;

  constructor(bootstrap: string, place: Place) {
    this.#bootstrap = bootstrap;
    this.#place = place;
  }

  /** Null where there is no leader now, or no broker answers. */
  async connection(): Promise<KafkaConnection | null> {
    if (this.#connection?.isLost === false) return this.#connection;
    this.#connection = null;
    const address = await this.#find();
    if (address === null) return null;
    this.#connection = await KafkaConnection.open(address).catch(nullIfLost);
    return this.#connection;
  }

  /** After an answer that says that it does not lead, or none. */
  async again(): Promise<void> {
    this.close();
    await sleep(PAUSE_MS);
  }

  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  async #find(): Promise<string | null> {
    const { topic, partition } = this.#place;
    const asked = { topics: [{ name: topic }], allowAutoTopicCreation: false };
    const answer = await askOnce(this.#bootstrap, METADATA.key, METADATA.version, asked);
    const found = answer?.topics[0]?.partitions.find(
      ({ partitionIndex }) => partitionIndex === partition,
    );
    const leader = answer?.brokers.find(({ nodeId }) => nodeId === found?.leaderId);
    return leader === undefined ? null : `${leader.host}:${leader.port}`;
  }
}

/** On a connection of its own; null where it was lost. */
export async function askOnce<K extends ApiKey>(
  kafka: string,
  key: K,
  version: number,
  request: RequestToWrite<K>,
): Promise<ResponseAsRead<K> | null> {
  const connection = await KafkaConnection.open(kafka).catch(nullIfLost);
  if (connection === null) return null;
  try {
    return await connection.ask(key, version, request).catch(nullIfLost);
  } finally {
    connection.close();
  }
}

export function nullIfLost(error: unknown): null {
  if (error instanceof ConnectionLost) return null;
  throw error;
}
