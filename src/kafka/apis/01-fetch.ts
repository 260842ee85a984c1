/**
 * Fetch (1): reads record batches of several partitions, as they are stored. In a session (KIP-227, see
 * `fetch-sessions.ts`) it reads the partitions that the session remembers, and answers only what has changed.
 *
 * A topic that is named by its id (KIP-516, version 13 on) is that very topic: once it is deleted the reader gets
 * UNKNOWN_TOPIC_ID, or INCONSISTENT_TOPIC_ID where its session knew the topic and another has its name now.
 *
 * Deviations from Kafka: a client is never sent to another replica; where it names its rack, the nearest in-sync
 * replica is read from here. One answer holds at most {@link FETCH_BYTES_MAX}; of a request for more than {@link
 * PARTITIONS_SERVED_MAX} partitions some are answered empty, and others the next time.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { FETCH_BYTES_MAX, FETCH_WAIT_MS_MAX } from "../../base/limits.ts";
import type { FetchRequest } from "../../objects/contracts/partition.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import { PartitionReader } from "../../gateway/partition-reader.ts";
import { codeOf } from "../errors.ts";
import { emptyPage, FetchAnswer, UNKNOWN_ENDS, type FetchedPart } from "../fetch-answer.ts";
import type { AskedPartition } from "../fetch-sessions.ts";
import { checkPartitions } from "../leader-epochs.ts";
import type { Request } from "../messages/index.ts";
import { isById, keyOfTopic } from "../named-topic.ts";
import type { Handler } from "../handler.ts";
import type { Context, Session } from "../session.ts";
import type { Page } from "../watches.ts";

/** Partitions of one request that are read, and how many at the same time. */
const PARTITIONS_SERVED_MAX = 1_000;
const READ_AT_ONCE = 32;

/** Topics are named by their ids from this version on (KIP-516). */
const BY_ID_SINCE = 13;

type Isolation = FetchRequest["isolation"];

/** One partition of a request, and its outcome. */
interface Part extends FetchedPart {
  readonly key: string;
  readonly reader: PartitionReader | null;
  outcome: Page | Refusal;
  isServed: boolean;
}

export const fetch: Handler<1> = async (request, context) => {
  const { session, version } = context;
  const plan = session.fetchSessions.plan(request, version >= BY_ID_SINCE);
  if (!plan.ok) return { errorCode: codeOf(plan.error), responses: [] };
  const round = new FetchRound(request, plan.partitions, context);
  const parts = await round.run();
  const answer = new FetchAnswer(context, round.isolation, plan);
  for (const part of parts) answer.add(part);
  return {
    sessionId: plan.session?.id ?? 0,
    responses: answer.topics,
    nodeEndpoints: answer.nodeEndpoints,
  };
};

class FetchRound {
  readonly isolation: Isolation;
  private readonly request: Request<1>;
  private readonly asked: readonly AskedPartition[];
  private readonly session: Session;
  private readonly place: string;
  private readonly parts: Part[] = [];
  private bytes = 0;

  constructor(request: Request<1>, asked: readonly AskedPartition[], { session }: Context) {
    this.request = request;
    this.asked = asked;
    this.session = session;
    this.isolation = request.isolationLevel === 1 ? "read_committed" : "read_uncommitted";
    const isNearest = session.service.config["replica.selector.nearest"];
    this.place = isNearest ? request.rackId || session.peer.place : "";
  }

