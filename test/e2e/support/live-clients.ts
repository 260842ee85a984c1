/**
 * Clients that continue whatever happens to the service: producers, idempotent and not, and readers of one replica or
 * another. What they send and see goes into the partition's history; an answer that no healthy cluster gives under
 * any fault ends them with an error.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { encodeBatch } from "../../../src/records/index.ts";
import { partitionPath } from "./brokers.ts";
import { Answer, RAW, type Client } from "./client.ts";
import { randomFrom } from "./content.ts";
import { valueOf, type LiveHistory } from "./live-history.ts";

/** A batch that is not accepted for this long will not be accepted any more. */
const PATIENCE_MS = 60_000;
/** The pause of a client that was refused. */
const PAUSE_MS = 25;
const BATCH_RECORDS_MAX = 12;
/** Of a reader's pages, how many are followed by a look at something older. */
const REREADS = 0.08;

/** What the clients of a run share. */
export interface Live {
  /** Another one after a restart. */
  client: Client;
  /** While the service is starting; until then connections are refused. */
  start: Promise<void>;
  /** Producers finish what they have begun, readers end. */
  isOver: boolean;
  unknownOutcomes: number;
  refusals: number;
  /** Pages with records, by the broker that served them. */
  readonly pages: Map<string, number>;
}

export type Outcome =
  | { readonly kind: "acknowledged"; readonly baseOffset: number }
  | { readonly kind: "absent" | "unknown" };

export function outcomeOf(answer: Answer | "down" | null): Outcome {
  if (answer === null) return { kind: "unknown" };
  if (answer === "down") return { kind: "absent" };
  const { status, text } = answer;
  if (status === 200) {
    return { kind: "acknowledged", baseOffset: answer.json<{ base_offset: number }>().base_offset };
  }
  // No leader, throttled, or too few in sync: the service says that nothing was written.
  const code =
    status < 500 || status === 503 ? answer.json<{ error_code: number }>().error_code : 0;
  if (code === 40404 || code === 42901 || /nothing was written/.test(text))
    return { kind: "absent" };
  if (status < 500) throw new Error(`a producer was answered ${status} ${text}`);
  return { kind: "unknown" };
}

/** Null: it may have arrived. "down": nobody listens. */
export async function attempt(ask: () => Promise<Answer>): Promise<Answer | "down" | null> {
  try {
    return await ask();
  } catch (error) {
    const { code = "", message } = error as Error & { code?: string };
    if (code === "ECONNREFUSED") return "down";
    if (/^(ECONN|EPIPE|UND_ERR)/.test(code) || /no answer|socket|destroyed/.test(message))
      return null;
    throw error;
  }
}

/** What a client does after a refusal. */
export async function pause(live: Live, answer: Answer | "down" | null): Promise<void> {
  if (answer === "down") await live.start;
  await sleep(PAUSE_MS);
}

export interface ProducerSpec {
  /** Names its records; odd ones send raw batches. */
  readonly stream: number;
  readonly idempotent: boolean;
}

interface Identity {
  readonly id: number;
  readonly epoch: number;
}

export async function identify(live: Live): Promise<Identity> {
  for (;;) {
    const path = "/v3/clusters/odradek/producer-ids";
    const answer = await attempt(() => live.client.post(path, {}));
    if (answer instanceof Answer && answer.status === 200) {
      const issued = answer.json<Record<string, number>>();
      return { id: issued["producer_id"]!, epoch: issued["producer_epoch"]! };
    }
    await pause(live, answer);
  }
}

