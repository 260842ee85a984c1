/** One connection of Kafka's protocol with several requests in flight; each has a deadline. */
import type { Socket } from "node:net";
import { frameLength } from "../../../src/kafka/frames.ts";
import {
  decodeResponse,
  encodeRequest,
  type ApiKey,
  type RequestToWrite,
  type ResponseAsRead,
} from "../../../src/kafka/messages/index.ts";
import { socketTo } from "./kafka-socket.ts";

const DEADLINE_MS = 30_000;

/** No answer will come: whether the request arrived is unknown. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

interface Waiting {
  readonly take: (frame: Uint8Array) => void;
  readonly lose: (error: ConnectionLost) => void;
}

export class KafkaConnection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #correlationId = 0;
  #rest: Buffer = Buffer.alloc(0);
  #isLost = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.once("close", () => this.#lose("closed"));
  }

  /** @param kafka `host:port`; throws {@link ConnectionLost} where nobody listens */
  static async open(kafka: string): Promise<KafkaConnection> {
    try {
      return new KafkaConnection(await socketTo(kafka));
    } catch (error) {
      throw new ConnectionLost(`${kafka}: ${String(error)}`);
    }
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  async ask<K extends ApiKey>(
    key: K,
    version: number,
    request: RequestToWrite<K>,
  ): Promise<ResponseAsRead<K>> {
    if (this.#isLost) throw new ConnectionLost("closed");
    const correlationId = ++this.#correlationId;
    const header = { correlationId, clientId: "histories" };
    const { byteLength, parts } = encodeRequest(key, version, header, request);
    const frame = new Promise<Uint8Array>((take, lose) => {
      this.#waiting.set(correlationId, { take, lose });
    });
    this.#socket.write(Buffer.concat([frameLength(byteLength), ...parts]));
    const deadline = setTimeout(() => this.#lose(`API ${key}: no answer`), DEADLINE_MS);
    try {
      const answer = decodeResponse(key, version, await frame);
      if (answer === null) throw new Error(`API ${key}: an answer that cannot be read`);
      return answer.response;
    } finally {
      clearTimeout(deadline);
    }
  }

  close(): void {
    this.#lose("closed here");
  }

  #read(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      if (this.#rest.length < 4) return;
      const end = 4 + this.#rest.readInt32BE(0);
      if (this.#rest.length < end) return;
      const frame = this.#rest.subarray(4, end);
      this.#rest = this.#rest.subarray(end);
      const correlationId = frame.readInt32BE(0);
      this.#waiting.get(correlationId)?.take(frame);
      this.#waiting.delete(correlationId);
    }
  }

  #lose(why: string): void {
    this.#isLost = true;
    this.#socket.destroy();
    for (const { lose } of this.#waiting.values()) lose(new ConnectionLost(why));
    this.#waiting.clear();
  }
}
