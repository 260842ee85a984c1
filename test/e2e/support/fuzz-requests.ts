/**
 * Requests that are wrong in every way in which the API can be asked wrongly: legal ones of every route, with method,
 * path, query, headers and body mutated, and record batches with false fields. Request `i` of a seed is always the
 * same.
 */
import { crc32c, encodeBatch, type Compression } from "../../../src/records/index.ts";
import { asJson, randomFrom, recordsOf } from "./content.ts";

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

interface Draft {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Uint8Array | undefined;
}

type Random = () => number;

const RAW_TYPE = "application/vnd.kafka.recordbatch.v2";
const JSON_TYPE = "application/json";

const pick = <T>(random: Random, from: readonly T[]): T =>
  from[Math.floor(random() * from.length)]!;
const whole = (random: Random, below: number): number => Math.floor(random() * below);

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND"];

const JUNK_TEXTS = [
  "",
  " ",
  "-1",
  "0",
  "1",
  "7",
  "2147483648",
  "9007199254740991",
  "9007199254740992",
  "99999999999999999999",
  "1e3",
  "0x10",
  "NaN",
  "null",
  "true",
  "earliest",
  "latest",
  "a".repeat(300),
  "%00",
  "%zz",
  "%2e%2e",
  "..",
  "%F0%9F%98%80",
  "%ff%fe",
  "a%2Fb",
  "'; DROP TABLE chunks; --".replaceAll(" ", "%20"),
  "__proto__",
  "constructor",
];

const JUNK_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  2_147_483_648,
  9_007_199_254_740_992,
  "",
  "a",
  "\u0000",
  "\ud800",
  "=== not base64 ===",
  "AAA",
  "😀".repeat(50),
  [],
  {},
  [[]],
  [null],
  { type: "BINARY", data: "***" },
  { type: "AVRO", data: "x" },
  { type: "JSON" },
  { type: "STRING", data: 5 },
  { name: "retention.ms", value: "soon" },
];

const MEDIA_TYPES = [
  JSON_TYPE,
  RAW_TYPE,
  "application/vnd.kafka.json.v2+json",
  "application/vnd.kafka.binary.v2+json",
  "application/vnd.kafka.string.v2+json",
  "application/vnd.kafka.avro.v2+json",
  "application/vnd.kafka.v2+json",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "text/plain",
  "text/event-stream",
  "text/html",
  "*/*",
  "application/*;q=0",
  "application/json;charset=utf-16",
  ";;;",
  "",
];

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  "content-type": MEDIA_TYPES,
  accept: MEDIA_TYPES,
  "producer-id": ["0", "1", "-1", "x", "", "9007199254740992", "5, 6"],
  "producer-epoch": ["0", "-1", "32768", "x", ""],
  "producer-seq": ["0", "1", "7", "-1", "2147483648", "x", ""],
  "content-encoding": ["gzip", "br", "identity", "zstd", "x"],
  "last-event-id": ["0", "-5", "99999", "x", ""],
  "x-request-id": ["abc", "\u00e9", "a".repeat(5_000)],
  origin: ["https://example.com", "null", "http://127.0.0.1:1"],
  authorization: ["Bearer nonsense", "Basic eA==", "Basic ***", "Negotiate"],
  range: ["bytes=0-1"],
  "if-none-match": ["*"],
};

function legalBatch(random: Random): Uint8Array<ArrayBuffer> {
  const records = recordsOf(900 + whole(random, 50), whole(random, 1_000), 1 + whole(random, 4));
  const compression = pick<Compression>(random, ["none", "none", "gzip", "snappy", "lz4", "zstd"]);
  return encodeBatch(records, { compression });
}