  /**
   * Reads until there is enough, or the wait is over. The partitions are in the order in which they were asked for.
   */
  async run(): Promise<readonly Part[]> {
    const { request, session } = this;
    const { watches } = session;
    const untilMs = Date.now() + Math.min(Math.max(0, request.maxWaitMs), FETCH_WAIT_MS_MAX);
    await this.findParts();
    const served = session.rotation.take(this.parts, PARTITIONS_SERVED_MAX);
    watches.keep(new Set(this.parts.map(({ key }) => key)));
    await this.read(served);
    while (!this.isEnough) {
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0) break;
      for (const part of served) this.watch(part);
      if (!served.some(({ key }) => watches.hasArrived(key))) await watches.change(leftMs);
      await this.read(served.filter(({ key }) => watches.hasArrived(key)));
    }
    return this.parts;
  }

  private get isEnough(): boolean {
    return this.bytes >= this.request.minBytes || this.parts.some(({ outcome }) => !outcome.ok);
  }

  /** Looks the topics up, each once, and checks their partitions. */
  private async findParts(): Promise<void> {
    const { asked, parts } = this;
    const places = new Map<string, number[]>();
    for (const [at, { named }] of asked.entries()) {
      const key = keyOfTopic(named);
      const known = places.get(key);
      if (known !== undefined) known.push(at);
      else places.set(key, [at]);
    }
    for (const [key, ats] of places) {
      const { named } = asked[ats[0]!]!;
      const partitions = ats.map((at) => {
        const { partition, currentLeaderEpoch: epoch } = asked[at]!.asked;
        return { partition, epoch };
      });
      const checked = await checkPartitions(this.session, named, partitions);
      for (const [i, at] of ats.entries()) {
        const one = asked[at]!;
        const refusal = checked.ok ? checked.refusals[i]! : checked;
        const topic = checked.ok ? checked.topic : null;
        parts[at] =
          topic === null || refusal !== null
            ? refusedPart(one, key, topic, refusal!)
            : this.partOf(topic, one);
      }
    }
  }

  private partOf(topic: KnownTopic, one: AskedPartition): Part {
    const { partition, fetchOffset } = one.asked;
    const { topicId } = topic.metadata;
    // An offset beyond the safe integers is beyond every log.
    if (typeof fetchOffset === "bigint" || fetchOffset < 0) {
      return refusedPart(one, topicId, topic, refuse("OFFSET_OUT_OF_RANGE"));
    }
    const place = topic.metadata.partitions[partition]!.replicas.length > 1 ? this.place : "";
    const { service } = this.session;
    const isBound = isById(one.named);
    const reader = new PartitionReader(
      service,
      topic,
      partition,
      "UNKNOWN_PARTITION",
      place,
      isBound,
    );
    return {
      ...one,
      key: `${topicId}/${partition}`,
      topic,
      reader,
      outcome: emptyPage(fetchOffset, UNKNOWN_ENDS),
      isServed: false,
    };
  }

  /** Reads some partitions, as many at once as the remaining bytes allow. */
  private async read(parts: readonly Part[]): Promise<void> {
    const bytesMax = Math.min(Math.max(0, this.request.maxBytes), FETCH_BYTES_MAX);
    for (let from = 0; from < parts.length;) {
      const room = bytesMax - this.bytes;
      // The first batch is returned whatever its size, so that the client makes progress.
      if (room <= 0 && this.bytes > 0) return;
      const each = Math.max(1, Math.min(parts[from]!.asked.partitionMaxBytes, room));
      const count = Math.min(READ_AT_ONCE, Math.max(1, Math.floor(room / each)));
      const some = parts.slice(from, from + count);
      const pages = await Promise.all(some.map((part) => this.page(part, room)));
      for (const [i, page] of pages.entries()) this.take(some[i]!, page, bytesMax);
      from += some.length;
    }
  }

  /** Counts what was read, and drops what no longer fits into the answer. */
  private take(part: Part, page: Page | Refusal, bytesMax: number): void {
    part.isServed = true;
    const before = part.outcome.ok ? part.outcome.records.byteLength : 0;
    const bytes = page.ok ? page.records.byteLength : 0;
    const others = this.bytes - before;
    if (page.ok && bytes > 0 && others > 0 && others + bytes > bytesMax) {
      part.outcome = emptyPage(offsetOf(part), page);
      this.bytes = others;
      return;
    }
    part.outcome = page;
    this.bytes = others + bytes;
  }

  private async page(part: Part, room: number): Promise<Page | Refusal> {
    const { asked, key, reader, outcome } = part;
    if (reader === null) return outcome;
    const { session, isolation } = this;
    const offset = offsetOf(part);
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

  /** Waits for more records. */
  private watch({ key, reader, outcome }: Part): void {
    const { session, isolation } = this;
    if (reader === null || !outcome.ok) return;
    const offset = outcome.nextOffset;
    if (session.watches.find(key, offset, isolation) !== null) return;
    if (!session.mayCall(2)) return;
    session.watches.begin(key, reader, { offset, isolation }, outcome);
  }
}

/** @param key of its topic */
function refusedPart(
  one: AskedPartition,
  key: string,
  topic: KnownTopic | null,
  refusal: Refusal,
): Part {
  const { partition } = one.asked;
  return {
    ...one,
    key: `${key}/${partition}`,
    topic,
    reader: null,
    outcome: refusal,
    isServed: true,
  };
}

/** For a partition that is read; the others have an offset that no log has. */
function offsetOf({ asked }: Part): number {
  return Number(asked.fetchOffset);
}
