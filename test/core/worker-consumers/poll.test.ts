/**
 * A poll between a scripted group and scripted partitions: nothing is answered that the group has not
 * noted, what the group may have noted without the reader getting it is taken back, and a partition that
 * does not answer holds nobody up.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { refuse, type Refusal } from "../../../src/base/errors.ts";
import type { TopicMetadata } from "../../../src/objects/contracts/controller.ts";
import type { Env } from "../../../src/objects/runtime/env.ts";
import type { Fetched } from "../../../src/objects/contracts/partition.ts";
import { answerFetch, readTransfer } from "../../../src/objects/contracts/transfer.ts";
import { encodeBatch } from "../../../src/records/index.ts";
import { Poll, type PollQuery } from "../../../src/worker/consumers/poll.ts";
import { forgetAll } from "../../../src/gateway/metadata.ts";
import { serviceOf, type Service } from "../../../src/gateway/service.ts";
import type {
  DeliverRequest,
  InstanceSpec,
  PollPlan,
  PollRequest,
  ResolveRequest,
} from "../../../src/objects/contracts/instances.ts";
import type { HeartbeatRequest } from "../../../src/objects/contracts/members.ts";

type Answer = { readonly ok: true } | Refusal | Error;

const TOPIC_ID = "b".repeat(32);
const SPEC: InstanceSpec = {
  name: "i",
  format: "json",
  offsetReset: "earliest",
  autoCommit: false,
  autoCommitIntervalMs: 0,
  fetchMinBytes: 1,
  requestTimeoutMs: 200,
  sessionTimeoutMs: 60,
  maxPollIntervalMs: 60_000,
  maxPollRecords: 10,
  assignors: ["range"],
  isolation: "read_uncommitted",
  clientId: "",
  clientHost: "",
};

let polls: PollRequest[];
let delivers: DeliverRequest[];
let heartbeats: HeartbeatRequest[];
let resolves: ResolveRequest[];
/** What the group answers, one after the other; the last for good. */
let deliverScript: Answer[];
let heartbeatScript: Answer[];
let generations: number[];
let positions: (number | null)[];
/** How each partition answers a fetch; null: never. */
let fetches: ((waitMs: number) => Promise<Fetched | Refusal>)[];
let service: Service;

const next = <T>(script: T[]): T => (script.length > 1 ? script.shift()! : script[0]!);

function answered(answer: Answer): { readonly ok: true } | Refusal {
  if (answer instanceof Error) throw answer;
  return answer;
}

const group = {
  poll: async (request: PollRequest): Promise<PollPlan> => {
    polls.push(request);
    return {
      ok: true,
      spec: SPEC,
      generationId: next(generations),
      pollId: `poll-${polls.length}`,
      isAssigned: true,
      partitions: positions.map((position, partition) => ({
        topic: "t",
        partition,
        topicId: TOPIC_ID,
        position,
        reset: "earliest",
      })),
    };
  },
  deliver: async (request: DeliverRequest) => {
    delivers.push(request);
    return answered(next(deliverScript));
  },
  heartbeat: async (request: HeartbeatRequest) => {
    heartbeats.push(request);
    return answered(next(heartbeatScript));
  },
  resolve: async (request: ResolveRequest) => {
    resolves.push(request);
    return { ok: true };
  },
};

function page(count: number, offset = 0): Fetched {
  const ends = { logStartOffset: 0, highWatermark: 9, lastStableOffset: 9 };
  const value = new TextEncoder().encode("1");
  const records = Array.from({ length: count }, () => ({
    timestamp: 1,
    key: null,
    value,
    headers: [],
  }));
  const batches = count === 0 ? new Uint8Array(0) : encodeBatch(records, { baseOffset: offset });
  return { ok: true, ...ends, batches, nextOffset: offset + count, partitionEpoch: 0 };
}

/** Ends without a record, until something has happened: then there is one. */
const waitsFor =
  (hasHappened: () => boolean) =>
  (waitMs: number): Promise<Fetched> =>
    hasHappened() ? Promise.resolve(page(1)) : waits(waitMs);

const gives = (answer: Fetched | Refusal) => async () => answer;
const waits = (waitMs: number): Promise<Fetched> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(page(0)), waitMs);
  });

