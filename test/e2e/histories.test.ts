/**
 * Proves, by a short round of what `npm run histories` does for hours, that nothing is lost, doubled, reordered or
 * late, whichever way it was produced and read: every kind of fault once, under every kind of client.
 */
import { expect, test } from "vitest";
import { runRound } from "./histories/round.ts";

const SEED = Number(process.env["ODRADEK_SEED"] ?? 20_261_128);

test(`a round of every fault (seed ${SEED})`, async () => {
  const faults = ["cut", "move", "fence", "stop", "grow", "kill"] as const;
  const { anomalies, timeline, totals } = await runRound(SEED, { faults });
  expect(anomalies, timeline.join("\n")).toEqual([]);
  const counted = (name: string): number => totals.get(name) ?? 0;
  for (const fault of faults) expect(counted(`faults: ${fault}`)).toBe(1);
  // Nobody passes without having done something.
  for (const kind of ["http", "kafkajs", "platformatic", "wire"]) {
    for (const how of ["idempotent", "plain"]) {
      expect(counted(`records: ${kind} ${how}`), `${kind}, ${how}`).toBeGreaterThan(0);
    }
  }
  for (const kind of ["events", "tails", "wire", "instances", "kafkajs"]) {
    expect(counted(`read: ${kind}`), kind).toBeGreaterThan(0);
  }
  expect(counted("ends: HTTP")).toBeGreaterThan(0);
  expect(counted("ends: wire")).toBeGreaterThan(0);
  expect(counted("records compared")).toBeGreaterThan(0);
});