export function send(
  live: Live,
  { place }: LiveHistory,
  { stream }: Pick<ProducerSpec, "stream">,
  values: readonly string[],
  stamp: (Identity & { readonly sequence: number }) | null,
): Promise<Answer> {
  const path = `${partitionPath(place)}/records:batch`;
  if (stream % 2 === 0) {
    const headers = stamp && {
      "producer-id": String(stamp.id),
      "producer-epoch": String(stamp.epoch),
      "producer-seq": String(stamp.sequence),
    };
    const records = values.map((data) => ({ value: { type: "STRING", data } }));
    return live.client.post(path, { records }, headers ?? {});
  }
  const records = values.map((value) => ({
    timestamp: Date.now(),
    key: null,
    value: Buffer.from(value),
    headers: [],
  }));
  const fields = stamp && {
    producerId: stamp.id,
    producerEpoch: stamp.epoch,
    baseSequence: stamp.sequence,
  };
  const body = encodeBatch(records, fields ?? {});
  return live.client.ask(path, { method: "POST", headers: { "content-type": RAW }, body });
}

/**
 * Produces with acks=all until the run is over. An idempotent producer repeats a batch until it is acknowledged; a
 * plain one continues with the next batch, whatever the outcome of this one.
 */
export async function produce(live: Live, history: LiveHistory, spec: ProducerSpec): Promise<void> {
  const random = randomFrom(spec.stream + 1);
  const identity = spec.idempotent ? await identify(live) : null;
  for (let n = 0; !live.isOver;) {
    const count = 1 + Math.floor(random() * BATCH_RECORDS_MAX);
    const values = Array.from({ length: count }, (_, i) => valueOf(spec.stream, n + i));
    const stamp = identity && { ...identity, sequence: n };
    const startedMs = performance.now();
    for (;;) {
      const answer = await attempt(() => send(live, history, spec, values, stamp));
      const outcome = outcomeOf(answer);
      if (outcome.kind === "acknowledged") {
        history.acknowledge(outcome.baseOffset, values);
        break;
      }
      if (outcome.kind === "unknown") live.unknownOutcomes += 1;
      else if (answer !== "down") live.refusals += 1;
      await pause(live, answer);
      if (identity === null) {
        if (outcome.kind === "absent") history.refuse(values);
        break;
      }
      if (performance.now() - startedMs > PATIENCE_MS) {
        const last = answer instanceof Answer ? `${answer.status} ${answer.text}` : answer;
        throw new Error(`not acknowledged in ${PATIENCE_MS} ms: ${last}`);
      }
    }
    n += count;
    await sleep(1);
  }
}

/**
 * Reads until the run is over, near to `rack`; null: from the leader. An offset to which it was directed is never out
 * of range afterwards, whoever answers: that would mean going backwards.
 */
export async function read(live: Live, history: LiveHistory, rack: string | null): Promise<void> {
  const random = randomFrom(rack === null ? 7 : rack.charCodeAt(0));
  const place = rack === null ? "" : `&client.rack=${rack}`;
  for (let next = 0; !live.isOver;) {
    const query = `offset=${next}&max_bytes=300000&timeout=500${place}`;
    const path = `${partitionPath(history.place)}/records?${query}`;
    const visible = history.visibleEnd;
    const answer = await attempt(() => live.client.ask(path, { headers: { accept: RAW } }));
    if (!(answer instanceof Answer)) {
      await pause(live, answer);
      continue;
    }
    if (answer.status === 200) {
      const replica = answer.header("x-odradek-replica")!;
      const behind = history.see(answer.bytes, next, `broker ${replica}`);
      const told = Number(answer.header("x-next-offset"));
      if (told !== behind) throw new Error(`${path}: told to go on at ${told}, not at ${behind}`);
      if (behind > next && Number(answer.header("x-high-watermark")) < behind) {
        throw new Error(`${path}: shown up to ${behind}, above its high watermark`);
      }
      // A follower may be behind; the leader says that there is nothing more only when that is so.
      if (behind === next && rack === null) history.ended(visible, next, `broker ${replica}`);
      if (behind > next) live.pages.set(replica, (live.pages.get(replica) ?? 0) + 1);
      next = random() < REREADS ? Math.floor(random() * behind) : behind;
    } else if (answer.status < 500 && answer.json()["error_code"] !== 40404) {
      throw new Error(`${path}: ${answer.status} ${answer.text}`);
    }
    await sleep(PAUSE_MS);
  }
}