function topicMetadata(): TopicMetadata {
  return {
    topic: "t",
    topicId: TOPIC_ID,
    configs: {},
    partitions: positions.map((_, partition) => ({
      partition,
      leader: 1,
      leaderEpoch: 0,
      partitionEpoch: 0,
      replicas: [{ brokerId: 1, generation: 0 }],
      inSync: [1],
    })),
  };
}

beforeEach(() => {
  forgetAll();
  [polls, delivers, heartbeats, resolves] = [[], [], [], []];
  deliverScript = [{ ok: true }];
  heartbeatScript = [{ ok: true }];
  generations = [1];
  positions = [0];
  fetches = [gives(page(2))];
  service = serviceOf({
    CONTROLLER: {
      getByName: () => ({
        metadata: async () => ({ ok: true, version: 1, brokers: [], topics: [topicMetadata()] }),
      }),
    },
    COORDINATOR: { getByName: () => group },
    PARTITION: {
      idFromName: (name: string) => name,
      get: (name: string) => ({
        fetch: async (url: string): Promise<Response> => {
          const read = readTransfer(url);
          if (read?.kind !== "fetch") throw new Error("not a fetch");
          const partition = Number(name.split("/")[1]);
          return answerFetch(await fetches[partition]!(read.request.maxWaitMs));
        },
        listOffset: async () => ({ ok: true, offset: 5, timestampMs: -1, leaderEpoch: 0 }),
      }),
    },
  } as unknown as Env);
});

function poll(query: Partial<PollQuery> = {}) {
  const named = { ok: true, service, group: "g", instanceId: "i" } as const;
  return new Poll(named, { timeoutMs: 0, maxBytes: 10_000, ...query }, () => "").run();
}

/** `partition/offset` of what a poll has answered. */
async function recordsOf(polled: Awaited<ReturnType<typeof poll>>): Promise<string[]> {
  if (!polled.ok) throw new Error(polled.message);
  const records = JSON.parse(new TextDecoder().decode(polled.body)) as {
    partition: number;
    offset: number;
  }[];
  return records.map(({ partition, offset }) => `${partition}/${offset}`);
}

describe("what is answered", () => {
  it("was recorded by the group before", async () => {
    const polled = await poll({ received: "before" });
    expect(await recordsOf(polled)).toEqual(["0/0", "0/1"]);
    expect(polled).toMatchObject({ pollId: "poll-1", generationId: 1 });
    expect(polls).toMatchObject([{ received: "before", waitMs: 0 }]);
    const moved = [{ topic: "t", partition: 0, nextOffset: 2 }];
    expect(delivers).toMatchObject([{ pollId: "poll-1", generationId: 1, positions: moved }]);
  });

  it("is empty, without a call of the group, where there are no records", async () => {
    fetches = [gives(page(0))];
    expect(await recordsOf(await poll())).toEqual([]);
    expect(delivers).toEqual([]);
  });

  it("is read anew where the partition has moved on, as long as there is time", async () => {
    deliverScript = [refuse("ILLEGAL_GENERATION"), { ok: true }];
    expect(await recordsOf(await poll({ timeoutMs: 5_000 }))).toEqual(["0/0", "0/1"]);
    expect(delivers.map(({ pollId }) => pollId)).toEqual(["poll-1", "poll-2"]);
    deliverScript = [refuse("ILLEGAL_GENERATION")];
    expect(await recordsOf(await poll())).toEqual([]);
  });

  it("is a refusal where a later poll has begun, or the instance is gone", async () => {
    for (const error of ["ILLEGAL_STATE", "UNKNOWN_MEMBER_ID"] as const) {
      deliverScript = [refuse(error)];
      expect(await poll({ timeoutMs: 1_000 })).toMatchObject({ ok: false, error });
    }
  });

  it("is taken back where it is not known whether the group has noted it", async () => {
    deliverScript = [new Error("lost"), { ok: true }];
    expect(await recordsOf(await poll())).toEqual([]);
    // The plain client's next poll would have said that it has had the records.
    expect(polls.map(({ received }) => received)).toEqual([undefined, ""]);
    expect(delivers.length).toBe(1);
    deliverScript = [new Error("lost"), { ok: true }];
    expect(await recordsOf(await poll({ timeoutMs: 30_000 }))).toEqual(["0/0", "0/1"]);
  });

  it("moves over what is not for readers", async () => {
    const marker = encodeBatch(
      [{ timestamp: 1, key: new Uint8Array(4), value: null, headers: [] }],
      { isControl: true, isTransactional: true, producerId: 1, producerEpoch: 0 },
    );
    fetches = [gives({ ...page(1), batches: marker })];
    expect(await recordsOf(await poll())).toEqual([]);
    expect(delivers).toMatchObject([{ positions: [{ nextOffset: 1 }] }]);
  });
});

