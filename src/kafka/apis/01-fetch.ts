/**
 * Fetch (1): record batches as they are stored, of several partitions at once.
 *
 * Where it deviates from Kafka: there are no fetch sessions (0 is answered, which tells clients to do
 * without). A client is never sent to another replica: with a rack said, the nearest one in sync is read
 * here. One answer holds at most {@link FETCH_BYTES_MAX}, and of a request for more partitions than
 * {@link PARTITIONS_SERVED_MAX} some come empty, others the next time.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { FETCH_BYTES_MAX, FETCH_WAIT_MS_MAX } from "../../base/limits.ts";
import type { FetchRequest, LogEnds } from "../../objects/partition/api.ts";
import type { KnownTopic } from "../../worker/metadata.ts";
import { PartitionReader } from "../../worker/records/partition-reader.ts";
import { codeOf, codeOfFetch, NONE } from "../errors.ts";
import { checkPartitions } from "../leader-epochs.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../served.ts";
import type { Context, Session } from "../session.ts";
import type { Page } from "../watches.ts";

/** Partitions of one request that are read, and how many at the same time. */
const PARTITIONS_SERVED_MAX = 1_000;
const READ_AT_ONCE = 32;

const NOTHING = new Uint8Array(0);
const UNKNOWN_ENDS: LogEnds = { logStartOffset: -1, highWatermark: -1, lastStableOffset: -1 };

type Asked = Request<1>["topics"][number]["partitions"][number];
type Isolation = FetchRequest["isolation"];

/** One partition of a request, and what has become of it. */
interface Part {
  readonly asked: Asked;
  readonly key: string;
  readonly reader: PartitionReader | null;
  outcome: Page | Refusal;
}

export const fetch: Handler<1> = async (request, context) => {
  if (request.sessionId !== 0) {
    return { errorCode: codeOf("FETCH_SESSION_ID_NOT_FOUND"), responses: [] };
  }
  const round = new FetchRound(request, context);
  const topics = await round.run();
  return {
    responses: request.topics.map(({ topic }, i) => ({
      topic,
      partitions: topics[i]!.map((part) => partitionAnswer(part, round.isolation)),
    })),
  };
};

type PartitionAnswer = Response<1>["responses"][number]["partitions"][number];

function partitionAnswer({ asked, outcome }: Part, isolation: Isolation): PartitionAnswer {
  const abortedTransactions = isolation === "read_committed" ? [] : null;
  const partitionIndex = asked.partition;
  if (!outcome.ok) {
    const errorCode = codeOfFetch(outcome);
    return { partitionIndex, errorCode, ...UNKNOWN_ENDS, abortedTransactions, records: NOTHING };
  }
  const { highWatermark, lastStableOffset, logStartOffset, records } = outcome;
  return {
    partitionIndex,
    errorCode: NONE,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions,
    records,
  };
}

class FetchRound {
  readonly isolation: Isolation;
  private readonly request: Request<1>;
  private readonly session: Session;
  private readonly place: string;
  private readonly parts: Part[] = [];
  private bytes = 0;

  constructor(request: Request<1>, { session }: Context) {
    this.request = request;
    this.session = session;
    this.isolation = request.isolationLevel === 1 ? "read_committed" : "read_uncommitted";
    const isNearest = session.service.config["replica.selector.nearest"];
    this.place = isNearest ? request.rackId || session.peer.place : "";
  }

