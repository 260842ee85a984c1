/**
 * Incremental fetch sessions (KIP-227): the service remembers what a client has asked about its partitions, so that a
 * request names only what has changed, and so does the answer.
 *
 * A session belongs to its connection, on which its client sends every fetch. Another connection does not know it and
 * answers FETCH_SESSION_ID_NOT_FOUND, after which the client starts over with a full request. The memory of all
 * sessions of an isolate is bounded; where there is no room, a session that was not used for a while is evicted, or
 * the client is told to do without one (session id 0).
 */
import { refuse, type Refusal } from "../base/errors.ts";
import type { KnownTopic } from "../gateway/metadata.ts";
import { fetchSessions } from "../gateway/metrics.ts";
import { NONE } from "./errors.ts";
import type { Request, Response } from "./messages/index.ts";
import { keyOfTopic, type NamedTopic } from "./named-topic.ts";

/** Partitions of one session, and of all sessions of an isolate. */
const SESSION_PARTITIONS_MAX = 10_000;
const PARTITIONS_MAX = 50_000;

/** Sessions of one connection: clients keep one for each broker they connect to. */
const SESSIONS_MAX = 8;

/** A session that was not used for this many milliseconds may be evicted for a new one (Kafka's default). */
const UNUSED_MS = 120_000;

/** No session; and the epochs of a request that begins one, and of one that does without. */
const NO_SESSION = 0;
const FIRST_EPOCH = 0;
const LAST_EPOCH = -1;
const EPOCH_MAX = 2_147_483_647;

type FetchedTopic = Request<1>["topics"][number];

type HeardPartition = Response<1>["responses"][number]["partitions"][number];

/** One partition of a request, and how the request names its topic. */
export interface AskedPartition {
  readonly named: NamedTopic;
  readonly asked: FetchedTopic["partitions"][number];
}

/** A partition of a session: what was asked, and what was answered last. */
interface SessionPartition {
  asked: AskedPartition;
  /** The topic's name, as far as it was ever known. */
  name: string;
  highWatermark: number;
  logStartOffset: number;
}

/** All sessions of this isolate, least recently used first. Values only. */
const inUse = new Set<FetchSession>();

export class FetchSession {
  readonly id: number;
  readonly usesTopicIds: boolean;
  epoch = 1;
  usedMs = Date.now();
  isEvicted = false;
  /** In the order in which they are served: a partition that has returned records moves to the end. */
  private partitions = new Map<string, SessionPartition>();

  constructor(id: number, usesTopicIds: boolean) {
    this.id = id;
    this.usesTopicIds = usesTopicIds;
  }

  get size(): number {
    return this.partitions.size;
  }

  /** What is asked for, in order. */
  asked(): AskedPartition[] {
    return Array.from(this.partitions.values(), ({ asked }) => asked);
  }

  ask(asked: AskedPartition): void {
    const key = keyOf(asked.named, asked.asked.partition);
    const known = this.partitions.get(key);
    if (known !== undefined) known.asked = asked;
    else this.partitions.set(key, { asked, name: "", highWatermark: -1, logStartOffset: -1 });
  }

  forget(topic: NamedTopic, partition: number): void {
    this.partitions.delete(keyOf(topic, partition));
  }

  /** The topic's name when it was last found; empty where it never was. */
  nameOf(asked: AskedPartition): string {
    return this.partitions.get(keyOf(asked.named, asked.asked.partition))?.name ?? "";
  }

  /** Notes what is answered for a partition, and says whether the client has to be told. */
  hears(
    asked: AskedPartition & { readonly topic: KnownTopic | null },
    heard: HeardPartition,
  ): boolean {
    const key = keyOf(asked.named, asked.asked.partition);
    const known = this.partitions.get(key);
    if (known === undefined) return true;
    const hasFailed = heard.errorCode !== NONE;
    const hasRecords = heard.records !== null && heard.records.length > 0;
    const { logStartOffset = -1 } = heard;
    const isNews =
      hasRecords ||
      hasFailed ||
      known.highWatermark !== heard.highWatermark ||
      known.logStartOffset !== logStartOffset;
    // After an error the next answer is reported in any case.
    known.highWatermark = hasFailed ? -1 : heard.highWatermark;
    known.logStartOffset = logStartOffset;
    if (asked.topic !== null) known.name = asked.topic.metadata.topic;
    if (hasRecords) {
      this.partitions.delete(key);
      this.partitions.set(key, known);
    }
    return isNews;
  }
}

/** What a request asks for, once its session is taken into account. */
export interface PlannedFetch {
  readonly ok: true;
  readonly partitions: readonly AskedPartition[];
  /** Null: without a session. */
  readonly session: FetchSession | null;
  /** Whether only changes are answered. */
  readonly isIncremental: boolean;
}

/** The sessions of one connection. */
export class FetchSessions {
  private readonly sessions = new Map<number, FetchSession>();