describe("while it waits", () => {
  it("the instance is alive, and a rebalance is joined by another plan", async () => {
    fetches = [waitsFor(() => heartbeats.length === 4)];
    heartbeatScript = [{ ok: true }, refuse("REBALANCE_IN_PROGRESS"), { ok: true }];
    expect(await recordsOf(await poll({ timeoutMs: 30_000 }))).toEqual(["0/0"]);
    expect(heartbeats[0]).toEqual({ memberId: "i", groupInstanceId: null, generationId: 1 });
    expect(polls.length).toBe(2);
  });

  it("a generation that is new is polled for once more: what it takes away is given up", async () => {
    fetches = [waitsFor(() => heartbeats.length === 2)];
    generations = [1, 2, 2];
    heartbeatScript = [refuse("ILLEGAL_GENERATION"), { ok: true }];
    await poll({ timeoutMs: 30_000 });
    expect(polls.length).toBe(3);
  });

  it("an instance that is no member is heard all the same", async () => {
    fetches = [waitsFor(() => heartbeats.length === 2)];
    generations = [-1];
    heartbeatScript = [refuse("UNKNOWN_MEMBER_ID")];
    expect(await recordsOf(await poll({ timeoutMs: 30_000 }))).toEqual(["0/0"]);
    expect(polls.length).toBe(1);
  });

  it("partitions that refuse at once are not asked without end", async () => {
    let asked = 0;
    fetches = [
      async () => {
        asked += 1;
        return refuse("UNKNOWN_SERVER_ERROR");
      },
    ];
    expect(await recordsOf(await poll({ timeoutMs: 200 }))).toEqual([]);
    // One for each wait of a third of the session, and the first.
    expect(asked).toBeLessThanOrEqual(12);
  });

  it("waits as long as the instance has it where the poll does not say", async () => {
    const asked: number[] = [];
    fetches = [
      (waitMs) => {
        asked.push(waitMs);
        return waits(waitMs);
      },
    ];
    expect(await recordsOf(await poll({ timeoutMs: null }))).toEqual([]);
    expect(asked.shift()).toBe(0);
    expect(asked.length).toBeGreaterThan(0);
    expect(Math.max(...asked)).toBeLessThanOrEqual(SPEC.requestTimeoutMs);
  });
});

describe("partitions", () => {
  it("that never answer delay no others", async () => {
    positions = [0, 0, 0];
    fetches = [() => new Promise(() => {}), gives(page(1)), gives(refuse("REQUEST_TIMED_OUT"))];
    expect(await recordsOf(await poll({ timeoutMs: 10_000 }))).toEqual(["1/0"]);
  });

  it("without a position begin where their reset says, and the group keeps it", async () => {
    positions = [null];
    fetches = [gives(page(1, 5))];
    expect(await recordsOf(await poll())).toEqual(["0/5"]);
    const offsets = [{ topic: "t", partition: 0, topicId: TOPIC_ID, offset: 5 }];
    expect(resolves).toEqual([{ instanceId: "i", generationId: 1, offsets }]);
  });

  it("whose position is out of range begin anew within the same poll", async () => {
    const script = [refuse("OFFSET_BELOW_LOG_START"), page(1, 5)];
    fetches = [async () => next(script)];
    expect(await recordsOf(await poll())).toEqual(["0/5"]);
    expect(resolves).toMatchObject([{ offsets: [{ offset: 5 }] }]);
  });

  it("are all read, so many at a time, until there is enough", async () => {
    positions = Array.from({ length: 120 }, () => 0);
    let asked = 0;
    fetches = positions.map((_, partition) => async () => {
      asked += 1;
      return page(partition === 70 ? 1 : 0);
    });
    expect(await recordsOf(await poll())).toEqual(["70/0"]);
    // The third fifty are not asked: the second had something.
    expect(asked).toBeLessThan(120);
  });
});
