/** A duplex whose other end is a test, and a service without objects. */
import { expect } from "vitest";
import { effectiveConfig } from "../../../src/base/config.ts";
import type { Env } from "../../../src/objects/runtime/env.ts";
import { Connection } from "../../../src/kafka/connection.ts";
import type { Duplex } from "../../../src/kafka/duplex.ts";
import { frameLength } from "../../../src/kafka/frames.ts";
import {
  decodeResponse,
  encodeRequest,
  type ApiKey,
  type RequestToWrite,
  type ResponseAsRead,
} from "../../../src/kafka/messages/index.ts";
import type { Peer } from "../../../src/kafka/session.ts";
import type { Service } from "../../../src/gateway/service.ts";

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export class TestDuplex implements Duplex {
  /** What the connection has written. */
  readonly written: Uint8Array[] = [];
  isClosed = false;
  /** While true, the client reads nothing. */
  isBlocked = false;
  /** The most that was asked for at once. */
  wantedMax = 0;
  /** Pieces that the connection has taken. */
  taken = 0;
  private readonly incoming: Uint8Array[] = [];
  private hasEnded = false;
  private wake: (() => void)[] = [];

  /** The client sends. */
  send(bytes: Uint8Array): void {
    this.incoming.push(bytes);
    this.changed();
  }

  /** The client sends no more. */
  finish(): void {
    this.hasEnded = true;
    this.changed();
  }

  unblock(): void {
    this.isBlocked = false;
    this.changed();
  }

  async read(wanted: number): Promise<Uint8Array | null> {
    this.wantedMax = Math.max(this.wantedMax, wanted);
    this.changed();
    await this.until(() => this.incoming.length > 0 || this.hasEnded || this.isClosed);
    if (this.isClosed) return null;
    this.taken += 1;
    return this.incoming.shift() ?? null;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.until(() => !this.isBlocked || this.isClosed);
    if (this.isClosed) throw new Error("closed");
    this.written.push(bytes.slice());
    this.changed();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.changed();
  }

  get output(): Uint8Array {
    return joined(this.written);
  }

  /** Resolves when the condition holds; it is checked whenever something has happened. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.wake.push(resolve);
      });
    }
  }

  private changed(): void {
    const woken = this.wake;
    this.wake = [];
    for (const resolve of woken) resolve();
  }
}

/** The frames in some bytes, without their lengths; the bytes must be whole frames. */
export function framesIn(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.byteLength;) {
    const length = view.getInt32(at);
    frames.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
    expect(at).toBeLessThanOrEqual(bytes.byteLength);
  }
  return frames;
}

export function framed(frame: Uint8Array): Uint8Array {
  return joined([frameLength(frame.byteLength), frame]);
}

/** A request as it travels. */
export function requestBytes<K extends ApiKey>(
  key: K,
  version: number,
  correlationId: number,
  request: RequestToWrite<K>,
): Uint8Array {
  const header = { correlationId, clientId: "test" };
  return framed(joined(encodeRequest(key, version, header, request).parts));
}

export function readAnswer<K extends ApiKey>(
  key: K,
  version: number,
  frame: Uint8Array,
): { readonly correlationId: number; readonly response: ResponseAsRead<K> } {
  const read = decodeResponse(key, version, frame);
  if (read === null) throw new Error("an answer that cannot be read");
  return read;
}

/** A service without objects: every call of one throws. */
function bareService(keys: readonly string[] = []): Service {
  return {
    env: {} as Env,
    clusterId: "odradek",
    config: effectiveConfig({}),
    configTexts: {},
    keys,
    openOnLoopback: true,
    corsOrigins: null,
  };
}

const PEER: Peer = {
  host: "/127.0.0.1",
  place: "",
  addresses: { host: "localhost", port: 9092, ports: 3 },
  listener: 0,
  isAuthenticated: true,
};

export interface Served {
  readonly duplex: TestDuplex;
  /** Resolves when the connection is over. */
  readonly done: Promise<void>;
}

/** A connection being served. */
export function serve(peer: Partial<Peer> = {}, keys: readonly string[] = []): Served {
  const duplex = new TestDuplex();
  const connection = new Connection(duplex, bareService(keys), { ...PEER, ...peer });
  return { duplex, done: connection.serve() };
}
