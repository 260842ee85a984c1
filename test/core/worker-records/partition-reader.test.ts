/** Who serves a reader: the nearest replica as far as it has what is asked for, else the leader. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { refuse, type Refusal } from "../../../src/base/errors.ts";
import type {
  BrokerDescription,
  TopicMetadata,
} from "../../../src/objects/contracts/controller.ts";
import type { Env } from "../../../src/objects/runtime/env.ts";
import type {
  Fetched,
  FetchRequest,
  ListedOffset,
} from "../../../src/objects/contracts/partition.ts";
import { answerFetch, readTransfer } from "../../../src/objects/contracts/transfer.ts";
import { forget, topicMetadata } from "../../../src/gateway/metadata.ts";
import { PartitionReader } from "../../../src/gateway/partition-reader.ts";
import { serviceOf, type Service } from "../../../src/gateway/service.ts";

const TOPIC: TopicMetadata = {
  topic: "near",
  topicId: "a".repeat(32),
  configs: {},
  partitions: [
    {
      partition: 0,
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: 0,
      replicas: [
        { brokerId: 1, generation: 0 },
        { brokerId: 2, generation: 0 },
      ],
      inSync: [1, 2],
    },
  ],
};

const broker = (brokerId: number, locationHint: string): BrokerDescription => ({
  brokerId,
  rack: "",
  locationHint,
  state: "active",
  brokerEpoch: 0,
});

/** What the replica of each broker answers, and what it was asked. */
let answers: Record<number, Fetched | Refusal | Error>;
let asked: { readonly brokerId: number; readonly request: FetchRequest }[];
let onFetch: (brokerId: number) => void;
let service: Service;

function page(bytes: number): Fetched {
  return {
    ok: true,
    logStartOffset: 0,
    highWatermark: 9,
    lastStableOffset: 9,
    nextOffset: bytes > 0 ? 9 : 0,
    batches: new Uint8Array(bytes),
    partitionEpoch: 0,
  };
}

function stubOf(name: string): unknown {
  const brokerId = Number(name.split("/")[2]);
  return {
    fetch: async (url: string): Promise<Response> => {
      const read = readTransfer(url);
      if (read?.kind !== "fetch") throw new Error("not a fetch");
      asked.push({ brokerId, request: read.request });
      onFetch(brokerId);
      const answer = answers[brokerId]!;
      if (answer instanceof Error) throw answer;
      return answerFetch(answer);
    },
    listOffset: async (): Promise<ListedOffset> => ({
      ok: true,
      offset: brokerId,
      timestampMs: -1,
      leaderEpoch: 0,
    }),
  };
}

beforeEach(() => {
  forget("near");
  asked = [];
  onFetch = () => {};
  answers = { 1: page(100), 2: page(100) };
  service = serviceOf({
    CONTROLLER: {
      getByName: () => ({
        metadata: async () => ({
          ok: true,
          version: 1,
          brokers: [broker(1, "weur"), broker(2, "enam")],
          topics: [TOPIC],
        }),
      }),
    },
    PARTITION: { idFromName: (name: string) => name, get: stubOf },
  } as unknown as Env);
});

async function readerAt(place: string): Promise<PartitionReader> {
  const known = await topicMetadata(service, "near");
  if (!known.ok) throw new Error(known.message);
  return new PartitionReader(service, known, 0, "UNKNOWN_PARTITION", place);
}

const request = (changes: Partial<FetchRequest> = {}): FetchRequest => ({
  offset: 0,
  maxBytes: 1_000,
  minBytes: 1,
  maxWaitMs: 0,
  isolation: "read_uncommitted",
  ...changes,
});
const brokers = (): number[] => asked.map(({ brokerId }) => brokerId);

describe("a page", () => {
  it("comes from the replica that is near, and says so", async () => {
    const reader = await readerAt("enam");
    expect(await reader.fetch(request())).toMatchObject({ ok: true, nextOffset: 9 });
    expect([reader.servedBy, brokers()]).toEqual([2, [2]]);
  });

  it("is asked for once where that was said, whatever the leader answers", async () => {
    answers = { 1: refuse("NOT_LEADER_OR_FOLLOWER") };
    const reader = await readerAt("");
    expect(await reader.stream(request(), true)).toMatchObject({ error: "NOT_LEADER_OR_FOLLOWER" });
    expect(brokers()).toEqual([1]);
  });

  it("comes from the leader where that is nearest, or nothing is known of the reader", async () => {
    for (const place of ["weur", ""]) {
      asked = [];
      const reader = await readerAt(place);
      await reader.fetch(request());
      expect([reader.servedBy, brokers()], place).toEqual([1, [1]]);
    }
  });

  it("comes from the leader, and from then on, where the follower refuses or fails", async () => {
    const refusals = [
      refuse("OFFSET_OUT_OF_RANGE"),
      refuse("NOT_LEADER_OR_FOLLOWER"),
      refuse("REPLICA_NOT_AVAILABLE"),
      Object.assign(new Error("reset"), { durableObjectReset: true }),
    ];
    for (const refusal of refusals) {
      asked = [];
      answers[2] = refusal;
      const reader = await readerAt("enam");
      expect((await reader.fetch(request())).ok).toBe(true);
      expect([reader.servedBy, brokers()]).toEqual([1, [2, 1]]);
      await reader.fetch(request());
      expect(brokers()).toEqual([2, 1, 1]);
    }
  });

  it("that a follower does not have may be there all the same: the leader says", async () => {
    answers[2] = page(0);
    const reader = await readerAt("enam");
    await reader.fetch(request());
    expect([reader.servedBy, brokers()]).toEqual([1, [2, 1]]);
    // The next page may come from near again.
    answers[2] = page(100);
    await reader.fetch(request());
    expect(reader.servedBy).toBe(2);
  });

  it("is waited for where it is near, and what is left of the wait at the leader", async () => {
    vi.useFakeTimers();
    let waitedMs = 700;
    answers[2] = page(0);
    const reader = await readerAt("enam");
    onFetch = (brokerId) => {
      if (brokerId === 2) vi.advanceTimersByTime(waitedMs);
    };
    const waits = () => asked.map(({ brokerId, request: { maxWaitMs } }) => [brokerId, maxWaitMs]);
    await reader.fetch(request({ maxWaitMs: 700 }));
    expect([waits(), reader.servedBy]).toEqual([[[2, 700]], 2]);
    asked = [];
    waitedMs = 200;
    await reader.fetch(request({ maxWaitMs: 700 }));
    expect([waits(), reader.servedBy]).toEqual([
      [
        [2, 700],
        [1, 500],
      ],
      1,
    ]);
    vi.useRealTimers();
  });
});

it("the ends of the log are the leader's", async () => {
  const reader = await readerAt("enam");
  expect(await reader.offsetOf("latest")).toBe(1);
  expect(await reader.offsetOf(7)).toBe(7);
});