/** The fields of a batch that can be false, with a new value. For half of them the CRC is corrected. */
const LIES: readonly ((batch: DataView, random: Random) => void)[] = [
  (batch) => batch.setInt32(8, batch.getInt32(8) + 1),
  (batch) => batch.setInt32(8, batch.getInt32(8) - 1),
  (batch, random) => batch.setInt32(8, pick(random, [-1, 0, 48, 49, 0x7fffffff, -0x80000000])),
  (batch, random) => batch.setInt8(16, pick(random, [0, 1, 3, 127, -1])),
  (batch) => batch.setUint32(17, batch.getUint32(17) ^ 1),
  (batch, random) => batch.setInt16(21, pick(random, [5, 6, 7, 0x20, 0x10, 0x30, 0x40, 0x80, -1])),
  (batch, random) => batch.setInt32(23, pick(random, [-1, 7, 100_000, 0x7fffffff])),
  (batch) => batch.setBigInt64(27, -5n),
  (batch) => batch.setBigInt64(27, 0x7fffffffffffffffn),
  (batch) => batch.setBigInt64(35, 0x7fffffffffffffffn),
  (batch) => batch.setBigInt64(43, -2n),
  (batch) => batch.setBigInt64(43, 0x7fffffffffffffffn),
  (batch) => batch.setInt16(51, 5),
  (batch) => batch.setInt32(53, 3),
  (batch, random) => batch.setInt32(57, pick(random, [-1, 0, 9, 1_000_000, 0x7fffffff])),
  (batch, random) => {
    const at = 61 + whole(random, Math.max(1, batch.byteLength - 61));
    if (at < batch.byteLength) batch.setUint8(at, whole(random, 256));
  },
];

function lyingBatch(random: Random): Uint8Array {
  const bytes = legalBatch(random);
  const batch = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let n = whole(random, 3); n >= 0; n--) pick(random, LIES)(batch, random);
  if (random() < 0.6) batch.setUint32(17, crc32c(bytes, 21));
  return bytes;
}

function rawBody(random: Random): Uint8Array {
  const dice = random();
  if (dice < 0.55) return lyingBatch(random);
  if (dice < 0.65) return Buffer.concat([legalBatch(random), lyingBatch(random)]);
  if (dice < 0.8) return legalBatch(random).subarray(0, whole(random, 200));
  if (dice < 0.85) return new Uint8Array(whole(random, 300)).map(() => whole(random, 256));
  return legalBatch(random);
}

