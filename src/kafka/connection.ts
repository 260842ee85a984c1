/**
 * One connection, whatever carries it: reads frames, has requests handled, and writes answers in the order of the
 * requests. Malformed input ends the connection and changes nothing.
 *
 * As in Kafka, the requests of a connection are handled one after the other: the next begins when the answer to the
 * last is written, so a client that does not read costs the memory of one answer. Only produce requests run
 * concurrently: those to one partition in order (`apis/00-produce.ts`), those to several partitions at once. The
 * amount read ahead is bounded; beyond the bound nothing is read, which slows the client down.
 */
import { refuse } from "../base/errors.ts";
import { FRAME_BYTES_MAX } from "../base/limits.ts";
import { counters, countError, countKafkaRequest, kafkaClosed } from "../gateway/metrics.ts";
import type { Service } from "../gateway/service.ts";
import { UNSUPPORTED_API_VERSIONS } from "./apis/18-api-versions.ts";
import { writeParts, type Duplex } from "./duplex.ts";
import { FrameReader, frameLength, LENGTH_BYTES } from "./frames.ts";
import { mayDo } from "../gateway/principal.ts";
import { NEEDS } from "./needs.ts";
import { HANDLERS } from "./handlers.ts";
import {
  decodeRequest,
  decodeRequestHeader,
  encodeResponse,
  isApiKey,
  type ApiKey,
  type EncodedMessage,
  type RequestHeader,
} from "./messages/index.ts";
import { TimedDuplex } from "./timed-duplex.ts";
import type { Handler } from "./handler.ts";
import { Session, type Context, type Peer } from "./session.ts";
import { because, causeOf } from "../gateway/causes.ts";

/** Requests, and their bytes, that were read and are not answered yet. */
const REQUESTS_IN_FLIGHT_MAX = 64;
const BYTES_IN_FLIGHT_MAX = FRAME_BYTES_MAX;

/** The largest frame of a client that has not authenticated yet, in bytes. */
const FRAME_BYTES_BEFORE_KEY_MAX = 16_384;

const PRODUCE = 0;
const SASL_HANDSHAKE = 17;
const API_VERSIONS = 18;
const SASL_AUTHENTICATE = 36;

/** The APIs that may be called before authentication. */
const BEFORE_KEY: ReadonlySet<number> = new Set([SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE]);

/** `message` null: no answer is sent. */
interface Reply {
  readonly message: EncodedMessage | null;
  readonly closes: boolean;
}

const CLOSED: Reply = { message: null, closes: true };
const EMPTY: EncodedMessage = { parts: [], byteLength: 0 };

export class Connection {
  private readonly duplex: TimedDuplex;
  private readonly frames: FrameReader;
  private readonly session: Session;
  private ended = false;
  private requests = 0;
  private bytes = 0;
  /**
   * Resolves when every answer so far is written; `barrier` is the last such promise of a request that must run
   * alone.
   */
  private written: Promise<void> = Promise.resolve();
  private barrier: Promise<void> = this.written;
  private wake: (() => void) | null = null;

  constructor(duplex: Duplex, service: Service, peer: Peer) {
    this.session = new Session(service, peer);
    this.duplex = new TimedDuplex(duplex, {
      isBusy: () => this.requests > 0,
      isAuthenticated: () => this.session.sasl.isAuthenticated,
      idleMs: service.config["connections.max.idle.ms"],
    });
    this.frames = new FrameReader(this.duplex);
  }

  /** Serves until either side ends it. Never throws. */
  async serve(): Promise<void> {
    counters.kafkaConnections += 1;
    while (!this.ended && !this.session.isSpent) {
      const frame = await this.frames.next(this.frameBytesMax);
      if (frame === null) break;
      this.accept(frame);
      if (this.isOneByOne(frame)) await this.written;
      while (this.isFull && !this.ended) await this.answered();
    }
    // Requests that were read before the end are still answered.
    await this.written;
    await this.end();
    kafkaClosed[this.duplex.expiry ?? "other"] += 1;
  }

  private get frameBytesMax(): number {
    return this.session.sasl.isAuthenticated ? FRAME_BYTES_MAX : FRAME_BYTES_BEFORE_KEY_MAX;
  }

  private get isFull(): boolean {
    return this.requests >= REQUESTS_IN_FLIGHT_MAX || this.bytes >= BYTES_IN_FLIGHT_MAX;
  }

