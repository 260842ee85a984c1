/** Proves that the memory of fetch sessions is bounded, in one connection and in all of them together. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { NO_TOPIC_ID } from "../../../src/base/ids.ts";
import { FetchSessions, type PlannedFetch } from "../../../src/kafka/fetch-sessions.ts";
import { countedSamples } from "../../../src/gateway/metrics.ts";
import type { Request } from "../../../src/kafka/messages/index.ts";

/** The same numbers as in the source. */
const SESSION_PARTITIONS_MAX = 10_000;
const PARTITIONS_MAX = 50_000;
const SESSIONS_MAX = 8;
const UNUSED_MS = 120_000;

const SESSIONS = PARTITIONS_MAX / SESSION_PARTITIONS_MAX;

function request(partitions: number, sessionId = 0, sessionEpoch = 0, first = 0): Request<1> {
  const asked = Array.from({ length: partitions }, (_, i) => ({
    partition: first + i,
    fetchOffset: 0,
    partitionMaxBytes: 1,
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    logStartOffset: -1,
    replicaDirectoryId: NO_TOPIC_ID,
    highWatermark: -1,
  }));
  return {
    sessionId,
    sessionEpoch,
    topics: [{ topic: "t", topicId: NO_TOPIC_ID, partitions: asked }],
    forgottenTopicsData: [],
  } as unknown as Request<1>;
}

function begin(sessions: FetchSessions, partitions: number): number {
  return (sessions.plan(request(partitions), false) as PlannedFetch).session?.id ?? 0;
}

const opened: FetchSessions[] = [];
function connection(): FetchSessions {
  const sessions = new FetchSessions();
  opened.push(sessions);
  return sessions;
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});

afterEach(() => {
  for (const sessions of opened.splice(0)) sessions.clear();
  vi.useRealTimers();
});

describe("of one session", () => {
  test("who asks for more partitions than it may have does without", () => {
    expect(begin(connection(), SESSION_PARTITIONS_MAX)).toBeGreaterThan(0);
    expect(begin(connection(), SESSION_PARTITIONS_MAX + 1)).toBe(0);
    expect(begin(connection(), 0)).toBe(0);
  });

  test("one that grows beyond is over", () => {
    const sessions = connection();
    const id = begin(sessions, SESSION_PARTITIONS_MAX);
    const grown = sessions.plan(request(1, id, 1, SESSION_PARTITIONS_MAX), false);
    expect(grown).toMatchObject({ ok: false, error: "FETCH_SESSION_ID_NOT_FOUND" });
    expect(sessions.plan(request(0, id, 1), false)).toMatchObject({ ok: false });
  });

  test("its epochs go from the largest to 1", () => {
    const sessions = connection();
    const id = begin(sessions, 1);
    const { session } = sessions.plan(request(0, id, 1), false) as PlannedFetch;
    session!.epoch = 2_147_483_647;
    expect(sessions.plan(request(0, id, 2_147_483_647), false).ok).toBe(true);
    expect(sessions.plan(request(0, id, 1), false).ok).toBe(true);
  });
});

test("of one connection the session that was used longest ago makes way", () => {
  const sessions = connection();
  const ids = Array.from({ length: SESSIONS_MAX }, () => {
    vi.advanceTimersByTime(1);
    return begin(sessions, 1);
  });
  expect(sessions.plan(request(0, ids[0]!, 1), false).ok).toBe(true);
  expect(begin(sessions, 1)).toBeGreaterThan(0);
  expect(sessions.plan(request(0, ids[1]!, 1), false)).toMatchObject({
    error: "FETCH_SESSION_ID_NOT_FOUND",
  });
  expect(sessions.plan(request(0, ids[0]!, 2), false).ok).toBe(true);
});

describe("of an isolate", () => {
  test("where there is no room a client does without, until one was not used for long", () => {
    const connections = Array.from({ length: SESSIONS }, connection);
    const ids = connections.map((sessions) => begin(sessions, SESSION_PARTITIONS_MAX));
    expect(ids.every((id) => id > 0)).toBe(true);
    const late = connection();
    expect(begin(late, 1)).toBe(0);
    vi.advanceTimersByTime(UNUSED_MS - 1);
    expect(connections[0]!.plan(request(0, ids[0]!, 1), false).ok).toBe(true);
    vi.advanceTimersByTime(1);
    expect(begin(late, 1)).toBeGreaterThan(0);
    // The second session was the one that was not used.
    expect(connections[0]!.plan(request(0, ids[0]!, 2), false).ok).toBe(true);
    expect(connections[1]!.plan(request(0, ids[1]!, 1), false)).toMatchObject({
      error: "FETCH_SESSION_ID_NOT_FOUND",
    });
    expect(connections[2]!.plan(request(0, ids[2]!, 1), false).ok).toBe(true);
  });

  test("a connection that ends gives its room back", () => {
    const connections = Array.from({ length: SESSIONS }, connection);
    for (const sessions of connections) begin(sessions, SESSION_PARTITIONS_MAX);
    expect(begin(connection(), 1)).toBe(0);
    connections[3]!.clear();
    expect(begin(connection(), SESSION_PARTITIONS_MAX)).toBeGreaterThan(0);
    expect(begin(connection(), 1)).toBe(0);
  });

  test("partitions that are forgotten are counted no more", () => {
    const connections = Array.from({ length: SESSIONS }, connection);
    const ids = connections.map((sessions) => begin(sessions, SESSION_PARTITIONS_MAX));
    const forgotten = { topic: "t", topicId: NO_TOPIC_ID, partitions: [0, 1, 2] };
    const forgetting = { ...request(0, ids[0], 1), forgottenTopicsData: [forgotten] };
    expect(connections[0]!.plan(forgetting, false).ok).toBe(true);
    expect(begin(connection(), 4)).toBe(0);
    expect(begin(connection(), 3)).toBeGreaterThan(0);
  });
});

describe("metrics", () => {
  const counted = (): number[] => {
    const samples = countedSamples();
    return [
      samples.odradek_kafka_fetch_sessions,
      samples.odradek_kafka_fetch_session_partitions,
      samples.odradek_kafka_fetch_session_evictions_total,
    ].map((found) => found![0]!.value);
  };

  test("tell of the sessions that there are, what they hold, and which made way", () => {
    const [, , before] = counted();
    const first = connection();
    const id = begin(first, 3);
    expect(counted()).toEqual([1, 3, before]);
    first.plan(request(2, id, 1, 3), false);
    expect(counted()).toEqual([1, 5, before]);
    for (let n = 1; n < SESSIONS_MAX; n++) begin(first, 1);
    expect(counted()).toEqual([SESSIONS_MAX, 5 + SESSIONS_MAX - 1, before]);
    begin(first, 1);
    expect(counted()[0]).toBe(SESSIONS_MAX);
    expect(counted()[2]).toBe(before! + 1);
    first.clear();
    expect(counted()).toEqual([0, 0, before! + 1]);
  });

  test("count sessions that nobody used and that made way for another connection's", () => {
    const [, , before] = counted();
    for (let n = 0; n < SESSIONS; n++) begin(connection(), SESSION_PARTITIONS_MAX);
    vi.advanceTimersByTime(UNUSED_MS);
    expect(begin(connection(), 1)).toBeGreaterThan(0);
    const left = SESSIONS - 1;
    expect(counted()).toEqual([left + 1, left * SESSION_PARTITIONS_MAX + 1, before! + 1]);
  });
});