  /** Reads until there is enough, or time is up. Partitions by topic, in the request's order. */
  async run(): Promise<readonly (readonly Part[])[]> {
    const { request, session } = this;
    const { watches } = session;
    const untilMs = Date.now() + Math.min(Math.max(0, request.maxWaitMs), FETCH_WAIT_MS_MAX);
    const topics: Part[][] = [];
    for (const { topic, partitions } of request.topics) {
      const parts = await this.partsOf(topic, partitions);
      topics.push(parts);
      for (const part of parts) this.parts.push(part);
    }
    const served = session.turns.take(this.parts, PARTITIONS_SERVED_MAX);
    watches.keep(new Set(this.parts.map(({ key }) => key)));
    await this.read(served);
    while (!this.isEnough) {
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0) break;
      for (const part of served) this.watch(part);
      if (!served.some(({ key }) => watches.hasArrived(key))) await watches.change(leftMs);
      await this.read(served.filter(({ key }) => watches.hasArrived(key)));
    }
    return topics;
  }

  private get isEnough(): boolean {
    return this.bytes >= this.request.minBytes || this.parts.some(({ outcome }) => !outcome.ok);
  }

  private async partsOf(name: string, asked: readonly Asked[]): Promise<Part[]> {
    const named = asked.map(({ partition, currentLeaderEpoch: epoch }) => ({ partition, epoch }));
    const checked = await checkPartitions(this.session, name, named);
    return asked.map((one, i) => {
      const refusal = checked.ok ? checked.refusals[i]! : checked;
      return refusal === null && checked.ok
        ? this.partOf(checked.topic, one)
        : { asked: one, key: keyOf(name, one), reader: null, outcome: refusal! };
    });
  }

  private partOf(topic: KnownTopic, asked: Asked): Part {
    const { partition, fetchOffset } = asked;
    const key = keyOf(topic.metadata.topic, asked);
    if (fetchOffset < 0) {
      return { asked, key, reader: null, outcome: refuse("OFFSET_OUT_OF_RANGE") };
    }
    const place = topic.metadata.partitions[partition]!.replicas.length > 1 ? this.place : "";
    const { service } = this.session;
    const reader = new PartitionReader(service, topic, partition, "UNKNOWN_PARTITION", place);
    return { asked, key, reader, outcome: emptyPage(fetchOffset, UNKNOWN_ENDS) };
  }

  /** Reads some partitions, as many at once as the room that is left allows for. */
  private async read(parts: readonly Part[]): Promise<void> {
    const bytesMax = Math.min(Math.max(0, this.request.maxBytes), FETCH_BYTES_MAX);
    for (let from = 0; from < parts.length;) {
      const room = bytesMax - this.bytes;
      // The first batch comes whatever its size: there must be something to go on with.
      if (room <= 0 && this.bytes > 0) return;
      const each = Math.max(1, Math.min(parts[from]!.asked.partitionMaxBytes, room));
      const count = Math.min(READ_AT_ONCE, Math.max(1, Math.floor(room / each)));
      const some = parts.slice(from, from + count);
      const pages = await Promise.all(some.map((part) => this.page(part, room)));
      for (const [i, page] of pages.entries()) this.take(some[i]!, page, bytesMax);
      from += some.length;
    }
  }

  /** Counts what was read, and drops what does not fit beside what there is. */
  private take(part: Part, page: Page | Refusal, bytesMax: number): void {
    const before = part.outcome.ok ? part.outcome.records.byteLength : 0;
    const bytes = page.ok ? page.records.byteLength : 0;
    const others = this.bytes - before;
    if (page.ok && bytes > 0 && others > 0 && others + bytes > bytesMax) {
      part.outcome = emptyPage(part.asked.fetchOffset, page);
      this.bytes = others;
      return;
    }
    part.outcome = page;
    this.bytes = others + bytes;
  }

  private async page({ asked, key, reader, outcome }: Part, room: number): Promise<Page | Refusal> {
    if (reader === null) return outcome;
    const { session, isolation } = this;
    const offset = asked.fetchOffset;
    const bytesMax = Math.max(1, Math.min(asked.partitionMaxBytes, Math.max(1, room)));
    const watch = session.watches.find(key, offset, isolation);
    if (watch?.state === "waiting") return emptyPage(offset, watch.ends);
    session.watches.forget(key);
    if (watch?.page && watch.page.records.byteLength <= bytesMax) return watch.page;
    if (!session.mayCall(2)) return emptyPage(offset, UNKNOWN_ENDS);
    const fetched = session.settle(
      await reader.fetch({ offset, isolation, maxBytes: bytesMax, minBytes: 1, maxWaitMs: 0 }),
    );
    if (!fetched.ok) return fetched;
    const { batches, ...ends } = fetched;
    return { ...ends, records: batches };
  }

  /** Waits for more than there is. */
  private watch({ key, reader, outcome }: Part): void {
    const { session, isolation } = this;
    if (reader === null || !outcome.ok) return;
    const offset = outcome.nextOffset;
    if (session.watches.find(key, offset, isolation) !== null) return;
    if (!session.mayCall(2)) return;
    session.watches.begin(key, reader, { offset, isolation }, outcome);
  }
}

function keyOf(topic: string, { partition }: Asked): string {
  return `${topic}/${partition}`;
}

function emptyPage(offset: number, ends: LogEnds): Page {
  const { logStartOffset, highWatermark, lastStableOffset } = ends;
  return {
    ok: true,
    records: NOTHING,
    nextOffset: offset,
    logStartOffset,
    highWatermark,
    lastStableOffset,
  };
}
