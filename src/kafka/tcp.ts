/**
 * Kafka's protocol over TCP: the worker's `connect` handler. The rules of access are those of the HTTP gate: with
 * keys configured, clients that authenticate with one by SASL; without keys, only callers over loopback, and only
 * where the environment allows it.
 */
import type { Env } from "../objects/runtime/env.ts";
import { serviceOf } from "../gateway/service.ts";
import { configuredAddresses, listenerAt } from "../gateway/addresses.ts";
import { Connection } from "./connection.ts";
import type { Duplex } from "./duplex.ts";
import { isLoopback } from "../gateway/keys.ts";

/** Serves a socket until either side has ended it. Never throws. */
export async function serveSocket(socket: Socket, env: Env): Promise<void> {
  const duplex = new SocketDuplex(socket);
  try {
    const { remoteAddress = "", localAddress = "" } = await socket.opened;
    const service = serviceOf(env);
    const isOpen = service.keys.length === 0;
    if (isOpen && !(service.openOnLoopback && isLoopback(remoteAddress))) return;
    const addresses = configuredAddresses(service);
    const connection = new Connection(duplex, service, {
      host: hostOf(remoteAddress),
      place: "",
      addresses,
      listener: listenerAt(portOf(localAddress), addresses),
      isAuthenticated: isOpen,
    });
    await connection.serve();
  } catch {
    // The socket broke before it was opened; there is nobody to answer.
  } finally {
    await duplex.close();
  }
}

/** An address without its port, as Kafka writes the host of a client. */
function hostOf(address: string): string {
  return `/${address.slice(0, Math.max(0, address.lastIndexOf(":")))}`;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

class SocketDuplex implements Duplex {
  private readonly socket: Socket;
  private readonly reader: ReadableStreamBYOBReader;
  private readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  private writes = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.reader = socket.readable.getReader({ mode: "byob" });
    this.writer = socket.writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>;
  }

  async read(wanted: number): Promise<Uint8Array | null> {
    try {
      const { done, value } = await this.reader.read(new Uint8Array(wanted));
      return done ? null : value;
    } catch {
      // Reset by the other side.
      return null;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.writes += 1;
    await this.writer.write(bytes);
    this.writes -= 1;
  }

  async close(): Promise<void> {
    try {
      if (this.writes > 0) {
        // The client does not read, and an orderly close would wait for it; the socket ends with its handler.
        void this.writer.abort().catch(() => {});
        return;
      }
      await this.socket.close();
    } catch {
      // Closed or broken already.
    }
  }
}
