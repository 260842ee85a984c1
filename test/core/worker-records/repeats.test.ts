/**
 * As test/core/partition/repeats.test.ts, with what the worker does before: a refusal of a request over HTTP or
 * the wire that says that nothing was written holds for every earlier attempt, whatever settings were changed
 * in between and whichever of them this isolate knows.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { effectiveConfig, needsKeys } from "../../../src/base/config.ts";
import type { Refusal } from "../../../src/base/errors.ts";
import type { Appended, AppendRefusal } from "../../../src/objects/contracts/partition.ts";
import { encodeBatch, type BatchFields } from "../../../src/records/index.ts";
import { readRawBatches, topicCompression } from "../../../src/gateway/raw-batches.ts";
import { readRecordsV3 } from "../../../src/worker/records/read-request.ts";
import { RequestRecords } from "../../../src/worker/records/request-records.ts";
import { ReplicaHarness } from "../../support/replica.ts";

type Configs = Record<string, string>;
type Answer = Appended | AppendRefusal;

interface Attempt {
  readonly sequence: number;
  /** By record: whether it has a key, and how many bytes its value has. */
  readonly records: readonly { readonly isKeyed: boolean; readonly bytes: number }[];
  readonly isOnePartition: boolean;
}

const STAMP = { producerId: 9, producerEpoch: 0 };

/** A numbered request with a JSON body, to the partition of `harness`. */
async function viaJson(harness: ReplicaHarness, known: Configs, attempt: Attempt): Promise<Answer> {
  const config = effectiveConfig(known);
  const records = new RequestRecords({
    batchBytesMax: config["max.message.bytes"],
    compression: topicCompression(config) ?? "none",
    stamp: { ok: true, ...STAMP, sequence: attempt.sequence },
    partitions: 1,
    partition: attempt.isOnePartition ? 0 : -1,
    nowMs: harness.nowMs,
    bodyBytes: 1_000,
    allOrNothing: attempt.isOnePartition,
    malformedRefusesAll: false,
    // As produce.ts has it for numbered requests.
    keysRequired: false,
    unknownPartition: "UNKNOWN_PARTITION",
    random: () => 0,
  });
  const body = attempt.records.map(({ isKeyed, bytes }) => ({
    ...(isKeyed && { key: { type: "STRING", data: "k" } }),
    value: { type: "STRING", data: "x".repeat(bytes) },
  }));
  const text = new TextEncoder().encode(JSON.stringify({ records: body }));
  const refused = readRecordsV3(text, records) ?? records.refusal ?? records.refusals.get(0);
  if (refused) return refused;
  const batches = records.parts.get(0)!.batches();
  if (!(batches instanceof Uint8Array)) return batches;
  const sparseSequences = !attempt.isOnePartition;
  return harness.replica.append({ batches: batches.slice(), acks: -1, sparseSequences });
}

/** The same as a producer's own batch, over the wire or HTTP. */
async function viaBatch(
  harness: ReplicaHarness,
  known: Configs,
  attempt: Attempt,
): Promise<Answer> {
  const fields: BatchFields = { ...STAMP, baseSequence: attempt.sequence, compression: "gzip" };
  const batch = encodeBatch(
    attempt.records.map(({ isKeyed, bytes }) => ({
      timestamp: harness.nowMs,
      key: isKeyed ? new Uint8Array(1) : null,
      value: new Uint8Array(bytes),
      headers: [],
    })),
    fields,
  );
  const read = readRawBatches(batch, effectiveConfig(known));
  if (!read.ok) return read;
  const { bytes: batches, unlessRepeated } = read;
  return harness.replica.append({
    batches: batches.slice(),
    acks: -1,
    ...(unlessRepeated !== undefined && { unlessRepeated }),
  });
}

const settings: fc.Arbitrary<Configs> = fc.record(
  {
    "max.message.bytes": fc.constantFrom("100", "400", "1000000"),
    "cleanup.policy": fc.constantFrom("delete", "compact", "compact,delete"),
    "compression.type": fc.constantFrom("producer", "uncompressed", "gzip"),
    "min.insync.replicas": fc.constantFrom("1", "2"),
  },
  { requiredKeys: [] },
);

/** A few requests, each of which comes again and again. */
const requests = fc.array(
  fc.record({
    records: fc.array(
      fc.record({
        isKeyed: fc.boolean(),
        // Of the large ones two do not fit a row, but compressed they do.
        bytes: fc.constantFrom(1, 50, 300, 1_100_000),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    isOnePartition: fc.boolean(),
    isJson: fc.boolean(),
  }),
  { minLength: 2, maxLength: 4 },
);

const steps = fc.array(
  fc.record({
    request: fc.nat(),
    configs: settings,
    /** What the isolate knows may be older, or newer, than what the leader does. */
    known: fc.option(settings, { nil: null }),
    restarts: fc.boolean(),
  }),
  { maxLength: 16 },
);

it("a repeat of a batch that is in the log is never told that it was not written", async () => {
  let refusals = 0;
  let repeats = 0;
  await fc.assert(
    fc.asyncProperty(requests, steps, async (sent, attempts) => {
      const harness = new ReplicaHarness();
      const written = new Set<number>();
      for (const { request, configs, known, restarts } of attempts) {
        const index = request % sent.length;
        // Sequences in the order of the requests: what is written first begins anywhere.
        const sequence = sent
          .slice(0, index)
          .reduce((count, { records }) => count + records.length, 0);
        const { isJson, ...asked } = sent[index]!;
        const attempt: Attempt = { ...asked, sequence };
        if (restarts) harness.restart();
        harness.replica.assign(harness.assignment({ "retention.ms": "-1", ...configs }));
        const via = isJson ? viaJson : viaBatch;
        const answer: Appended | (Refusal & { written?: true }) = await via(
          harness,
          known ?? configs,
          attempt,
        );
        if (answer.ok) {
          expect(answer.duplicate).toBe(written.has(index));
          if (answer.duplicate) repeats += 1;
          written.add(index);
          continue;
        }
        const isUnknown =
          answer.written === true || answer.error === "OUT_OF_ORDER_SEQUENCE_NUMBER";
        if (isUnknown) continue;
        refusals += 1;
        expect(written.has(index), answer.message).toBe(false);
      }
    }),
    { numRuns: 50 },
  );
  // It has something to look at.
  expect(refusals).toBeGreaterThan(20);
  expect(repeats).toBeGreaterThan(10);
});

it("keys are the leader's to judge: the worker's plan asks for none of numbered records", () => {
  expect(needsKeys(effectiveConfig({ "cleanup.policy": "compact" }))).toBe(true);
  const known = effectiveConfig({ "cleanup.policy": "compact" });
  const record = { timestamp: 1, key: null, value: null, headers: [] };
  const fields = { producerId: 1, producerEpoch: 0, baseSequence: 0 };
  expect(readRawBatches(encodeBatch([record], fields), known).ok).toBe(true);
});
