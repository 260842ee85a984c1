/** What the drivers in TypeScript share: lines in, lines out, bounds. See support/protocol.ts. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { EventLine, Operation, Operations, RequestLine } from "../support/protocol.ts";

const BOUND_MS = 30_000;
const STREAM_BOUND_MS = 120_000;
const TICK_MS = 20;
const TELL_MS = 500;

/** What a driver can do; the rest is `UNSUPPORTED`. */
export type Handlers = {
  readonly [K in Operation]?: (
    takes: Operations[K]["takes"],
  ) => Promise<Operations[K]["answers"]> | Operations[K]["answers"];
};

/** A refusal with Kafka's name of it. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Server {
  readonly bootstrap: string;
  /** Null: the service wants no key. */
  readonly sasl: { readonly username: string; readonly password: string } | null;
}

/** A member of a group, that reads by itself. */
export interface Membership {
  start(topics: readonly string[]): Promise<void>;
  commit(): Promise<void>;
  stop(): Promise<void>;
}

/** The operations of a member. */
export function memberHandlers(join: (takes: Operations["subscribe"]["takes"]) => Membership) {
  let member: Membership | null = null;
  return {
    subscribe: async (takes) => {
      member = join(takes);
      await member.start(takes.topics);
      return {};
    },
    commit: async () => {
      await member?.commit();
      return {};
    },
    unsubscribe: async () => {
      await member?.stop();
      member = null;
      return {};
    },
  } satisfies Handlers;
}

/** Of a package that is installed here. */
export function versionOf(name: string): string {
  const file = new URL(`../../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** Where the client connects, as the environment says. */
export function server(): Server {
  const bootstrap = process.env["BOOTSTRAP"] ?? "";
  const password = process.env["SASL_PASSWORD"];
  const username = process.env["SASL_USERNAME"] ?? "";
  return { bootstrap, sasl: password === undefined ? null : { username, password } };
}

export function tell(event: EventLine): void {
  print(event);
}

/** Handles one operation after the other until stdin ends; then the process does. */
export async function serve(handlers: Handlers): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, do: operation, ...takes } = JSON.parse(line) as RequestLine;
    const handler = handlers[operation] as ((takes: object) => Promise<object>) | undefined;
    try {
      if (handler === undefined) throw new Refused("UNSUPPORTED", `${operation} cannot be done.`);
      print({ id, ...(await within(operation, handler(takes))) });
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      print({ id, error: message, ...(code !== undefined && { code }) });
    }
  }
  process.exit(0);
}

async function within<T>(operation: Operation, work: Promise<T> | T): Promise<T> {
  const boundMs = operation === "stream" ? STREAM_BOUND_MS : BOUND_MS;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${boundMs} ms`)), boundMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/**
 * The operation `stream`, by a client that keeps the order of what is sent one piece after the other: what is due
 * by now is the next piece. Tells now and then what is acknowledged.
 */
export async function paced(
  { partitions, count, perSecond }: Operations["stream"]["takes"],
  send: (
    values: readonly { readonly partition: number; readonly value: string }[],
  ) => Promise<unknown>,
): Promise<Operations["stream"]["answers"]> {
  let acknowledged = 0;
  let failed = 0;
  const telling = setInterval(() => tell({ event: "acknowledged", count: acknowledged }), TELL_MS);
  const startedMs = performance.now();
  for (let sent = 0; sent < count;) {
    const due = Math.min(count, Math.ceil(((performance.now() - startedMs) / 1_000) * perSecond));
    if (due > sent) {
      const from = sent;
      const values = Array.from({ length: due - from }, (_, i) => ({
        partition: (from + i) % partitions,
        value: String(from + i),
      }));
      await send(values).then(
        () => (acknowledged += values.length),
        () => (failed += values.length),
      );
      sent = due;
    }
    await sleep(TICK_MS);
  }
  clearInterval(telling);
  tell({ event: "acknowledged", count: acknowledged });
  return { failed };
}

export const bytesOf = (base64: string | null): Buffer | null =>
  base64 === null ? null : Buffer.from(base64, "base64");

export const base64Of = (bytes: Uint8Array | string | null | undefined): string | null =>
  bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString("base64");
