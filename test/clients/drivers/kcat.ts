/**
 * The driver of kcat: each operation is a run of it, a member is one that goes on. It commits by itself, and its
 * command line holds keys and headers, so those are text.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { promisify } from "node:util";
import {
  FEATURES,
  type Feature,
  type Operations,
  type RecordRead,
  type RecordToWrite,
} from "../support/protocol.ts";
import { base64Of, bytesOf, Refused, serve, server, tell, type Handlers } from "./driver.ts";

const run = promisify(execFile);

const OUTPUT_BYTES_MAX = 64_000_000;
const RUN_MS = 25_000;
const HEARTBEATS_IN_SESSION = 3;
/** So that what is given at once is one batch. */
const LINGER_MS = "50";

const { bootstrap, sasl } = server();

/** Options of librdkafka, as kcat takes them. */
function options(more: Readonly<Record<string, string>> = {}): string[] {
  const own: Record<string, string> = { ...more };
  if (sasl !== null) {
    own["security.protocol"] = "SASL_PLAINTEXT";
    own["sasl.mechanism"] = "PLAIN";
    own["sasl.username"] = sasl.username;
    own["sasl.password"] = sasl.password;
  }
  return [
    "-b",
    bootstrap,
    ...Object.entries(own).flatMap(([name, value]) => ["-X", `${name}=${value}`]),
  ];
}

/** Runs it to its end; answers with what it printed. */
async function kcat(args: readonly string[], input: Buffer = Buffer.alloc(0)): Promise<Buffer> {
  try {
    const running = run("kcat", args, {
      encoding: "buffer",
      maxBuffer: OUTPUT_BYTES_MAX,
      timeout: RUN_MS,
    });
    running.child.stdin!.end(input);
    return (await running).stdout;
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? (error as Error).message);
    const code = /authentication/i.test(said)
      ? "SASL_AUTHENTICATION_FAILED"
      : "UNKNOWN_SERVER_ERROR";
    throw new Refused(code, said.trim());
  }
}

interface Listing {
  readonly brokers: readonly { readonly id: number; readonly name: string }[];
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly object[] }[];
}

async function metadata() {
  const listing = JSON.parse(String(await kcat([...options(), "-L", "-J"]))) as Listing;
  const brokers = listing.brokers.map(({ id, name }) => {
    const [host = "", port] = name.split(":");
    return { id, host, port: Number(port) };
  });
  const topics = listing.topics.map(({ topic, partitions }) => [topic, partitions.length] as const);
  return { brokers, topics: Object.fromEntries(topics) };
}

/** Offsets come from the log's end, since it tells none. */
async function produce(takes: Operations["produce"]["takes"]) {
  const { topic, partition, records, compression, acks, idempotent } = takes;
  const before = acks === 0 ? 0 : (await watermarks({ topic, partition })).high;
  const set = options({
    acks: String(acks),
    "enable.idempotence": String(idempotent),
    "linger.ms": LINGER_MS,
  });
  const common = [...set, "-P", "-t", topic, "-p", String(partition), "-z", compression];
  for (const [headers, input] of runsOf(records)) {
    await kcat([...common, "-K", KEY_END, "-D", RECORD_END, ...headers], input);
  }
  return { offsets: records.map((_, i) => (acks === 0 ? null : before + i)) };
}

/** What no key and no value holds. */
const KEY_END = `|${randomUUID()}|`;
const RECORD_END = `|${randomUUID()}|`;

/** Records that follow each other with the same headers are one run of it, which reads the rest from stdin. */
function runsOf(records: readonly RecordToWrite[]): [headers: string[], input: Buffer][] {
  const runs: [string[], Buffer][] = [];
  for (const { key, value, headers } of records) {
    const given = headers.flatMap(([name, bytes]) => ["-H", `${name}=${String(bytesOf(bytes))}`]);
    const keyed = key === null ? [] : [bytesOf(key)!, Buffer.from(KEY_END)];
    const record = Buffer.concat([...keyed, bytesOf(value) ?? Buffer.alloc(0)]);
    const last = runs.at(-1);
    if (last !== undefined && last[0].join("\0") === given.join("\0")) {
      last[1] = Buffer.concat([last[1], Buffer.from(RECORD_END), record]);
    } else runs.push([given, record]);
  }
  return runs;
}

/** Behind the headers, whose length kcat does not tell; no record holds it. */
const END = randomUUID();
/** Each record: numbers and lengths, then bytes, so that nothing in them is taken for anything else. */
const FORMAT = `%o %T %p %K %S\\n%k%s%h${END}`;

interface Printed {
  readonly partition: number;
  readonly record: RecordRead;
}

class RecordParser {
  #bytes = Buffer.alloc(0);

