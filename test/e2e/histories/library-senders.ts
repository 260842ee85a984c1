/**
 * Producers of kafkajs and @platformatic/kafka. The plain ones do not retry, so that each record is sent once; the
 * idempotent ones do for longer than any fault lasts. One batch at a time: after a failure kafkajs would send
 * several in another order.
 */
import { Producer } from "@platformatic/kafka";
import kafkajs from "kafkajs";
import { ERRORS } from "../../../src/base/errors.ts";
import type { Outcome } from "../support/live-clients.ts";
import type { Sender, SenderSpec, Sent } from "./sender.ts";

const { CompressionTypes, Kafka, logLevel } = kafkajs;

const REQUEST_MS = 30_000;
const NOTHING_WRITTEN = "NOT_ENOUGH_REPLICAS";
/** Errors that a producer which sends one batch after the other must never get, whatever happens. */
const NEVER = [
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
  "DUPLICATE_SEQUENCE_NUMBER",
  "UNKNOWN_SERVER_ERROR",
  "INVALID_PRODUCER_EPOCH",
  "UNKNOWN_PRODUCER_ID",
  "CORRUPT_MESSAGE",
  "INVALID_RECORD",
];

export async function kafkajsSender(spec: SenderSpec): Promise<Sender> {
  const { world, history, idempotent, stream, random } = spec;
  const { topic, partition } = history.place;
  const kafka = new Kafka({
    brokers: [world.kafka],
    logLevel: logLevel.NOTHING,
    requestTimeout: REQUEST_MS,
    retry: { retries: 120, initialRetryTime: 50, maxRetryTime: 500 },
  });
  const producer = kafka.producer({
    idempotent,
    maxInFlightRequests: 1,
    retry: idempotent ? { retries: 120, initialRetryTime: 50, maxRetryTime: 500 } : { retries: 0 },
  });
  await connected(() => producer.connect(), world);
  return {
    async send(values): Promise<readonly Sent[]> {
      const compression = random() < 0.3 ? CompressionTypes.GZIP : CompressionTypes.None;
      const messages = values.map((value) => ({ value, partition }));
      const sending = producer.send({ topic, messages, acks: -1, compression });
      const outcome = await sending.then(
        ([result]): Outcome => acknowledged(Number(result?.baseOffset)),
        (error: unknown) => failed(error, idempotent, `kafkajs, producer ${stream}`),
      );
      return [{ values, outcome }];
    },
    close: () => producer.disconnect(),
  };
}

export async function platformaticSender(spec: SenderSpec): Promise<Sender> {
  const { world, history, idempotent, stream } = spec;
  const { topic, partition } = history.place;
  const producer = new Producer({
    clientId: "histories",
    bootstrapBrokers: [world.kafka],
    idempotent,
    requestTimeout: REQUEST_MS,
    // Its plain producer may not either send again by itself what a stale leader was sent.
    ...(idempotent
      ? { retries: 240, retryDelay: 250 }
      : { retries: 0, repeatOnStaleMetadata: false }),
  });
  return {
    async send(values): Promise<readonly Sent[]> {
      const messages = values.map((value) => ({ topic, partition, value: Buffer.from(value) }));
      const outcome = await producer.send({ messages, acks: -1 }).then(
        ({ offsets = [] }): Outcome => acknowledged(Number(offsets[0]?.offset)),
        (error: unknown) => failed(error, idempotent, `@platformatic/kafka, producer ${stream}`),
      );
      return [{ values, outcome }];
    },
    close: () => producer.close(),
  };
}

function acknowledged(baseOffset: number): Outcome {
  // A client that does not know where a batch lies: a repeat that was answered as a duplicate.
  if (!(baseOffset >= 0)) throw new Error(`acknowledged at offset ${baseOffset}`);
  return { kind: "acknowledged", baseOffset };
}

/**
 * Of a plain producer one attempt failed, and its error is of that one. An idempotent one failed after many,
 * of which the last one's error says nothing of the others.
 */
function failed(error: unknown, idempotent: boolean, who: string): Outcome {
  const names = causesOf(error).flatMap(kafkaNames);
  const broken = names.find((name) => NEVER.includes(name));
  if (broken !== undefined) throw new Error(`${who} was answered ${broken}: ${String(error)}`);
  const isAbsent = !idempotent && names.includes(NOTHING_WRITTEN);
  return { kind: isAbsent ? "absent" : "unknown" };
}

/** An error and those that it wraps. */
export function causesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const { cause, errors = [] } = error as Error & { errors?: unknown[] };
  return [error, ...[cause, ...errors].flatMap(causesOf)];
}

/** kafkajs has Kafka's name in `type`, @platformatic/kafka in `apiId`. */
function kafkaNames(error: Error): string[] {
  const { type, apiId } = error as Error & { type?: string; apiId?: string };
  return [type, apiId].filter((name) => name !== undefined && name in ERRORS) as string[];
}

async function connected(
  connect: () => Promise<void>,
  world: { readonly isDraining: boolean },
): Promise<void> {
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (world.isDraining) throw error;
    }
  }
}
