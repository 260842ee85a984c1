/**
 * Proves that what one client writes every other reads, byte for byte: keys, values, headers, timestamps, with
 * every compression; and HTTP what they write, and they what it writes.
 */
import { describe, expect, test } from "vitest";
import { base64, named } from "./features/run.ts";
import { startAll } from "./support/all.ts";
import { CLIENTS, type ClientProgram } from "./support/clients.ts";
import type { Driver } from "./support/driver.ts";
import { fetchOverHttp, newTopic, produceOverHttp, storedCodec } from "./support/http.ts";
import type { Codec, RecordRead, RecordToWrite } from "./support/protocol.ts";
import { WAYS } from "./support/ways.ts";

const CODECS: readonly Codec[] = ["none", "gzip", "snappy", "lz4", "zstd"];
/** Recent: what is older than the retention is deleted, by its stamp. */
const AT = Date.now() - 60_000;

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
/** What kcat prints of headers is text between commas, which ends at a zero. */
const almostEveryByte = everyByte.subarray(1).filter((byte) => byte !== ",".charCodeAt(0));

/** What every client can write. */
const PLAIN: readonly RecordToWrite[] = [
  {
    key: base64("key"),
    value: base64("value ".repeat(200)),
    headers: [
      ["name", base64("first")],
      ["name", base64("again")],
    ],
    timestamp: AT,
  },
  { key: null, value: everyByte.toString("base64"), headers: [], timestamp: AT + 1 },
  {
    key: base64("ключ 键 🔑"),
    value: base64("строка\nline\ttab"),
    headers: [["заголовок", base64("значение")]],
    timestamp: AT + 2,
  },
  {
    key: base64("large"),
    value: base64("0123456789abcdef".repeat(8_192)),
    headers: [],
    timestamp: AT + 3,
  },
];

/** And what needs more than a command line: nothing, emptiness, any byte anywhere. */
const ODD: readonly RecordToWrite[] = [
  { key: base64("tombstone"), value: null, headers: [], timestamp: AT + 4 },
  { key: base64(""), value: base64(""), headers: [["empty", base64("")]], timestamp: AT + 5 },
  {
    key: everyByte.toString("base64"),
    value: base64("bytes"),
    headers: [["bytes", Buffer.from(almostEveryByte).toString("base64")]],
    timestamp: AT + 6,
  },
];

const place = await WAYS.TCP();
const drivers = await startAll(place);

const writes = CLIENTS.flatMap((client) =>
  CODECS.filter((codec) => codec === "none" || drivers.get(client)!.features.has(codec)).map(
    (codec) => ({ client, codec, name: client.name }),
  ),
);

/** A reader that cannot decompress says so in its features. */
function readers(codec: Codec): [ClientProgram, Driver][] {
  return [...drivers].filter(([, { features }]) => codec === "none" || features.has(codec));
}

async function expectEveryoneReads(
  topic: string,
  expected: readonly RecordRead[],
  codec: Codec,
): Promise<void> {
  const takes = { topic, partition: 0, offset: 0, count: expected.length };
  for (const [client, reader] of readers(codec)) {
    const { records } = await reader.ask("fetch", takes);
    expect(records, `read by ${client.name}`).toEqual(expected);
  }
}

describe("what is written with", () => {
  test.each(writes)("$name, $codec, all read", async ({ client, codec }) => {
    const topic = `by-${named(client.name)}-${codec}`;
    // kcat takes its records from a command line, and gives them no time of their own.
    const isKcat = client.name === "kcat";
    const records = isKcat ? PLAIN : [...PLAIN, ...ODD];
    await newTopic(place.http, topic);
    await drivers.get(client)!.ask("produce", {
      topic,
      partition: 0,
      records,
      compression: codec,
      acks: -1,
      idempotent: false,
    });
    const stored = await fetchOverHttp(place.http, topic);
    expect(stored).toEqual(
      records.map(({ timestamp, ...record }, offset) => ({
        ...record,
        offset,
        timestamp: isKcat ? (expect.any(Number) as number) : timestamp,
      })),
    );
    expect(await storedCodec(place.http, topic)).toBe(codec);
    await expectEveryoneReads(topic, stored, codec);
  });

  test("HTTP, all read", async () => {
    const records = [...PLAIN, ...ODD];
    await newTopic(place.http, "by-http");
    await produceOverHttp(place.http, "by-http", records);
    const expected = records.map(({ timestamp, ...record }, offset) => ({
      ...record,
      offset,
      timestamp: timestamp!,
    }));
    expect(await fetchOverHttp(place.http, "by-http")).toEqual(expected);
    await expectEveryoneReads("by-http", expected, "none");
  });
});
