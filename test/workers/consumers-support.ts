/** What the tests of consumer instances and groups share: requests of an instance, and what polls give. */
import { expect } from "vitest";
import { groupObjectName } from "../../src/base/ids.ts";
import type { CoordinatorApi } from "../../src/objects/contracts/group.ts";
import { env as bindings } from "cloudflare:workers";
import type { Env } from "../../src/objects/runtime/env.ts";
import { call, newTopic, ORIGIN, post, type ReadRecord } from "./records-support.ts";

const { COORDINATOR } = bindings as unknown as Env;

/** The group's object, past the HTTP routes. */
export function coordinator(group: string): CoordinatorApi {
  return COORDINATOR.getByName(groupObjectName(group)) as unknown as CoordinatorApi;
}

let groups = 0;

/** A group's id that no other test uses. */
export function newGroup(): string {
  groups += 1;
  return `group-${groups}`;
}

type Body = Readonly<Record<string, unknown>>;

/** What one poll has answered. */
export interface PollAnswer {
  readonly records: readonly ReadRecord[];
  readonly pollId: string;
  readonly generation: string | null;
  readonly type: string;
}

/** One instance, by its `base_uri`. */
export class Instance {
  readonly base: string;
  readonly id: string;

  constructor(base: string, id: string) {
    this.base = base;
    this.id = id;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return call(this.base + path, { headers });
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return post(this.base + path, body, headers);
  }

  delete(path = ""): Promise<Response> {
    return call(this.base + path, { method: "DELETE" });
  }

  async done(response: Promise<Response>): Promise<void> {
    const { status } = await response;
    expect(status, await (await response).clone().text()).toBe(204);
  }

  async subscribe(...topics: string[]): Promise<this> {
    await this.done(this.post("/subscription", { topics }));
    return this;
  }

  async assign(...partitions: (readonly [topic: string, partition: number])[]): Promise<this> {
    const list = partitions.map(([topic, partition]) => ({ topic, partition }));
    await this.done(this.post("/assignments", { partitions: list }));
    return this;
  }

  /** A poll that waits for at most `timeout` milliseconds. */
  async poll(timeout = 0, query = "", headers: Record<string, string> = {}): Promise<PollAnswer> {
    const response = await this.get(`/records?timeout=${timeout}${query}`, headers);
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return {
      records: JSON.parse(text) as ReadRecord[],
      pollId: response.headers.get("x-poll-id")!,
      generation: response.headers.get("x-generation"),
      type: response.headers.get("content-type")!,
    };
  }

  /** Polls until so many records have come, and gives them. */
  async read(count: number): Promise<ReadRecord[]> {
    const records: ReadRecord[] = [];
    for (let polls = 0; records.length < count && polls < 100; polls++) {
      records.push(...(await this.poll(2_000)).records);
    }
    expect(records.length).toBe(count);
    return records;
  }

  /** `topic/partition` of what it reads, in order. */
  async assignment(): Promise<string[]> {
    const response = await this.get("/assignments");
    const { partitions } = await response.json<{
      partitions: { topic: string; partition: number }[];
    }>();
    return partitions.map(({ topic, partition }) => `${topic}/${partition}`).toSorted();
  }

  /** What is committed of a partition; null where nothing is. */
  async committed(topic: string, partition = 0): Promise<number | null> {
    const response = await this.get(`/offsets?topic=${topic}&partition=${partition}`);
    const { offsets } = await response.json<{ offsets: { offset: number }[] }>();
    return offsets[0]?.offset ?? null;
  }

  async close(): Promise<void> {
    await this.done(this.delete());
  }
}

/** Makes an instance. It reads JSON from the beginning and commits nothing by itself, unless told otherwise. */
export async function newInstance(group: string, settings: Body = {}): Promise<Instance> {
  const response = await post(`/consumers/${encodeURIComponent(group)}`, {
    format: "json",
    "auto.offset.reset": "earliest",
    "auto.commit.enable": "false",
    ...settings,
  });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const { instance_id, base_uri } = JSON.parse(text) as { instance_id: string; base_uri: string };
  expect(base_uri.startsWith(`${ORIGIN}/consumers/`)).toBe(true);
  return new Instance(base_uri.slice(ORIGIN.length), instance_id);
}

/** Produces these values to a partition. */
export async function produce(
  topic: string,
  values: readonly unknown[],
  partition = 0,
): Promise<void> {
  const records = values.map((value) => ({ value, partition }));
  const response = await post(`/topics/${topic}`, { records });
  if (response.status !== 200) throw new Error(await response.text());
}

/** A topic with these values in each of its partitions. */
export async function topicOf(values: readonly unknown[], partitions = 1): Promise<string> {
  const topic = await newTopic(partitions);
  for (let p = 0; p < partitions; p++) await produce(topic, values, p);
  return topic;
}

export const valuesOf = (records: readonly ReadRecord[]): unknown[] =>
  records.map(({ value }) => value);

/** Polls all of them until every one has its part and the group is at rest. */
export async function settle(instances: readonly Instance[], partitions: number): Promise<void> {
  for (let round = 0; round < 50; round++) {
    await Promise.all(instances.map((instance) => instance.poll(200)));
    const assigned = await Promise.all(instances.map((instance) => instance.assignment()));
    const all = assigned.flat();
    const most = Math.max(...assigned.map(({ length }) => length));
    const least = Math.min(...assigned.map(({ length }) => length));
    if (all.length === partitions && new Set(all).size === partitions && most - least <= 1) return;
  }
  throw new Error("the group does not come to rest");
}
