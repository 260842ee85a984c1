/** Features of groups: members that share, positions that stay. */
import { expect } from "vitest";
import { eventually } from "../../e2e/support/client.ts";
import { lagsOverHttp, newTopic, produceOverHttp } from "../support/http.ts";
import type { Driver } from "../support/driver.ts";
import { joining, numbered, text, type Run } from "./run.ts";

const PARTITIONS = 4;

function owns(driver: Driver): number {
  return driver.assigned?.length ?? 0;
}

/** One member, then two, then one again: every partition has one owner, and every record is read. */
export async function group({ driver, http, name, another }: Run): Promise<void> {
  await newTopic(http, name, PARTITIONS);
  await driver.ask("subscribe", joining(name));
  await driver.until("the first owns all", () => owns(driver) === PARTITIONS);
  const second = await another();
  await second.ask("subscribe", joining(name));
  await second.until("they share", () => owns(driver) === 2 && owns(second) === 2);
  expect([...driver.assigned!, ...second.assigned!].toSorted()).toEqual(
    Array.from({ length: PARTITIONS }, (_, partition) => `${name}/${partition}`),
  );
  for (let partition = 0; partition < PARTITIONS; partition++) {
    await produceOverHttp(http, name, numbered(10, partition * 10), partition);
  }
  await second.until("all is read", () => {
    const read = [...driver.records, ...second.records].filter(({ topic }) => topic === name);
    return new Set(read.map(({ value }) => text(value))).size === PARTITIONS * 10;
  });
  await second.ask("unsubscribe", {});
  await driver.until("the first owns all again", () => owns(driver) === PARTITIONS);
  await driver.ask("unsubscribe", {});
}

/** What was committed is where the next one begins, to the record; and so it is told over HTTP. */
export async function commit({ driver, http, name, another }: Run): Promise<void> {
  await newTopic(http, name);
  await produceOverHttp(http, name, numbered(25));
  await driver.ask("subscribe", joining(name));
  const mine = (of: Driver) => of.records.filter(({ topic }) => topic === name);
  await driver.until("25 are read", () => mine(driver).length === 25);
  await driver.ask("commit", {});
  expect(await lagsOverHttp(http, name)).toEqual({ 0: 0 });
  await driver.ask("unsubscribe", {});
  await produceOverHttp(http, name, numbered(5, 25));
  expect(await lagsOverHttp(http, name)).toEqual({ 0: 5 });
  const next = await another();
  await next.ask("subscribe", joining(name));
  await next.until("5 are read", () => mine(next).length >= 5);
  expect(mine(next).map(({ offset, value }) => [offset, text(value)])).toEqual(
    [25, 26, 27, 28, 29].map((offset) => [offset, String(offset)]),
  );
  await next.ask("unsubscribe", {});
}

/** Groups listed, described with their members, their offsets and lag read, and deleted when empty. */
export async function groupAdmin({ driver, http, name, another }: Run): Promise<void> {
  await newTopic(http, name, 2);
  await produceOverHttp(http, name, numbered(10), 0);
  const member = await another();
  await member.ask("subscribe", joining(name));
  await member.until("10 are read", () => member.records.length === 10);
  await member.ask("commit", {});
  await produceOverHttp(http, name, numbered(3), 0);
  expect((await driver.ask("listGroups", {})).groups).toContain(name);
  const described = await driver.ask("describeGroup", { group: name });
  expect(described).toMatchObject({ state: "Stable", members: 1 });
  const { offsets } = await driver.ask("groupOffsets", { group: name, topic: name, partitions: 2 });
  expect(offsets["0"]).toBe(10);
  const { high } = await driver.ask("watermarks", { topic: name, partition: 0 });
  expect(high - offsets["0"]!).toBe((await lagsOverHttp(http, name))[0]);
  await member.ask("unsubscribe", {});
  await eventually("the group is empty", async () => {
    const { state } = await driver.ask("describeGroup", { group: name });
    return state === "Empty" ? true : undefined;
  });
  await driver.ask("deleteGroup", { group: name });
  expect((await driver.ask("listGroups", {})).groups).not.toContain(name);
}