  /** The meaning of the next frame depends on the answer to this one. */
  private isOneByOne(frame: Uint8Array): boolean {
    return !this.session.sasl.isAuthenticated || apiKeyOf(frame) === SASL_HANDSHAKE;
  }

  private answered(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  /** Has a frame handled when its turn comes, and its answer written in order. */
  private accept(frame: Uint8Array): void {
    this.requests += 1;
    this.bytes += frame.byteLength;
    counters.kafkaBytesIn += LENGTH_BYTES + frame.byteLength;
    const isProduce = apiKeyOf(frame) === PRODUCE && this.session.sasl.isAuthenticated;
    const turn = isProduce ? this.barrier : this.written;
    const reply = turn.then(() => (this.ended ? CLOSED : this.reply(frame)));
    this.written = this.write(this.written, reply, frame.byteLength);
    if (!isProduce) this.barrier = this.written;
  }

  private async write(
    before: Promise<void>,
    replied: Promise<Reply>,
    frameBytes: number,
  ): Promise<void> {
    await before;
    const { message, closes } = await replied;
    if (message !== null && !this.ended) {
      try {
        await writeParts(this.duplex, [frameLength(message.byteLength), ...message.parts]);
        counters.kafkaBytesOut += LENGTH_BYTES + message.byteLength;
      } catch {
        // The client has disconnected.
        await this.end();
      }
    }
    this.requests -= 1;
    this.bytes -= frameBytes;
    if (closes || (this.session.isSpent && this.requests === 0)) await this.end();
    this.wake?.();
    this.wake = null;
  }

  private async end(): Promise<void> {
    this.ended = true;
    this.session.end();
    await this.duplex.close();
  }

  /** The answer to a frame. Never throws. */
  private async reply(frame: Uint8Array): Promise<Reply> {
    const { sasl } = this.session;
    if (sasl.isRawTokenNext) {
      return sasl.authenticate(frame) ? { message: EMPTY, closes: false } : CLOSED;
    }
    const header = decodeRequestHeader(frame);
    if (header === null) return CLOSED;
    if (!sasl.isAuthenticated && !BEFORE_KEY.has(header.apiKey)) return CLOSED;
    try {
      return await this.handle(header);
    } catch (error) {
      logFailure(header, error);
      return CLOSED;
    }
  }

  private async handle(header: RequestHeader): Promise<Reply> {
    const { apiKey, apiVersion, correlationId, body } = header;
    if (apiKey === API_VERSIONS && body === null) {
      const message = encodeResponse(API_VERSIONS, 0, correlationId, UNSUPPORTED_API_VERSIONS);
      return { message, closes: false };
    }
    // Kafka also ends the connection of a client that calls an API or version that was not advertised.
    if (!isApiKey(apiKey) || body === null) return CLOSED;
    countKafkaRequest(apiKey);
    return this.dispatch(apiKey, apiVersion, header, body);
  }

  private async dispatch<K extends ApiKey>(
    key: K,
    version: number,
    header: RequestHeader,
    body: Uint8Array,
  ): Promise<Reply> {
    const request = decodeRequest(key, version, body);
    if (request === null) return CLOSED;
    if (!mayDo(this.session.principal, NEEDS[key])) return CLOSED;
    let closes = false;
    const context: Context = {
      session: this.session,
      version,
      clientId: header.clientId ?? "",
      closeAfter: () => {
        closes = true;
      },
    };
    const handler = HANDLERS[key] as unknown as Handler<K>;
    const response = await handler(request, context);
    if (response === null) return { message: null, closes };
    return { message: encodeResponse(key, version, header.correlationId, response), closes };
  }
}

/** The first two bytes of a request; -1 where it is shorter. */
function apiKeyOf(frame: Uint8Array): number {
  return frame.byteLength < 2 ? -1 : (frame[0]! << 8) | frame[1]!;
}

function logFailure({ apiKey, apiVersion }: RequestHeader, error: unknown): void {
  countError("UNKNOWN_SERVER_ERROR");
  const cause = causeOf(because(refuse("UNKNOWN_SERVER_ERROR"), error));
  console.error(JSON.stringify({ protocol: "kafka", api: apiKey, version: apiVersion, cause }));
}