  /** The records that are whole by now. */
  take(piece: Buffer): Printed[] {
    this.#bytes = Buffer.concat([this.#bytes, piece]);
    const records: Printed[] = [];
    for (let next = this.#next(); next !== null; next = this.#next()) records.push(next);
    return records;
  }

  #next(): Printed | null {
    const lineEnd = this.#bytes.indexOf("\n");
    if (lineEnd === -1) return null;
    const numbers = this.#bytes.subarray(0, lineEnd).toString().split(" ").map(Number);
    const [offset, timestamp, partition, keyBytes, valueBytes] = numbers as [
      number,
      number,
      number,
      number,
      number,
    ];
    const keyEnd = lineEnd + 1 + Math.max(keyBytes, 0);
    const valueEnd = keyEnd + Math.max(valueBytes, 0);
    const end = this.#bytes.indexOf(END, valueEnd);
    if (end === -1) return null;
    const record: RecordRead = {
      offset,
      timestamp,
      key: keyBytes < 0 ? null : base64Of(this.#bytes.subarray(lineEnd + 1, keyEnd)),
      value: valueBytes < 0 ? null : base64Of(this.#bytes.subarray(keyEnd, valueEnd)),
      headers: headersOf(this.#bytes.subarray(valueEnd, end)),
    };
    this.#bytes = this.#bytes.subarray(end + END.length);
    return { partition, record };
  }
}

/** `name=value,name=value`: a comma in a value could not be told apart. */
function headersOf(bytes: Buffer): (readonly [string, string])[] {
  if (bytes.length === 0) return [];
  // A byte a character, so that values need not be text.
  return bytes
    .toString("latin1")
    .split(",")
    .map((header) => {
      const at = header.indexOf("=");
      const [name, value] = [header.slice(0, at), header.slice(at + 1)];
      return [
        Buffer.from(name, "latin1").toString(),
        Buffer.from(value, "latin1").toString("base64"),
      ] as const;
    });
}

async function fetch({ topic, partition, offset, count }: Operations["fetch"]["takes"]) {
  const where = ["-t", topic, "-p", String(partition), "-o", String(offset), "-c", String(count)];
  const output = await kcat([...options(), "-C", "-q", ...where, "-f", FORMAT]);
  return { records: new RecordParser().take(output).map(({ record }) => record) };
}

/** `-1` is the log's end, `-2` its beginning. */
async function offsetAt(topic: string, partition: number, timestamp: number): Promise<number> {
  const output = String(
    await kcat([...options(), "-Q", "-t", `${topic}:${partition}:${timestamp}`]),
  );
  const found = /offset (-?\d+)/.exec(output)?.[1];
  if (found === undefined) throw new Refused("UNKNOWN_SERVER_ERROR", output);
  return Number(found);
}

async function watermarks({ topic, partition }: Operations["watermarks"]["takes"]) {
  const low = await offsetAt(topic, partition, -2);
  return { low, high: await offsetAt(topic, partition, -1) };
}

let member: ChildProcess | null = null;

/** Its assignments are told on stderr, its records on stdout. */
function subscribe({ group, topics, sessionTimeoutMs }: Operations["subscribe"]["takes"]): object {
  const set = options({
    "auto.offset.reset": "earliest",
    "session.timeout.ms": String(sessionTimeoutMs),
    "heartbeat.interval.ms": String(Math.floor(sessionTimeoutMs / HEARTBEATS_IN_SESSION)),
  });
  member = spawn("kcat", [...set, "-u", "-f", FORMAT, "-G", group, ...topics], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [topic = ""] = topics;
  const parser = new RecordParser();
  member.stdout!.on("data", (piece: Buffer) => {
    const records = parser
      .take(piece)
      .map(({ partition, record }) => ({ topic, partition, ...record }));
    if (records.length > 0) tell({ event: "records", records });
  });
  let said = "";
  member.stderr!.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    const lines = said.split("\n");
    said = lines.pop()!;
    for (const line of lines) heard(line);
  });
  return {};
}

function heard(line: string): void {
  const rebalanced = /rebalanced.*?: (assigned|revoked): ?(.*)$/.exec(line);
  if (rebalanced !== null) {
    const owned = rebalanced[1] === "assigned" ? rebalanced[2]! : "";
    const partitions = [...owned.matchAll(/(\S+) \[(\d+)\]/g)];
    tell({
      event: "assigned",
      partitions: partitions.map(([, topic, partition]) => [topic!, Number(partition)] as const),
    });
  } else if (line.includes("ERROR")) tell({ event: "failed", error: line });
}

async function unsubscribe(): Promise<object> {
  if (member !== null) {
    const closed = once(member, "close");
    member.kill("SIGTERM");
    await closed;
    member = null;
  }
  return {};
}

/** It administers nothing, and commits when it wants to. */
const LACKING: ReadonlySet<Feature> = new Set([
  "commit",
  "topics",
  "configs",
  "partitions",
  "delete records",
  "group admin",
]);

const handlers: Handlers = {
  hello: async () => {
    const said = String((await run("kcat", ["-V"])).stdout);
    const [, version = "", library = ""] = /Version ([\d.]+).*librdkafka ([\d.]+)/.exec(said) ?? [];
    return {
      version: `${version} (librdkafka ${library})`,
      features: FEATURES.filter((feature) => !LACKING.has(feature)),
    };
  },
  metadata,
  produce,
  fetch,
  offsetForTime: async ({ topic, partition, timestamp }) => {
    const offset = await offsetAt(topic, partition, timestamp);
    return { offset: offset < 0 ? null : offset };
  },
  watermarks,
  subscribe,
  unsubscribe,
};

process.on("exit", () => member?.kill("SIGKILL"));
await serve(handlers);
