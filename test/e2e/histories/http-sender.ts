/** Producers over HTTP, whose streams with odd numbers send raw batches and the others JSON. */
import {
  attempt,
  identify,
  outcomeOf,
  pause,
  send as sendOverHttp,
} from "../support/live-clients.ts";
import { Answer } from "../support/client.ts";
import { BELIEF, PATIENCE_MS, type Sender, type SenderSpec } from "./sender.ts";

export async function httpSender(spec: SenderSpec): Promise<Sender> {
  const { world, history, idempotent, stream, random } = spec;
  const { live } = world;
  const identity = idempotent ? await identify(live) : null;
  return {
    async send(values, n) {
      const stamp = identity && { ...identity, sequence: n };
      const startedMs = performance.now();
      const tried: string[] = [];
      for (;;) {
        const answer = await attempt(() => sendOverHttp(live, history, { stream }, values, stamp));
        const outcome = outcomeOf(answer);
        if (outcome.kind === "acknowledged") return [{ values, outcome }];
        await pause(live, answer);
        if (identity === null) return [{ values, outcome }];
        // No leader, or too many requests, says nothing of earlier attempts.
        const saysAbsent = answer instanceof Answer && /nothing was written/.test(answer.text);
        tried.push(answer instanceof Answer ? `${answer.status} ${answer.text}` : "no answer");
        if (saysAbsent && random() < BELIEF) {
          world.log(`HTTP: ${stream}:${n} of ${history.place.topic} refused: ${tried.join(", ")}`);
          return [{ values, outcome }];
        }
        if (performance.now() - startedMs > PATIENCE_MS) {
          throw new Error(`HTTP: ${stream}:${n} is not acknowledged in ${PATIENCE_MS} ms`);
        }
      }
    },
    async close() {},
  };
}
