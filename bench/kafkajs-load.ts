/** Load by kafkajs; its encoding and decoding in JavaScript is this process's own processor time. */
import kafkajs, { type EachBatchPayload, type Kafka } from "kafkajs";
import type { ClientJob, ClientFigures } from "./load-protocol.ts";

const WAIT_MS_MAX = 100;

export async function loadKafkajs(job: ClientJob): Promise<ClientFigures> {
  const kafka = new kafkajs.Kafka({
    brokers: [`127.0.0.1:${job.port}`],
    logLevel: kafkajs.logLevel.NOTHING,
  });
  return job.action === "produce" ? produce(kafka, job) : consume(kafka, job);
}

/** One send in flight for each partition. */
async function produce(kafka: Kafka, job: ClientJob): Promise<ClientFigures> {
  const producer = kafka.producer();
  await producer.connect();
  const value = Buffer.alloc(job.recordBytes, "v");
  let records = 0;
  const send = async (partition: number): Promise<void> => {
    const messages = Array.from({ length: job.batchRecords }, () => ({ value, partition }));
    await producer.send({ topic: job.topic, acks: -1, messages });
    records += messages.length;
  };
  // The first sends look up metadata.
  await send(0);
  records = 0;
  const measured = measure();
  const untilMs = performance.now() + job.seconds * 1_000;
  const partitions = Array.from({ length: job.partitions }, async (_, partition) => {
    while (performance.now() < untilMs) await send(partition);
  });
  await Promise.all(partitions);
  const figures = { records, failed: 0, ...measured() };
  await producer.disconnect();
  return figures;
}

/** Reads partition 0 from its beginning, and again from there when it is at its end. */
async function consume(kafka: Kafka, job: ClientJob): Promise<ClientFigures> {
  const consumer = kafka.consumer({ groupId: crypto.randomUUID(), maxWaitTimeInMs: WAIT_MS_MAX });
  await consumer.connect();
  await consumer.subscribe({ topic: job.topic, fromBeginning: true });
  const over = Promise.withResolvers<ClientFigures>();
  consumer.on("consumer.crash", ({ payload }) => over.reject(payload.error));
  let measured: ReturnType<typeof measure> | null = null;
  let untilMs = 0;
  let records = 0;
  const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
    if (measured === null) {
      // The consumer has joined its group, and begins to read.
      measured = measure();
      untilMs = performance.now() + job.seconds * 1_000;
    } else records += batch.messages.length;
    if (performance.now() >= untilMs) over.resolve({ records, failed: 0, ...measured() });
    if (Number(batch.lastOffset()) + 1 === Number(batch.highWatermark)) {
      consumer.seek({ topic: batch.topic, partition: batch.partition, offset: "0" });
    }
  };
  await consumer.run({ autoCommit: false, eachBatch });
  const figures = await over.promise;
  await consumer.disconnect();
  return figures;
}

/** Begins to measure; the returned function ends it. */
function measure(): () => Pick<ClientFigures, "seconds" | "cpuSeconds"> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return {
      seconds: (performance.now() - startMs) / 1_000,
      cpuSeconds: (user + system) / 1_000_000,
    };
  };
}
