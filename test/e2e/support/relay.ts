/** A TCP relay between a client and a service, whose connections a test can cut. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface Relay {
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Resets every connection; new ones are let through. */
  cut(): void;
  /** Idempotent. */
  stop(): Promise<void>;
}

/** @param listenAt 0: a free port */
export async function startRelay(host: string, port: number, listenAt = 0): Promise<Relay> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket, other: () => Socket): void => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      sockets.delete(socket);
      other().destroy();
    });
  };
  const server = createServer((client) => {
    const service = connect(port, host);
    keep(client, () => service);
    keep(service, () => client);
    client.pipe(service).pipe(client);
  });
  server.listen(listenAt, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return sockets.size / 2;
    },
    cut,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      cut();
      await closed;
    },
  };
}