function jsonBody(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

interface Names {
  /** A topic that may be written to. */
  readonly topic: string;
  /** A prefix of topics that may come and go. */
  readonly scratch: string;
}

type Template = (random: Random, names: Names) => Partial<Draft> & { path: string };

const cluster = "/v3/clusters/odradek";

const READS: readonly Template[] = [
  () => ({ path: "/v3/clusters" }),
  () => ({ path: cluster }),
  () => ({ path: `${cluster}/topics` }),
  (_, { topic }) => ({ path: `${cluster}/topics/${topic}` }),
  (_, { topic }) => ({ path: `${cluster}/topics/${topic}/configs` }),
  (_, { topic }) => ({ path: `${cluster}/topics/${topic}/configs/retention.ms` }),
  (_, { topic }) => ({ path: `${cluster}/topics/${topic}/partitions` }),
  (_, { topic }) => ({ path: `${cluster}/topics/${topic}/partitions/0` }),
  (_, { topic }) => ({ path: `${cluster}/topics/${topic}/partitions/1/replicas` }),
  (_, { topic }) => ({ path: `${cluster}/topics/${topic}/partitions/0/offset?timestamp=17` }),
  (_, { topic }) => ({
    path: `${cluster}/topics/${topic}/partitions/0/records?offset=0&timeout=50&max_bytes=10000&min_bytes=1`,
  }),
  (_, { topic }) => ({
    path: `/topics/${topic}/partitions/1/records?offset=earliest&isolation_level=read_committed`,
    headers: { accept: RAW_TYPE },
  }),
  (_, { topic }) => ({
    path: `${cluster}/topics/${topic}/partitions/0/records?offset=0`,
    headers: { accept: "text/event-stream", "last-event-id": "1" },
  }),
  () => ({ path: "/topics" }),
  (_, { topic }) => ({ path: `/topics/${topic}` }),
  (_, { topic }) => ({ path: `/topics/${topic}/partitions/0/offsets` }),
  () => ({ path: "/brokers" }),
  () => ({ path: `${cluster}/brokers/1` }),
  () => ({ path: "/openapi.json" }),
  () => ({ path: "/metrics" }),
  () => ({ path: "/healthz" }),
];

const v3Record = (random: Random): Record<string, unknown> =>
  asJson(recordsOf(950 + whole(random, 50), whole(random, 3_000), 1)[0]!);

const v2Record = (random: Random): Record<string, unknown> => ({
  key: random() < 0.5 ? null : "a2V5",
  value: pick(random, ["dmFsdWU=", null, { a: 1 }, "text"]),
  ...(random() < 0.3 ? { partition: whole(random, 3) } : {}),
});

const many = <T>(random: Random, make: (random: Random) => T): T[] =>
  Array.from({ length: 1 + whole(random, 5) }, () => make(random));

const WRITES: readonly Template[] = [
  (random, { topic }) => ({
    method: "POST",
    path: `${cluster}/topics/${topic}/records`,
    body: Buffer.from(
      many(random, v3Record)
        .map((r) => JSON.stringify(r))
        .join(pick(random, ["", "\n"])),
    ),
  }),
  (random, { topic }) => ({
    method: "POST",
    path: `${cluster}/topics/${topic}/records:batch`,
    body: jsonBody({ entries: many(random, v3Record).map((r, n) => ({ id: String(n), ...r })) }),
  }),
  (random, { topic }) => ({
    method: "POST",
    path: `${cluster}/topics/${topic}/partitions/${whole(random, 3)}/records:batch`,
    body: jsonBody({ entries: many(random, v3Record).map((r, n) => ({ id: String(n), ...r })) }),
  }),
  (random, { topic }) => ({
    method: "POST",
    path: `${cluster}/topics/${topic}/partitions/0/records:batch`,
    headers: {
      "producer-id": "1",
      "producer-epoch": "0",
      "producer-seq": String(whole(random, 9)),
    },
    body: jsonBody({ entries: many(random, v3Record) }),
  }),
  ...Array.from({ length: 4 }, (): Template => (random, { topic }) => ({
    method: "POST",
    path: `${cluster}/topics/${topic}/partitions/${whole(random, 3)}/records:batch`,
    headers: { "content-type": RAW_TYPE },
    body: rawBody(random),
  })),
  (random, { topic }) => ({
    method: "POST",
    path: `/topics/${topic}`,
    headers: { "content-type": pick(random, MEDIA_TYPES.slice(2, 6)) },
    body: jsonBody({ records: many(random, v2Record) }),
  }),
  (random, { topic }) => ({
    method: "POST",
    path: `/topics/${topic}/partitions/2`,
    headers: { "content-type": pick(random, MEDIA_TYPES.slice(2, 6)) },
    body: jsonBody({ records: many(random, v2Record) }),
  }),
];

const ADMINISTRATION: readonly Template[] = [
  (random, { scratch }) => ({
    method: "POST",
    path: `${cluster}/topics`,
    body: jsonBody({
      topic_name: `${scratch}${whole(random, 8)}`,
      partitions_count: pick(random, [1, 2, 3]),
      replication_factor: 1,
      configs: [{ name: "retention.ms", value: "1000" }],
      validate_only: random() < 0.5,
    }),
  }),
  (random, { scratch }) => ({
    method: "PATCH",
    path: `${cluster}/topics/${scratch}${whole(random, 8)}`,
    body: jsonBody({ partitions_count: pick(random, [1, 2, 3, 4]) }),
  }),
  (random, { scratch }) => ({
    method: "DELETE",
    path: `${cluster}/topics/${scratch}${whole(random, 8)}`,
  }),
  (random, { scratch }) => ({
    method: "PUT",
    path: `${cluster}/topics/${scratch}${whole(random, 8)}/configs/segment.bytes`,
    body: jsonBody({ value: pick(random, ["2048", "1", "x"]) }),
  }),
  (random, { scratch }) => ({
    method: "DELETE",
    path: `${cluster}/topics/${scratch}${whole(random, 8)}/configs/segment.bytes`,
  }),
  (random, { scratch }) => ({
    method: "POST",
    path: `${cluster}/topics/${scratch}${whole(random, 8)}/configs:alter`,
    body: jsonBody({ data: [{ name: "segment.ms", value: "5", operation: "SET" }] }),
  }),
  (random, { scratch }) => ({
    method: "DELETE",
    path: `${cluster}/topics/${scratch}${whole(random, 8)}/partitions/0/records?before=0`,
  }),
  () => ({ method: "POST", path: `${cluster}/producer-ids`, body: jsonBody({}) }),
];

/** Replaces, removes or adds something at one place of a JSON value, drawn at random. */
function mutateValue(random: Random, value: unknown): unknown {
  if (random() < 0.25 || typeof value !== "object" || value === null) {
    return pick(random, JUNK_VALUES);
  }
  if (Array.isArray(value)) {
    if (value.length === 0 || random() < 0.2) return [...value, pick(random, JUNK_VALUES)];
    const at = whole(random, value.length);
    return value.map((element, n) => (n === at ? mutateValue(random, element) : element));
  }
  const names = Object.keys(value);
  const changed: Record<string, unknown> = { ...value };
  const dice = random();
  if (dice < 0.15 || names.length === 0) {
    changed[pick(random, ["x", "id", "partition_id", "timestamp", "headers", "key"])] = pick(
      random,
      JUNK_VALUES,
    );
  } else if (dice < 0.3) {
    delete changed[pick(random, names)];
  } else {
    const name = pick(random, names);
    changed[name] = mutateValue(random, changed[name]);
  }
  return changed;
}

function mutateBytes(random: Random, body: Uint8Array): Uint8Array {
  const at = whole(random, body.length + 1);
  switch (whole(random, 6)) {
    case 0:
      return body.subarray(0, at);
    case 1:
      return body.subarray(at);
    case 2: {
      const flipped = Uint8Array.from(body);
      for (let n = whole(random, 4); n >= 0; n--)
        flipped[whole(random, body.length)] = whole(random, 256);
      return flipped;
    }
    case 3:
      return Buffer.concat([
        body.subarray(0, at),
        Uint8Array.of(0xff, 0xc0, 0x00),
        body.subarray(at),
      ]);
    case 4:
      return Buffer.concat([body, body]);
    default:
      return Buffer.concat([body.subarray(0, at), body.subarray(whole(random, body.length))]);
  }
}

const STRANGE_BODIES: readonly string[] = [
  "",
  " ",
  "null",
  "[]",
  "{}",
  '"',
  "[".repeat(100_000),
  '{"a":'.repeat(5_000),
  '{"entries":[]}',
  '{"records":[]}',
  '{"records":null}',
  `{"records":[${"{},".repeat(12_000)}{}]}`,
  `{"entries":[${"{},".repeat(1_100)}{}]}`,
  '{"value":{"type":"JSON","data":1e999}}',
  '\ufeff{"value":null}',
  '{"value":{"type":"STRING","data":"\\ud800"}}',
  '{"__proto__":{"value":1},"constructor":1}',
];

function isJson(draft: Draft): boolean {
  return draft.body !== undefined && draft.headers["content-type"] !== RAW_TYPE;
}

function mutateBody(random: Random, draft: Draft): void {
  const dice = random();
  if (dice < 0.06) {
    draft.body = Buffer.from(pick(random, STRANGE_BODIES));
  } else if (dice < 0.063) {
    draft.body = Buffer.alloc(9_000_000, pick(random, [0x20, 0x5b, 0x00]));
  } else if (draft.body === undefined) {
    draft.body = Buffer.from("{}");
  } else if (isJson(draft) && dice < 0.6) {
    try {
      const value = JSON.parse(Buffer.from(draft.body).toString()) as unknown;
      draft.body = jsonBody(mutateValue(random, value));
    } catch {
      draft.body = mutateBytes(random, draft.body);
    }
  } else {
    draft.body = mutateBytes(random, draft.body);
  }
}

function mutatePath(random: Random, draft: Draft): void {
  const [path, query] = draft.path.split("?") as [string, string?];
  const segments = path.split("/");
  const at = 1 + whole(random, segments.length - 1);
  switch (whole(random, 5)) {
    case 0:
      segments[at] = pick(random, JUNK_TEXTS);
      break;
    case 1:
      segments.splice(at, 1);
      break;
    case 2:
      segments.splice(at, 0, pick(random, JUNK_TEXTS));
      break;
    case 3:
      segments[at] += pick(random, ["x", "%20", ":batch", ":", "%3Abatch", "/", "//"]);
      break;
    default:
      segments[at] = segments[at]!.toUpperCase();
  }
  draft.path = segments.join("/") + (query === undefined ? "" : `?${query}`);
  if (!draft.path.startsWith("/")) draft.path = `/${draft.path}`;
}

const QUERY_NAMES = [
  "offset",
  "timeout",
  "max_bytes",
  "min_bytes",
  "isolation_level",
  "timestamp",
  "before",
  "format",
  "x",
];

function mutateQuery(random: Random, draft: Draft): void {
  const [path, query = ""] = draft.path.split("?") as [string, string?];
  const pairs = query === "" ? [] : query.split("&");
  const at = whole(random, pairs.length + 1);
  const known = pairs[at]?.split("=")[0];
  const name = known !== undefined && random() < 0.7 ? known : pick(random, QUERY_NAMES);
  const value = random() < 0.3 ? String(whole(random, 5_000)) : pick(random, JUNK_TEXTS);
  pairs.splice(at, known === undefined ? 0 : 1, `${name}=${value}`);
  draft.path = `${path}?${pairs.join("&")}`;
}

function mutateHeaders(random: Random, draft: Draft): void {
  const name = pick(random, Object.keys(HEADERS));
  if (random() < 0.15) delete draft.headers[name];
  else draft.headers[name] = pick(random, HEADERS[name]!);
}

/** A legal wait may last a minute, which no test here needs. */
function boundWaits(path: string): string {
  return path.replaceAll(/([?&]timeout=)(\d+)/g, (all, name: string, digits: string) =>
    Number(digits) > 200 ? `${name}200` : all,
  );
}

/** Request `i` of a seed. */
export function fuzzRequest(seed: number, i: number, names: Names): FuzzRequest {
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(i + 1, 0xc2b2ae35));
  const dice = random();
  const templates = dice < 0.3 ? READS : dice < 0.85 ? WRITES : ADMINISTRATION;
  const made = pick(random, templates)(random, names);
  const draft: Draft = { method: "GET", headers: {}, body: undefined, ...made };
  if (draft.body !== undefined) draft.headers = { "content-type": JSON_TYPE, ...draft.headers };
  for (let n = whole(random, 3); n >= 0; n--) {
    const kind = random();
    if (kind < 0.06) draft.method = pick(random, METHODS);
    else if (kind < 0.16) mutatePath(random, draft);
    else if (kind < 0.35) mutateQuery(random, draft);
    else if (kind < 0.55) mutateHeaders(random, draft);
    else if (draft.method !== "GET") mutateBody(random, draft);
    else mutateQuery(random, draft);
  }
  if (deletes(draft, names.topic)) draft.method = "POST";
  // A request without a body that is still being sent may find the connection closed (RFC 9112, 9.6).
  const takesBody = ["POST", "PUT", "PATCH"].includes(draft.method);
  if (!takesBody && (draft.body?.length ?? 0) > 1_000_000) draft.body = undefined;
  return { ...draft, path: boundWaits(draft.path) };
}

/** Whether this would delete the topic itself: the one legal request that would invalidate the count. */
function deletes({ method, path }: Draft, topic: string): boolean {
  if (method !== "DELETE") return false;
  const { pathname } = new URL(`http://x${path}`);
  return pathname.replace(/\/+$/, "").endsWith(`/${topic}`);
}