  /**
   * What a request asks for, together with what its session remembers. Errors: FETCH_SESSION_ID_NOT_FOUND,
   * INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR.
   */
  plan(request: Request<1>, usesTopicIds: boolean): PlannedFetch | Refusal {
    const { sessionId, sessionEpoch } = request;
    if (sessionEpoch !== FIRST_EPOCH && sessionEpoch !== LAST_EPOCH) {
      return this.goOn(request, usesTopicIds);
    }
    // A full request ends the session that it names.
    this.drop(this.sessions.get(sessionId));
    const partitions = askedOf(request);
    const session = sessionEpoch === FIRST_EPOCH ? this.begin(partitions, usesTopicIds) : null;
    return { ok: true, partitions, session, isIncremental: false };
  }

  /** Forgets all of them. */
  clear(): void {
    for (const session of this.sessions.values()) this.drop(session);
  }

  private goOn(request: Request<1>, usesTopicIds: boolean): PlannedFetch | Refusal {
    const session = this.sessions.get(request.sessionId);
    if (session === undefined || session.isEvicted) {
      this.drop(session);
      return refuse("FETCH_SESSION_ID_NOT_FOUND");
    }
    if (session.epoch !== request.sessionEpoch) {
      return refuse("INVALID_FETCH_SESSION_EPOCH");
    }
    if (session.usesTopicIds !== usesTopicIds) {
      return refuse("FETCH_SESSION_TOPIC_ID_ERROR");
    }
    const before = session.size;
    for (const asked of askedOf(request)) session.ask(asked);
    for (const topic of request.forgottenTopicsData) {
      for (const partition of topic.partitions) session.forget(topic, partition);
    }
    fetchSessions.partitions += session.size - before;
    // As in Kafka, a session without partitions is closed.
    if (session.size === 0) {
      this.drop(session);
      return { ok: true, partitions: [], session: null, isIncremental: false };
    }
    if (session.size > SESSION_PARTITIONS_MAX || !hasRoom(0)) {
      this.drop(session);
      return refuse("FETCH_SESSION_ID_NOT_FOUND");
    }
    session.epoch = session.epoch === EPOCH_MAX ? 1 : session.epoch + 1;
    touch(session);
    return { ok: true, partitions: session.asked(), session, isIncremental: true };
  }

  /** Null where there is no room for it. */
  private begin(partitions: readonly AskedPartition[], usesTopicIds: boolean): FetchSession | null {
    if (partitions.length === 0 || partitions.length > SESSION_PARTITIONS_MAX) return null;
    if (!hasRoom(partitions.length)) return null;
    for (const [id, session] of this.sessions) if (session.isEvicted) this.sessions.delete(id);
    if (this.sessions.size >= SESSIONS_MAX) {
      this.drop(leastUsed(this.sessions.values()));
      fetchSessions.evictions += 1;
    }
    const session = new FetchSession(this.newId(), usesTopicIds);
    for (const asked of partitions) session.ask(asked);
    this.sessions.set(session.id, session);
    fetchSessions.partitions += session.size;
    touch(session);
    return session;
  }

  private newId(): number {
    for (;;) {
      const id = crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1;
      if (id !== NO_SESSION && !this.sessions.has(id)) return id;
    }
  }

  private drop(session: FetchSession | undefined): void {
    if (session === undefined) return;
    this.sessions.delete(session.id);
    evict(session);
  }
}

/** A request's partitions in order. */
function askedOf(request: Request<1>): AskedPartition[] {
  const partitions: AskedPartition[] = [];
  for (const { topic, topicId, partitions: some } of request.topics) {
    const named = { topic, topicId };
    for (const asked of some) partitions.push({ named, asked });
  }
  return partitions;
}

function keyOf(named: NamedTopic, partition: number): string {
  return `${keyOfTopic(named)}/${partition}`;
}

function touch(session: FetchSession): void {
  session.usedMs = Date.now();
  inUse.delete(session);
  inUse.add(session);
  fetchSessions.sessions = inUse.size;
}

function evict(session: FetchSession): void {
  session.isEvicted = true;
  if (!inUse.delete(session)) return;
  fetchSessions.partitions -= session.size;
  fetchSessions.sessions = inUse.size;
}

function leastUsed(sessions: Iterable<FetchSession>): FetchSession | undefined {
  let least: FetchSession | undefined;
  for (const session of sessions)
    if (least === undefined || session.usedMs < least.usedMs) least = session;
  return least;
}

/** Whether this many more partitions can be remembered, after unused sessions were evicted. */
function hasRoom(partitions: number): boolean {
  for (const session of inUse) {
    if (fetchSessions.partitions + partitions <= PARTITIONS_MAX) return true;
    if (Date.now() - session.usedMs < UNUSED_MS) return false;
    evict(session);
    fetchSessions.evictions += 1;
  }
  return fetchSessions.partitions + partitions <= PARTITIONS_MAX;
}
