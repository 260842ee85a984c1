/** What the tests of the groups' routes share: their paths, and a group that has committed offsets. */
import { expect } from "vitest";
import { newGroup, newInstance, settle } from "./consumers-support.ts";
import { call, CLUSTER, errorOf } from "./records-support.ts";

export const GROUPS = `${CLUSTER}/consumer-groups`;
export const of = (group: string, path = ""): string =>
  `${GROUPS}/${encodeURIComponent(group)}${path}`;

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers by their fields
export async function get(path: string): Promise<any> {
  const response = await call(path);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text);
}

export const refused = async (response: Promise<Response>) => {
  const error = await errorOf(await response);
  return [error.status, error.code];
};
export const remove = (path: string) => call(path, { method: "DELETE" });

/** A group that has committed these offsets from partition 0 on, and whose instance still exists. */
export async function committedGroup(topic: string, ...next: number[]) {
  const group = newGroup();
  const instance = await (await newInstance(group)).subscribe(topic);
  await settle([instance], next.length);
  const offsets = next.flatMap((offset, partition) =>
    offset > 0 ? [{ topic, partition, offset: offset - 1 }] : [],
  );
  await instance.done(instance.post("/offsets", { offsets }));
  return { group, instance };
}

export const lagsOf = async (group: string) => {
  const { data } = await get(of(group, "/lags"));
  return (data as Record<string, unknown>[]).map((lag) => [
    lag.topic_name,
    lag.partition_id,
    lag.current_offset,
    lag.log_end_offset,
    lag.lag,
  ]);
};
