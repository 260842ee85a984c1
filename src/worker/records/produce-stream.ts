/**
 * v3's streaming produce: concatenated records in, a delivery report for each out, while the request is still open. All
 * records that have arrived are appended together, so that a bulk upload is written in large batches and a single
 * record without delay. The next append begins when the last one was answered, which keeps the request's order within
 * each partition.
 *
 * Requests with a producer's sequence are read whole (produce.ts): a repeat has to result in the same batches.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { REQUEST_BYTES_MAX } from "../../base/limits.ts";
import { cachedTopic, topicMetadata, type KnownTopic } from "../../gateway/metadata.ts";
import type { Service } from "../../gateway/service.ts";
import { within } from "../../gateway/time.ts";
import { jsonText } from "../answers.ts";
import { BODY_WAIT_MS } from "../body.ts";
import { BodyAhead } from "../body-ahead.ts";
import { bodyEncoding } from "../content-encoding.ts";
import { STREAMED } from "../response-encoding.ts";
import type { Ctx, Outcome } from "../route.ts";
import { SUBREQUESTS_MAX } from "./events.ts";
import { deliveryReports, errorReport } from "./produce-answers.ts";
import { knownTopic, planOf, type ProduceRules, type ProduceSettings } from "./produce-settings.ts";
import { RecordPieces } from "./record-pieces.ts";
import { readProduceBody } from "./request-body.ts";
import { RequestRecords } from "./request-records.ts";
import { commonRefusal, sendParts } from "./send.ts";

/**
 * How long the answer waits for the first bytes, in milliseconds: some clients send nothing before they have received
 * the answer's head. Once bytes have arrived, or where the request announces their number, it waits for the first
 * reports, so that an error there has its status.
 */
const FIRST_WAIT_MS = 1_000;

/** Reports queued for a client that does not read them, in bytes; above that its request is not read further. */
const REPORTS_BYTES_MAX = 1_048_576;

/**
 * From so many calls of partitions on, each append waits so many milliseconds for further records: a stream of single
 * records would otherwise soon reach the number of calls that the platform allows in a request.
 */
const PACES = [
  { calls: 5_000, gatherMs: 200 },
  { calls: 1_000, gatherMs: 20 },
] as const;

/**
 * In a bulk upload, an append waits so many milliseconds for further records: bytes arrive in pieces that are much smaller
 * than a good batch. An upload is taken for one from so many bytes in one append on.
 */
const BULK_GATHER_MS = 50;
const BULK_BYTES_MIN = 16_384;

const NO_RECORD = refuse("INVALID_REQUEST", "The request has no record.");
const TOO_MANY_CALLS = refuse(
  "THROTTLING_QUOTA_EXCEEDED",
  "The stream has made as many calls as one request may; go on in another. What has no report was not written.",
);

const ENCODER = new TextEncoder();

/** The result of one append of a stream. */
interface Delivered {
  readonly ok: true;
  /** A line for each record. */
  readonly reports: string;
  /** Set if none of the records was written, for one and the same reason. */
  readonly common: Refusal | null;
  /** Set if the rest of the request cannot be read. */
  readonly failure: Refusal | null;
}

/** Serves v3's `records` route for requests without a sequence. */
export async function produceReports(
  c: Ctx,
  service: Service,
  rules: ProduceRules,
  settings: ProduceSettings,
): Promise<Outcome> {
  const known = await knownTopic(c, service);
  if (!known.ok) return known;
  const delivery = new Delivery(service, known, rules, settings);
  const request = c.req.raw;
  const encoding = bodyEncoding(request.headers);
  if (typeof encoding === "object") return encoding;
  const length = request.headers.get("content-length");
  const isPlain = length !== null && encoding === "identity";
  if (isPlain && Number(length) <= REQUEST_BYTES_MAX) return whole(request, delivery);
  if (request.body === null) return NO_RECORD;
  const body = new BodyAhead(request.body, encoding);
  // What is announced is under way: a body that does not come has stopped, as any other body has.
  const connectionIdleMs = service.config["connections.max.idle.ms"];
  const idleMs = length === null ? connectionIdleMs : Math.min(connectionIdleMs, BODY_WAIT_MS);
  return new ReportStream(body, delivery, idleMs, length !== null).answer();
}

/** A body of a known, bounded length: read whole and answered in one piece. */
async function whole(request: Request, delivery: Delivery): Promise<Outcome> {
  const body = await readProduceBody(request);
  if (!(body instanceof Uint8Array)) return body;
  delivery.pieces.push(body);
  delivery.pieces.finish();
  let reports = "";
  let failure: Refusal | null = null;
  while (failure === null && !delivery.pieces.isDone) {
    const delivered = await delivery.deliver();
    const refusal = refusalOf(delivered);
    if (refusal !== null && reports === "") return refusal;
    reports += delivered.reports;
    ({ failure } = delivered);
  }
  if (failure !== null) reports += errorReport(failure);
  return reports === "" ? NO_RECORD : jsonText(reports);
}

/** The error that is answered instead, as long as no report was sent. */
function refusalOf({ reports, common, failure }: Delivered): Refusal | null {
  return common ?? (reports === "" ? failure : null);
}

/** Appends the records of a request as they arrive. */
class Delivery {
  readonly pieces = new RecordPieces();
  /** Calls of partitions so far. */
  calls = 0;
  private readonly service: Service;
  private topic: KnownTopic;
  private readonly rules: ProduceRules;
  private readonly settings: ProduceSettings;

  constructor(service: Service, topic: KnownTopic, rules: ProduceRules, settings: ProduceSettings) {
    this.service = service;
    this.topic = topic;
    this.rules = rules;
    this.settings = settings;
  }

