/** Whether this machine lets a program listen at an address, and if not, why: in one line that names the variable or option. */
import { once } from "node:events";
import { createServer } from "node:net";

/** How the person who started the command has given address and port: by variables, or by options. */
export interface ListenNames {
  readonly host: string;
  readonly port: string;
}

export const HTTP: ListenNames = { host: "HOST", port: "PORT" };
export const KAFKA: ListenNames = { host: "HOST", port: "KAFKA_PORT" };
export const BRIDGE: ListenNames = { host: "--host", port: "--port" };

/** What is wrong with listening on this port; null when nothing is. */
export async function listenProblem(
  host: string,
  port: number,
  names: ListenNames,
): Promise<string | null> {
  const code = await listenError(host, port);
  switch (code) {
    case null:
      return null;
    case "EADDRINUSE":
      return inUse(host, port, names);
    case "EACCES":
    case "EPERM":
      return `Port ${port} of ${host} may not be used by this user: set ${names.port} to another (0 picks a free one).`;
    case "EADDRNOTAVAIL":
      return `${names.host} ${host} is no address of this machine.`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${names.host} ${host} is not known: no address was found for this name.`;
    default:
      return `Nothing can listen on port ${port} of ${names.host} ${host}: ${code}.`;
  }
}

export function inUse(host: string, port: number, names: ListenNames): string {
  return `Port ${port} of ${host} is in use: end what listens there, or set ${names.port} to another (0 picks a free one).`;
}

/** The system's code for what is wrong; null when a program could listen there a moment ago. */
export async function listenError(host: string, port: number): Promise<string | null> {
  const server = createServer();
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
  }
  server.close();
  await once(server, "close");
  return null;
}
