/**
 * Producers on a bare connection. The plain one sends each batch once. The idempotent one numbers its batches,
 * has several under way at once, and sends what was not acknowledged again, in order, as librdkafka does;
 * where it is told that nothing was written it believes that now and then, and is followed by another producer,
 * whose records would lie there twice if that had not been true (librdkafka's issue 4953).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ERRORS } from "../../../src/base/errors.ts";
import { encodeBatch, type BatchFields } from "../../../src/records/index.ts";
import type { Outcome } from "../support/live-clients.ts";
import { askOnce, nullIfLost, WireLeader } from "./wire-leader.ts";
import { BELIEF, PATIENCE_MS, type Sender, type SenderSpec, type Sent } from "./sender.ts";

const PRODUCE = { key: 0, version: 9 } as const;
const INIT_PRODUCER_ID = { key: 22, version: 4 } as const;
const PAUSE_MS = 50;
const NONE = 0;
/** This many records are one batch, several of which are in flight. */
const FLIGHT_RECORDS = 4;

const NOTHING_WRITTEN = ERRORS.NOT_ENOUGH_REPLICAS.kafka;
const OUT_OF_ORDER = ERRORS.OUT_OF_ORDER_SEQUENCE_NUMBER.kafka;

/** What a healthy cluster answers under faults; any other ends the round. */
const EXPECTED: ReadonlySet<number> = new Set([
  NOTHING_WRITTEN,
  OUT_OF_ORDER,
  ERRORS.NOT_LEADER_OR_FOLLOWER.kafka,
  ERRORS.LEADER_NOT_AVAILABLE.kafka,
  ERRORS.UNKNOWN_TOPIC_OR_PARTITION.kafka,
  ERRORS.REQUEST_TIMED_OUT.kafka,
  ERRORS.NOT_ENOUGH_REPLICAS_AFTER_APPEND.kafka,
  ERRORS.KAFKA_STORAGE_ERROR.kafka,
]);

interface Identity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

interface Batch {
  readonly values: readonly string[];
  readonly bytes: Uint8Array;
}

/** What a batch was answered; null: nothing, and it may have arrived. */
type Told = { readonly code: number; readonly baseOffset: number } | null;

export async function wireSender(spec: SenderSpec): Promise<Sender> {
  const { world, history, idempotent, random } = spec;
  const identity = idempotent ? await identify(world.kafka) : null;
  const leader = new WireLeader(world.kafka, history.place);

  const sendPlain = async (values: readonly string[]): Promise<readonly Sent[]> => {
    const [told] = await flight(leader, spec, [batchOf(values, {})]);
    return [{ values, outcome: outcomeOf(told) }];
  };

  const sendInOrder = async (values: readonly string[], n: number): Promise<readonly Sent[]> => {
    let pending = batchesOf(values, n, identity!);
    const sent: Sent[] = [];
    const startedMs = performance.now();
    while (pending.length > 0) {
      const told = await flight(leader, spec, pending);
      const outcomes = pending.map(({ values: own }, i) => ({
        values: own,
        outcome: outcomeOf(told[i]),
      }));
      const firstLeft = outcomes.findIndex(({ outcome }) => outcome.kind !== "acknowledged");
      // One that comes behind a batch that was not taken is out of order, and no other is.
      for (const [i, one] of told.entries()) {
        const isRightly = i > firstLeft && firstLeft >= 0;
        if (one?.code === OUT_OF_ORDER && !isRightly) throw unexpected(spec, one.code);
      }
      if (firstLeft >= 0 && outcomes[firstLeft]!.outcome.kind === "absent" && random() < BELIEF) {
        return [...sent, ...outcomes];
      }
      sent.push(...outcomes.filter(({ outcome }) => outcome.kind === "acknowledged"));
      pending = pending.filter((_, i) => outcomes[i]!.outcome.kind !== "acknowledged");
      if (performance.now() - startedMs > PATIENCE_MS) {
        throw new Error(`wire: ${spec.stream}:${n} is not acknowledged in ${PATIENCE_MS} ms`);
      }
    }
    return sent;
  };

  return {
    send: identity === null ? sendPlain : sendInOrder,
    async close() {
      leader.close();
    },
  };
}

/** Sends all of them at once, and answers with what each was told. */
async function flight(
  leader: WireLeader,
  spec: SenderSpec,
  batches: readonly Batch[],
): Promise<readonly Told[]> {
  const { topic, partition } = spec.history.place;
  const connection = await leader.connection();
  const answers = batches.map(async ({ bytes }): Promise<Told> => {
    const answer = await connection
      ?.ask(PRODUCE.key, PRODUCE.version, {
        acks: -1,
        timeoutMs: 20_000,
        topicData: [{ name: topic, partitionData: [{ index: partition, records: bytes }] }],
      })
      .catch(nullIfLost);
    const result = answer?.responses[0]?.partitionResponses[0];
    if (result === undefined) return null;
    const { errorCode: code, baseOffset } = result;
    if (code !== NONE && !EXPECTED.has(code)) throw unexpected(spec, code);
    return { code, baseOffset };
  });
  const told = await Promise.all(answers);
  if (told.some((one) => one?.code !== NONE)) await leader.again();
  return told;
}

function outcomeOf(told: Told | undefined): Outcome {
  if (told?.code === NONE) return { kind: "acknowledged", baseOffset: told.baseOffset };
  return { kind: told?.code === NOTHING_WRITTEN ? "absent" : "unknown" };
}

function unexpected({ history, stream }: SenderSpec, code: number): Error {
  const { topic, partition } = history.place;
  return new Error(`${topic}/${partition}: producer ${stream} was answered ${code}`);
}

function batchesOf(values: readonly string[], n: number, identity: Identity): Batch[] {
  const batches: Batch[] = [];
  for (let at = 0; at < values.length; at += FLIGHT_RECORDS) {
    const own = values.slice(at, at + FLIGHT_RECORDS);
    batches.push(batchOf(own, { ...identity, baseSequence: n + at }));
  }
  return batches;
}

function batchOf(values: readonly string[], fields: Partial<BatchFields>): Batch {
  const records = values.map((value) => ({
    timestamp: Date.now(),
    key: null,
    value: Buffer.from(value),
    headers: [],
  }));
  return { values, bytes: encodeBatch(records, fields) };
}

async function identify(kafka: string): Promise<Identity> {
  for (;;) {
    const asked = { transactionalId: null, transactionTimeoutMs: 60_000 };
    const answer = await askOnce(kafka, INIT_PRODUCER_ID.key, INIT_PRODUCER_ID.version, asked);
    if (answer?.errorCode === NONE) return answer;
    await sleep(PAUSE_MS);
  }
}