  /** Whether any of the body has arrived. */
  get hasBegun(): boolean {
    return this.calls > 0 || this.pieces.sizeBytes > 0;
  }

  /** Appends the records that are complete. */
  async deliver(): Promise<Delivered> {
    const { service } = this;
    const name = this.topic.metadata.topic;
    this.topic = cachedTopic(service, name) ?? this.topic;
    const { records, failure } = await this.read();
    this.pieces.advance();
    if (records.count === 0) return { ok: true, reports: "", common: null, failure };
    const { acks } = this.settings;
    this.calls += records.parts.size;
    await sendParts(service, this.topic, records, {
      acks,
      repeatable: false,
      sparseSequences: false,
    });
    const reports = deliveryReports(records, service.clusterId, name);
    return { ok: true, reports, common: commonRefusal(records), failure };
  }

  private async read(): Promise<{ records: RequestRecords; failure: Refusal | null }> {
    const read = this.readAs(this.topic);
    if (!read.records.namesUnknownPartition) return read;
    // The partition may have been added since this isolate asked for the topic.
    const { topic, partitions } = this.topic.metadata;
    const asked = await topicMetadata(this.service, topic, true);
    if (!asked.ok || asked.metadata.partitions.length <= partitions.length) return read;
    this.topic = asked;
    return this.readAs(asked);
  }

  private readAs(topic: KnownTopic): { records: RequestRecords; failure: Refusal | null } {
    const { pieces, rules, settings } = this;
    const records = new RequestRecords(planOf(topic, settings, rules, pieces.sizeBytes));
    const failure = pieces.read(records);
    return { records, failure };
  }
}

/** The answer to a request whose body is still arriving. */
class ReportStream {
  private readonly body: BodyAhead;
  private readonly delivery: Delivery;
  /** How long the client may send nothing between two records. */
  private readonly idleMs: number;
  /** Whether the request announces the length of its body. */
  private readonly isAnnounced: boolean;
  /** The first reports, until they are sent. */
  private first: Promise<Delivered | "end"> | null = null;
  private isCancelled = false;
  /** Bytes that were taken for the last append. */
  private takenBytes = 0;

  constructor(body: BodyAhead, delivery: Delivery, idleMs: number, isAnnounced: boolean) {
    this.body = body;
    this.delivery = delivery;
    this.idleMs = idleMs;
    this.isAnnounced = isAnnounced;
  }

  async answer(): Promise<Outcome> {
    const first = this.next();
    this.first = first;
    let delivered = this.isAnnounced ? await first : await within(FIRST_WAIT_MS, first);
    if (delivered === null && this.delivery.hasBegun) delivered = await first;
    if (delivered !== null) {
      const refusal = delivered === "end" ? NO_RECORD : refusalOf(delivered);
      if (refusal !== null) {
        await this.giveUp(refusal);
        return refusal;
      }
    }
    const stream = new ReadableStream<Uint8Array>(
      { pull: (controller) => this.pull(controller), cancel: () => this.cancel() },
      new ByteLengthQueuingStrategy({ highWaterMark: REPORTS_BYTES_MAX }),
    );
    const headers = {
      "content-type": "application/json",
      "cache-control": "no-store",
      ...STREAMED,
    };
    return new Response(stream, { headers });
  }

  private async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const delivered = await (this.first ?? this.next());
    this.first = null;
    if (this.isCancelled) return;
    const failure = delivered === "end" ? null : delivered.failure;
    if (delivered !== "end" && delivered.reports !== "") {
      controller.enqueue(ENCODER.encode(delivered.reports));
    }
    if (failure !== null) {
      controller.enqueue(ENCODER.encode(errorReport(failure)));
      await this.giveUp(failure);
    }
    if (failure !== null || delivered === "end") this.close(controller);
  }

  /** The reports of the next append: of all complete records that have arrived, at least one. */
  private async next(): Promise<Delivered | "end"> {
    const { body, delivery } = this;
    const { pieces } = delivery;
    for (;;) {
      if (delivery.calls >= SUBREQUESTS_MAX) return failed(TOO_MANY_CALLS);
      const delivered = await delivery.deliver();
      if (delivered.reports !== "" || delivered.failure !== null) return delivered;
      if (pieces.isDone) return "end";
      const gatherMs = this.gatherMs();
      if (gatherMs > 0) await body.gather(gatherMs);
      const taken = await body.take(pieces.isInRecord ? BODY_WAIT_MS : this.idleMs);
      if (taken === "end") pieces.finish();
      else if ("error" in taken) return failed(taken);
      else this.push(taken);
    }
  }

  /** Reads no more of the body. A sender that has stopped does not wait to be read. */
  private async giveUp({ error }: Refusal): Promise<void> {
    if (error === "REQUEST_BODY_TIMED_OUT") this.body.cancel();
    else await this.body.drain();
  }

  private push(taken: readonly Uint8Array[]): void {
    this.takenBytes = 0;
    for (const piece of taken) {
      this.delivery.pieces.push(piece);
      this.takenBytes += piece.byteLength;
    }
  }

  private gatherMs(): number {
    const pace = PACES.find(({ calls }) => this.delivery.calls >= calls);
    const bulkMs = this.takenBytes >= BULK_BYTES_MIN ? BULK_GATHER_MS : 0;
    return Math.max(pace?.gatherMs ?? 0, bulkMs);
  }

  private cancel(): void {
    this.isCancelled = true;
    this.body.cancel();
  }

  private close(controller: ReadableStreamDefaultController<Uint8Array>): void {
    try {
      controller.close();
    } catch {
      // The client has closed it.
    }
  }
}

function failed(failure: Refusal): Delivered {
  return { ok: true, reports: "", common: null, failure };
}
