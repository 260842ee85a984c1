/**
 * Producers with acks=all that go on whatever happens, one after the other per batch: over HTTP, by two client
 * libraries, and on a bare connection, each idempotent and plain. A producer that ends with an outcome that is
 * not known is followed by a new one, as an application would have it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { randomFrom } from "../support/content.ts";
import { valueOf, type LiveHistory } from "../support/live-history.ts";
import type { Activity } from "./clients.ts";
import { httpSender } from "./http-sender.ts";
import { kafkajsSender, platformaticSender } from "./library-senders.ts";
import type { Sender, SenderSpec } from "./sender.ts";
import { wireSender } from "./wire-sender.ts";
import { count, type World } from "./world.ts";

const BATCH_RECORDS_MAX = 12;
const PAUSE_MS = 15;
const KINDS = {
  http: httpSender,
  kafkajs: kafkajsSender,
  platformatic: platformaticSender,
  wire: wireSender,
} satisfies Record<string, (spec: SenderSpec) => Promise<Sender>>;

export type WriterKind = keyof typeof KINDS;

export interface Producer {
  readonly kind: WriterKind;
  readonly idempotent: boolean;
  readonly seed: number;
}

export async function write(
  world: World,
  history: LiveHistory,
  { kind, idempotent, seed }: Producer,
  activity: Activity,
): Promise<void> {
  const random = randomFrom(seed);
  const name = `${kind} ${idempotent ? "idempotent" : "plain"}`;
  while (!world.isDraining) {
    const stream = history.begin(idempotent);
    activity.is("connects");
    const sender = await KINDS[kind]({ world, history, idempotent, stream, random });
    count(world.totals, `producers: ${name}`);
    try {
      await writeStream(world, history, sender, { name, idempotent, stream, random, activity });
    } finally {
      activity.is("closes");
      await sender.close();
    }
  }
}

async function writeStream(
  world: World,
  history: LiveHistory,
  sender: Sender,
  about: {
    readonly name: string;
    readonly idempotent: boolean;
    readonly stream: number;
    readonly random: () => number;
    readonly activity: Activity;
  },
): Promise<void> {
  const { name, idempotent, stream, random, activity } = about;
  for (let n = 0; !world.isDraining;) {
    const size = 1 + Math.floor(random() * BATCH_RECORDS_MAX);
    const values = Array.from({ length: size }, (_, i) => valueOf(stream, n + i));
    activity.is(`sends ${stream}:${n}`);
    const sent = await sender.send(values, n);
    for (const { values: own, outcome } of sent) {
      if (outcome.kind === "acknowledged") {
        history.acknowledge(outcome.baseOffset, own);
        count(world.totals, `records: ${name}`, own.length);
      } else {
        count(world.totals, `${outcome.kind}: ${name}`);
        if (outcome.kind === "absent") history.refuse(own);
      }
    }
    if (idempotent && sent.some(({ outcome }) => outcome.kind !== "acknowledged")) return;
    n += values.length;
    await sleep(PAUSE_MS);
  }
}
