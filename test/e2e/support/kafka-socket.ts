/** Bare sockets that use Kafka's protocol as wrongly as a test wants. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { frameLength } from "../../../src/kafka/frames.ts";
import {
  decodeResponse,
  encodeRequest,
  type ApiKey,
  type RequestToWrite,
  type ResponseAsRead,
} from "../../../src/kafka/messages/index.ts";
import { until } from "./processes.ts";

const WAIT_MS = 60_000;

/** @param kafka `host:port` */
export async function socketTo(kafka: string): Promise<Socket> {
  const [host, port] = kafka.split(":") as [string, string];
  const socket = connect(Number(port), host);
  await once(socket, "connect");
  // What the other end does to it is looked at by its close event.
  socket.on("error", () => {});
  return socket;
}

/** Resolves when the other end has closed it, orderly or not. */
export function closed(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
}

/** A request as it travels. */
export function requestOf<K extends ApiKey>(
  key: K,
  version: number,
  request: RequestToWrite<K>,
): Buffer {
  const header = { correlationId: 1, clientId: "test" };
  const message = encodeRequest(key, version, header, request);
  return Buffer.concat([frameLength(message.byteLength), ...message.parts]);
}

export const API_VERSIONS = requestOf(18, 0, {});
export const METADATA = requestOf(3, 1, { topics: [] });

/** A request that produces a batch, which is at its end, to partition 0. */
export function produceOf(topic: string, batch: Uint8Array): Buffer {
  return requestOf(0, 7, {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: topic, partitionData: [{ index: 0, records: batch }] }],
  });
}

/** The next frame from a socket, without its length. */
export async function frameFrom(socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  const isWhole = (): boolean => bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0);
  const take = (piece: Buffer): void => {
    bytes = Buffer.concat([bytes, piece]);
  };
  socket.on("data", take);
  await until(isWhole, WAIT_MS, () => `${bytes.length} bytes of an answer`);
  socket.off("data", take);
  return bytes.subarray(4);
}

/** Asks on a connection of its own. */
export async function ask<K extends ApiKey>(
  kafka: string,
  key: K,
  version: number,
  request: RequestToWrite<K>,
): Promise<ResponseAsRead<K>> {
  const socket = await socketTo(kafka);
  try {
    socket.write(requestOf(key, version, request));
    const answer = decodeResponse(key, version, await frameFrom(socket));
    if (answer === null) throw new Error("an answer that cannot be read");
    return answer.response;
  } finally {
    socket.destroy();
  }
}

export async function isServed(kafka: string): Promise<boolean> {
  return (await ask(kafka, 18, 0, {})).errorCode === 0;
}
