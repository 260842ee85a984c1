/** What a feature's test is given: a client's driver, the service over HTTP, and names of its own. */
import type { Client } from "../../e2e/support/client.ts";
import type { ClientProgram } from "../support/clients.ts";
import type { Driver, Target } from "../support/driver.ts";
import type { Operations, RecordToWrite } from "../support/protocol.ts";

const SESSION_MS = 6_000;

export interface Run {
  readonly client: ClientProgram;
  readonly driver: Driver;
  readonly target: Target;
  readonly http: Client;
  /** For topics and groups: no other test uses it. */
  readonly name: string;
  /** Another process of the same client; ended with the test. */
  another(): Promise<Driver>;
}

/** What makes a member of a group that reads one topic. */
export function joining(group: string, topic = group): Operations["subscribe"]["takes"] {
  return { group, topics: [topic], sessionTimeoutMs: SESSION_MS };
}

/** Names of clients in names of topics and groups. */
export const named = (text: string): string => text.replaceAll(/[^a-z]+/gi, "-");

export const base64 = (text: string): string => Buffer.from(text).toString("base64");
export const text = (bytes: string | null): string => Buffer.from(bytes ?? "", "base64").toString();

/** Plain records with the values `from`, … as text. */
export function numbered(count: number, from = 0): RecordToWrite[] {
  return Array.from({ length: count }, (_, i) => ({
    key: base64(`key-${from + i}`),
    value: base64(String(from + i)),
    headers: [],
    timestamp: null,
  }));
}
