/** Known failures that concern what a producer is answered, with messages ordered by hand. */
import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("KAFKA-13574: NOT_LEADER_OR_FOLLOWER for a send that succeeds says that it may have", async () => {
  const stage = await Stage.open();
  // Both followers write it; their answers do not arrive before another replica leads.
  const held: (() => void)[] = [];
  stage.rule(({ leg, method, toPlace }) =>
    leg === "reply" && method === "replicate" && toPlace === 1
      ? { hold: (go) => held.push(go) }
      : undefined,
  );
  const sent = stage.send(1, "one");
  await stage.wait(() => held.length === 2);
  await stage.control("changeBroker", 1, "fence");
  await stage.wait(() => sent.answer !== undefined);
  expect(sent.answer).toMatchObject({
    ok: false,
    error: "NOT_LEADER_OR_FOLLOWER",
    written: true,
  });
  await stage.wait(() => stage.watch.truth(stage.log).committedEnd === 1);
  expect(stage.values(stage.partition.leader)).toEqual(["one"]);
});

test("Redpanda #5356: a retry is not answered with an offset that was truncated", async () => {
  const stage = await Stage.open();
  await stage.append(1, "one");
  const heal = [stage.cut(1, 2), stage.cut(1, 3)];
  const producer = { producerId: 7, producerEpoch: 0, baseSequence: 0 };
  expect(await stage.append(1, "again", 1, producer)).toMatchObject({ ok: true, baseOffset: 1 });
  await stage.control("changeBroker", 1, "fence");
  for (const undo of heal) undo();
  await stage.wait(() => stage.partition.leader === 2);
  await stage.append(2, "other");
  await stage.control("changeBroker", 1, "unfence");
  await stage.converged();
  await stage.control("electLeader", "orders", 0, "preferred");
  expect(stage.partition.leader).toBe(1);
  expect(await stage.append(1, "again", -1, producer)).toMatchObject({
    ok: true,
    duplicate: false,
    baseOffset: 2,
  });
  expect(await stage.append(1, "again", -1, producer)).toMatchObject({
    ok: true,
    duplicate: true,
    baseOffset: 2,
  });
  expect(stage.values(1)).toEqual(["one", "other", "again"]);
});

test("Redpanda #9571: what was refused is not applied later", async () => {
  const stage = await Stage.open({ configs: { "min.insync.replicas": "2" } });
  await stage.append(1, "one");
  await stage.control("changeBroker", 2, "fence");
  await stage.control("changeBroker", 3, "fence");
  expect(await stage.append(1, "refused")).toMatchObject({
    ok: false,
    error: "NOT_ENOUGH_REPLICAS",
  });
  await stage.control("changeBroker", 2, "unfence");
  await stage.control("changeBroker", 3, "unfence");
  await stage.converged();
  await stage.append(1, "two");
  await stage.converged();
  for (const broker of [1, 2, 3]) expect(stage.values(broker)).toEqual(["one", "two"]);
});

test("NATS #7564: nothing is acknowledged before it is durable", async () => {
  const stage = await Stage.open();
  await stage.append(1, "one");
  for (const acks of [1, -1] as const) {
    stage.world.weather.isCalm = false;
    stage.world.weather.slowDisks.add(1);
    const sent = stage.send(1, `lost ${acks}`, acks);
    await stage.wait(() => stage.cell(1).disk.isDirty);
    expect(sent.answer).toBeUndefined();
    stage.cell(1).reset("lost");
    await stage.wait(() => sent.answer !== undefined);
    expect(sent.answer).toBeNull();
    stage.world.weather.clear();
    stage.world.weather.isCalm = true;
  }
  await stage.append(1, "two");
  await stage.converged();
  for (const broker of [1, 2, 3]) expect(stage.values(broker)).toEqual(["one", "two"]);
});
