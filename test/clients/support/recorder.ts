/**
 * Stands between real clients and the service and writes down what they say: for each client, API and version the
 * first request, the longest, and the one with the longest answer. `npm run capture` puts it there; what it wrote is kept in
 * `test/core/kafka/golden`, where the codecs have to give it back byte for byte.
 */
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { FrameReader } from "../../../src/kafka/frames.ts";
import { decodeRequestHeader } from "../../../src/kafka/messages/index.ts";

const FRAME_BYTES_MAX = 100_000_000;
/** Longer ones are not kept: they are long by their records, or by all the topics there are. */
const REQUEST_BYTES_MAX = 2_000;
const RESPONSE_BYTES_MAX = 16_000;
/** Of requests that have no answer: acks 0. */
const NO_ANSWER = "";

/** By the client id that it gives itself. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^rdkafka/, "librdkafka"],
  [/^kafkajs/, "kafkajs"],
  [/^driver/, "platformatic"],
  [/^kafka-python/, "kafka-python"],
  [/^(adminclient|consumer|producer)-/, "java"],
];

interface Exchange {
  readonly client: string;
  readonly apiKey: number;
  readonly version: number;
  /** Frames without their lengths, in base64. */
  readonly request: string;
  response: string;
}

export class Recorder {
  /** By client, API and version. */
  readonly #first = new Map<string, Exchange>();
  readonly #longestAsked = new Map<string, Exchange>();
  readonly #longestAnswered = new Map<string, Exchange>();
  readonly #servers: Server[] = [];

  /** Listens on so many ports from `listenAt` on, each in front of one from `port` on. */
  async listen(listenAt: number, host: string, port: number, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const server = createServer((client) => this.#forward(client, connect(port + i, host)));
      server.listen(listenAt + i, host);
      await once(server, "listening");
      this.#servers.push(server);
    }
  }

  /** Writes a file for each client. */
  write(folder: string): void {
    mkdirSync(folder, { recursive: true });
    const kept = [this.#first, this.#longestAsked, this.#longestAnswered];
    const exchanges = [...new Set(kept.flatMap((some) => [...some.values()]))].toSorted(
      (a, b) => a.apiKey - b.apiKey || a.version - b.version,
    );
    for (const client of new Set(exchanges.map((exchange) => exchange.client))) {
      const own = exchanges.filter((exchange) => exchange.client === client);
      const written = own.map(({ apiKey, version, request, response }) => ({
        apiKey,
        version,
        request,
        response,
      }));
      writeFileSync(join(folder, `${client}.json`), JSON.stringify(written));
    }
  }

  stop(): void {
    for (const server of this.#servers) server.close();
  }

  #forward(client: Socket, service: Socket): void {
    for (const [one, other] of [
      [client, service],
      [service, client],
    ] as const) {
      one.on("error", () => {});
      one.once("close", () => other.destroy());
      one.pipe(other);
    }
    const waiting = new Map<number, Exchange>();
    void this.#requests(client, waiting);
    void this.#responses(service, waiting);
  }

  async #requests(socket: Socket, waiting: Map<number, Exchange>): Promise<void> {
    const frames = framesOf(socket);
    for (let frame = await frames.next(FRAME_BYTES_MAX); frame !== null;) {
      const header = decodeRequestHeader(frame);
      if (header !== null && frame.byteLength <= REQUEST_BYTES_MAX) {
        const { apiKey, apiVersion: version, clientId, correlationId } = header;
        const client = nameOf(clientId ?? "");
        const request = Buffer.from(frame).toString("base64");
        const exchange = { client, apiKey, version, request, response: NO_ANSWER };
        waiting.set(correlationId, exchange);
        this.#note(exchange);
      }
      frame = await frames.next(FRAME_BYTES_MAX);
    }
  }

  async #responses(socket: Socket, waiting: Map<number, Exchange>): Promise<void> {
    const frames = framesOf(socket);
    for (let frame = await frames.next(FRAME_BYTES_MAX); frame !== null;) {
      const correlationId = Buffer.from(frame).readInt32BE(0);
      const exchange = waiting.get(correlationId);
      waiting.delete(correlationId);
      if (exchange !== undefined && frame.byteLength <= RESPONSE_BYTES_MAX) {
        exchange.response = Buffer.from(frame).toString("base64");
        this.#note(exchange);
      }
      frame = await frames.next(FRAME_BYTES_MAX);
    }
  }

  #note(exchange: Exchange): void {
    const key = `${exchange.client}/${exchange.apiKey}/${exchange.version}`;
    if (!this.#first.has(key)) this.#first.set(key, exchange);
    for (const [longest, part] of [
      [this.#longestAsked, "request"],
      [this.#longestAnswered, "response"],
    ] as const) {
      const length = longest.get(key)?.[part].length ?? 0;
      if (exchange[part].length > length) longest.set(key, exchange);
    }
  }
}

function nameOf(clientId: string): string {
  const name = NAMES.find(([pattern]) => pattern.test(clientId))?.[1];
  if (name === undefined) throw new Error(`Nobody knows whose client id this is: ${clientId}`);
  return name;
}

/** The frames that come in from a socket, beside whoever else reads it. */
function framesOf(socket: Socket): FrameReader {
  const pieces: Buffer[] = [];
  let hasEnded = false;
  let wake = (): void => {};
  socket.on("data", (piece: Buffer) => {
    pieces.push(piece);
    wake();
  });
  socket.once("close", () => {
    hasEnded = true;
    wake();
  });
  return new FrameReader({
    async read() {
      while (pieces.length === 0 && !hasEnded) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return pieces.shift() ?? null;
    },
    write: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });
}
