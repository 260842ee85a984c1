/** Known failures of Kafka's replication protocol that concern truncation, with messages ordered by hand. */
import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

/** Broker 1 leads, "one" is everywhere, "lost" only on broker 1, which is then fenced; broker 2 leads. */
async function diverged(configs: Record<string, string> = {}): Promise<Stage> {
  const stage = await Stage.open({ configs });
  await stage.append(1, "one");
  const heal = [stage.cut(1, 2), stage.cut(1, 3)];
  expect(await stage.append(1, "lost", 1)).toMatchObject({ ok: true, baseOffset: 1 });
  await stage.control("changeBroker", 1, "fence");
  for (const undo of heal) undo();
  await stage.wait(() => stage.partition.leader === 2);
  return stage;
}

test("KIP-101: truncating at the high watermark loses data", async () => {
  const stage = await Stage.open({ replicationFactor: 2 });
  await stage.append(1, "one");
  await stage.append(1, "two");
  // Broker 2 has "two" and does not know yet that it is committed; it restarts, and leads.
  stage.cell(2).reset("lost");
  stage.cell(1).reset("lost");
  await stage.control("changeBroker", 1, "fence");
  await stage.wait(() => stage.partition.leader === 2);
  await stage.append(2, "three");
  await stage.control("changeBroker", 1, "unfence");
  await stage.converged();
  expect(stage.values(1)).toEqual(["one", "two", "three"]);
  expect(stage.values(2)).toEqual(["one", "two", "three"]);
});

test("KIP-101: other records at the same offset are found by their epoch", async () => {
  const stage = await diverged();
  await stage.append(2, "kept");
  await stage.control("changeBroker", 1, "unfence");
  await stage.converged();
  for (const broker of [1, 2, 3]) expect(stage.values(broker)).toEqual(["one", "kept"]);
});

test("KIP-279: two failovers leave an epoch that the leader has never had", async () => {
  const stage = await diverged();
  // Broker 2 writes in its epoch what nobody else gets, and is gone as well.
  const heal = stage.cut(2, 3);
  await stage.append(2, "lost too", 1);
  await stage.control("changeBroker", 2, "fence");
  heal();
  await stage.wait(() => stage.partition.leader === 3);
  await stage.append(3, "kept");
  await stage.control("changeBroker", 1, "unfence");
  await stage.control("changeBroker", 2, "unfence");
  await stage.converged();
  for (const broker of [1, 2, 3]) expect(stage.values(broker)).toEqual(["one", "kept"]);
});

test("KIP-320: a stale leader makes nobody truncate", async () => {
  const stage = await Stage.open();
  await stage.append(1, "one");
  // Broker 1 still leads, since the controller cannot reach it; what it sends is late.
  const held: (() => void)[] = [];
  const letGo = stage.rule(({ fromPlace, method }) =>
    fromPlace === 1 && method === "replicate" ? { hold: (go) => held.push(go) } : undefined,
  );
  const heal = stage.cut(0, 1);
  const stale = stage.send(1, "stale");
  await stage.wait(() => held.length === 2);
  await stage.control("changeBroker", 1, "fence");
  await stage.wait(() => stage.partition.leader === 2);
  expect(await stage.append(2, "kept")).toMatchObject({ ok: true, baseOffset: 1 });
  letGo();
  for (const go of held) go();
  await stage.wait(() => stale.answer !== undefined);
  expect(stale.answer).toMatchObject({ ok: false, written: true });
  expect(stage.values(3)).toEqual(["one", "kept"]);
  heal();
  await stage.control("changeBroker", 1, "unfence");
  await stage.converged();
  expect(stage.values(1)).toEqual(["one", "kept"]);
});

test("KAFKA-14704: a follower truncates before it takes over the high watermark", async () => {
  const stage = await diverged();
  await stage.append(2, "kept");
  await stage.append(2, "also kept");
  // A leader that has woken up asks whether broker 1's log ends where its own does. It does not; broker 1 learns the high
  // watermark with that request, and its pull of what it lacks is not answered.
  stage.cell(2).reset("lost");
  const answers: (() => void)[] = [];
  const letGo = stage.rule(({ leg, toPlace, method }) =>
    leg === "reply" && toPlace === 1 && method === "pull"
      ? { hold: (go) => answers.push(go) }
      : undefined,
  );
  await stage.control("changeBroker", 1, "unfence");
  await stage.wait(() => answers.length > 0);
  expect(await stage.fetch(1, 0)).toEqual(["one"]);
  letGo();
  for (const go of answers) go();
  await stage.converged();
  expect(stage.values(1)).toEqual(["one", "kept", "also kept"]);
});
