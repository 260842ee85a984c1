/** A Kafka client for tests in workerd: whole requests over a stream in memory, to the service's own objects. */
import { env as bindings } from "cloudflare:workers";
import { Connection } from "../../src/kafka/connection.ts";
import type { Duplex } from "../../src/kafka/duplex.ts";
import { FrameReader, frameLength } from "../../src/kafka/frames.ts";
import {
  decodeResponse,
  encodeRequest,
  type ApiKey,
  type RequestToWrite,
  type ResponseAsRead,
} from "../../src/kafka/messages/index.ts";
import type { Peer } from "../../src/kafka/session.ts";
import { CONTROLLER_NAME } from "../../src/base/ids.ts";
import type { ControllerApi } from "../../src/objects/contracts/controller.ts";
import type { Env } from "../../src/objects/runtime/env.ts";
import { encodeBatch, type Compression, type ProducerRecord } from "../../src/records/index.ts";
import { serviceOf } from "../../src/gateway/service.ts";

const env = { ...(bindings as unknown as Env), OPEN_ON_LOOPBACK: "true" } as Env;

const PEER: Peer = {
  host: "/127.0.0.1",
  place: "",
  addresses: { host: "localhost", port: 9092, ports: 3 },
  listener: null,
  isAuthenticated: true,
};

/** One direction of a stream. */
class Pipe {
  private readonly pieces: Uint8Array[] = [];
  private isClosed = false;
  private wake: (() => void) | null = null;

  push(bytes: Uint8Array): void {
    this.pieces.push(bytes.slice());
    this.wake?.();
  }

  close(): void {
    this.isClosed = true;
    this.wake?.();
  }

  async next(): Promise<Uint8Array | null> {
    while (this.pieces.length === 0 && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.pieces.shift() ?? null;
  }
}

function endOf(incoming: Pipe, outgoing: Pipe): Duplex {
  return {
    read: () => incoming.next(),
    write: async (bytes) => outgoing.push(bytes),
    close: async () => {
      incoming.close();
      outgoing.close();
    },
  };
}

export class KafkaClient {
  /** Resolves when the service has ended the connection. */
  readonly ended: Promise<void>;
  private readonly duplex: Duplex;
  private readonly frames: FrameReader;
  private correlationId = 0;

  constructor(duplex: Duplex, ended: Promise<void>) {
    this.duplex = duplex;
    this.frames = new FrameReader(duplex);
    this.ended = ended;
  }

  /** Sends a request and does not wait. */
  async send<K extends ApiKey>(key: K, version: number, request: RequestToWrite<K>): Promise<void> {
    this.correlationId += 1;
    const header = { correlationId: this.correlationId, clientId: "test" };
    const message = encodeRequest(key, version, header, request);
    await this.duplex.write(frameLength(message.byteLength));
    for (const part of message.parts) await this.duplex.write(part);
  }

  /** The next answer; null where the connection has ended. */
  async receive<K extends ApiKey>(key: K, version: number): Promise<ResponseAsRead<K> | null> {
    const frame = await this.frames.next(100_000_000);
    if (frame === null) return null;
    const answer = decodeResponse(key, version, frame);
    if (answer === null) throw new Error("an answer that cannot be read");
    return answer.response;
  }

  async ask<K extends ApiKey>(
    key: K,
    version: number,
    request: RequestToWrite<K>,
  ): Promise<ResponseAsRead<K>> {
    await this.send(key, version, request);
    const response = await this.receive(key, version);
    if (response === null) throw new Error("the connection has ended");
    return response;
  }

