/** Known failures that concern the in-sync set, with messages ordered by hand. */
import { expect, test } from "vitest";
import { Stage } from "./stage.ts";

test("KAFKA-7128: nobody joins at a high watermark that lags", async () => {
  const stage = await Stage.open({ settings: { "replica.lag.time.max.ms": "5000" } });
  await stage.append(1, "one");
  await stage.append(1, "two");
  const heal = [stage.cut(1, 3), stage.cut(2, 3)];
  const waiting = stage.send(1, "three");
  await stage.wait(() => !stage.partition.inSync.includes(3) && waiting.answer !== undefined);
  expect(waiting.answer).toMatchObject({ ok: true });
  // The leader wakes up with a high watermark from before "three", and nobody to learn a newer one from.
  const reach = stage.cut(1, 2);
  stage.cell(1).reset("lost");
  const unanswered = stage.rule(({ leg, method, toPlace }) =>
    leg === "reply" && method === "pull" && toPlace === 3 ? "drop" : undefined,
  );
  for (const undo of heal) undo();
  await stage.until(stage.call(stage.cell(1), "probe"));
  await stage.sleep(4_000);
  expect(stage.partition.inSync).toEqual([1, 2]);
  await stage.sleep(20_000);
  expect(stage.partition.inSync).not.toContain(3);
  unanswered();
  reach();
  await stage.wait(() => stage.partition.inSync.includes(3));
  await stage.control("changeBroker", 2, "fence");
  await stage.control("changeBroker", 1, "fence");
  await stage.wait(() => stage.partition.leader === 3);
  expect(stage.values(3)).toEqual(["one", "two", "three"]);
});

test("KAFKA-14139 / KIP-903: a replica that lost its storage does not count before it has everything", async () => {
  const stage = await Stage.open({ replicationFactor: 2 });
  await stage.append(1, "one");
  stage.mirror(2).isLost = true;
  stage.mirror(2).verifiedTo = 0;
  stage.cell(2).wipe();
  // The controller believes it to be the only replica that is in sync.
  await stage.control("changeBroker", 1, "fence");
  await stage.sleep(10_000);
  expect(await stage.append(2, "over nothing")).toMatchObject({ ok: false });
  expect(stage.mirror(2).rows).toEqual([]);
  // An operator elects the replica that has most.
  stage.watch.decisions.allowsUnclean = true;
  await stage.control("changeBroker", 1, "unfence");
  await stage.control("electLeader", "orders", 0, "unclean");
  await stage.wait(() => stage.partition.leader === 1);
  await stage.converged();
  expect(stage.values(2)).toEqual(["one"]);
});

test("Redpanda #5090: a new leader shows nothing older than was shown", async () => {
  const stage = await Stage.open();
  for (const value of ["one", "two", "three"]) await stage.append(1, value);
  expect(await stage.fetch(1, 0)).toEqual(["one", "two", "three"]);
  // Broker 2 leads, knows a lower high watermark, and does not hear from broker 3.
  const heal = stage.cut(2, 3);
  await stage.control("changeBroker", 1, "fence");
  await stage.wait(() => stage.partition.leader === 2);
  const asked = { at: "latest" };
  const early = await stage.until(stage.call(stage.cell(2), "listOffset", asked));
  expect(early).toMatchObject({ ok: false, error: "OFFSET_NOT_AVAILABLE" });
  heal();
  await stage.sleep(10_000);
  const late = await stage.until(stage.call(stage.cell(2), "listOffset", asked));
  expect(late).toMatchObject({ ok: true, offset: 3 });
});