  close(): Promise<void> {
    return this.duplex.close();
  }
}

/** A client of the service in this isolate; `variables` are laid over its environment. */
export function connect(
  peer: Partial<Peer> = {},
  variables: Readonly<Record<string, string>> = {},
): KafkaClient {
  const up = new Pipe();
  const down = new Pipe();
  const hasVariables = Object.keys(variables).length > 0;
  const service = serviceOf(hasVariables ? ({ ...env, ...variables } as Env) : env);
  const connection = new Connection(endOf(up, down), service, { ...PEER, ...peer });
  return new KafkaClient(endOf(down, up), connection.serve());
}

/** A batch of records without keys, as a producer encodes it. */
export function batchOf(
  values: readonly string[],
  producer: {
    readonly id: number;
    readonly sequence: number;
    readonly epoch?: number;
  } | null = null,
  compression: Compression = "none",
): Uint8Array {
  const utf8 = new TextEncoder();
  const records: ProducerRecord[] = values.map((value) => ({
    key: null,
    value: utf8.encode(value),
    headers: [],
    // Now: retention deletes what is old.
    timestamp: Date.now(),
  }));
  return encodeBatch(records, {
    compression,
    producerId: producer?.id ?? -1,
    producerEpoch: producer === null ? -1 : (producer.epoch ?? 0),
    baseSequence: producer?.sequence ?? -1,
  });
}

export interface ProduceOptions {
  readonly acks?: number;
  readonly version?: number;
  readonly transactionalId?: string;
}

/** A topic's id, as Metadata tells it. */
export async function idOf(client: KafkaClient, topic: string): Promise<string> {
  const { topics } = await client.ask(3, 13, {
    topics: [{ name: topic }],
    allowAutoTopicCreation: false,
  });
  return topics[0]!.topicId;
}

/** Has the controller delete a topic, as another isolate would: what this one remembers of it stays. */
export async function deleteElsewhere(topic: string): Promise<void> {
  const deleted = await controller().deleteTopic(topic);
  if (!deleted.ok) throw new Error(deleted.message);
}

/** Has the controller add partitions, as another isolate would. */
export async function growElsewhere(topic: string, partitions: number): Promise<void> {
  const grown = await controller().createPartitions(topic, partitions, false);
  if (!grown.ok) throw new Error(grown.message);
}

/** As {@link deleteElsewhere}, and makes another topic of the name. Answers its id. */
export async function recreateElsewhere(topic: string, partitions: number): Promise<string> {
  await deleteElsewhere(topic);
  const created = await controller().createTopic({ topic, partitions, replicationFactor: 1 });
  if (!created.ok) throw new Error(created.message);
  return created.topic.topicId;
}

function controller(): ControllerApi {
  return env.CONTROLLER.getByName(CONTROLLER_NAME) as unknown as ControllerApi;
}

/** A request for a topic by its id, made of one by its name. */
export function produceById(
  topicId: string,
  batches: Readonly<Record<number, Uint8Array | null>>,
  options: ProduceOptions = {},
): RequestToWrite<0> {
  const { topicData, ...rest } = produceRequest("", batches, options);
  return { ...rest, topicData: [{ topicId, partitionData: topicData[0]!.partitionData }] };
}

export function fetchById(
  topicId: string,
  offsets: Readonly<Record<number, number>>,
  options: FetchOptions = {},
): RequestToWrite<1> {
  const { topics, ...rest } = fetchRequest("", offsets, options);
  return { ...rest, topics: [{ topicId, partitions: topics[0]!.partitions }] };
}

/** A produce request for one topic, batches by partition. */
export function produceRequest(
  topic: string,
  batches: Readonly<Record<number, Uint8Array | null>>,
  { acks = -1, transactionalId }: ProduceOptions = {},
): RequestToWrite<0> {
  return {
    transactionalId: transactionalId ?? null,
    acks,
    timeoutMs: 30_000,
    topicData: [
      {
        name: topic,
        partitionData: Object.entries(batches).map(([index, records]) => ({
          index: Number(index),
          records,
        })),
      },
    ],
  };
}

export interface FetchOptions {
  readonly maxWaitMs?: number;
  readonly minBytes?: number;
  readonly maxBytes?: number;
  readonly partitionMaxBytes?: number;
  readonly epoch?: number;
  readonly isolationLevel?: number;
  readonly rackId?: string;
}

/** A fetch of one topic, offsets by partition. */
export function fetchRequest(
  topic: string,
  offsets: Readonly<Record<number, number | bigint>>,
  options: FetchOptions = {},
): RequestToWrite<1> {
  const { maxWaitMs = 0, minBytes = 1, maxBytes = 50_000_000 } = options;
  const { partitionMaxBytes = 1_048_576, epoch = -1, isolationLevel = 0, rackId = "" } = options;
  return {
    maxWaitMs,
    minBytes,
    maxBytes,
    isolationLevel,
    rackId,
    topics: [
      {
        topic,
        partitions: Object.entries(offsets).map(([partition, fetchOffset]) => ({
          partition: Number(partition),
          fetchOffset,
          partitionMaxBytes,
          currentLeaderEpoch: epoch,
        })),
      },
    ],
  };
}

export type FetchedPartition = ResponseAsRead<1>["responses"][number]["partitions"][number];

/** The partitions of the first topic of an answer, in the request's order. */
export function partitionsOf(response: ResponseAsRead<1>): readonly FetchedPartition[] {
  return response.responses[0]!.partitions;
}
