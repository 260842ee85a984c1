/**
 * One poll: it gets a plan from the group, reads the records, has the group note the new positions, and only then
 * answers. The instance counts as alive while it waits. Where the group rebalances meanwhile, the poll goes on with the
 * new assignment.
 */
import type { Refusal } from "../../base/errors.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import { isUnanswered } from "../../gateway/objects.ts";
import { callGroup, REPEATABLE, type NamedInstance } from "./instance.ts";
import { countAnswer, writeAnswer } from "./poll-answer.ts";
import { PollReads } from "./poll-reads.ts";
import type { InstanceSpec, PollPlan, PollRequest } from "../../objects/contracts/instances.ts";
import { pause } from "../../gateway/time.ts";

/** The longest that a poll waits without calling its group, in milliseconds. */
const SLICE_MS_MAX = 3_000;
/** Nor longer than this part of the instance's session timeout. */
const SLICES_IN_SESSION = 3;
/** How long the first call waits for a rebalance where the request has no timeout. */
const FIRST_WAIT_MS = 1_000;
/** Pause before another plan is asked for, where the one before was out of date. */
const AGAIN_MS = 10;

export interface PollQuery extends Pick<PollRequest, "received" | "format"> {
  /** null: the instance's own setting. */
  readonly timeoutMs: number | null;
  /** Of the answer; also of the batches that are read for it. */
  readonly maxBytes: number;
}

export interface Polled {
  readonly ok: true;
  readonly spec: InstanceSpec;
  readonly pollId: string;
  readonly generationId: number;
  /** An array of records, in JSON. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The plan is out of date, and nothing read by it may be answered. */
const AGAIN = Symbol("again");
type Served = Polled | Refusal | typeof AGAIN;

/** `[]` */
const EMPTY_ARRAY = [0x5b, 0x5d];

export class Poll {
  readonly #named: NamedInstance;
  readonly #query: PollQuery;
  readonly #place: (topic: KnownTopic, partition: number) => string;
  readonly #calls = { count: 0 };
  readonly #startedMs = Date.now();
  /** Whether the group may have noted an answer that was never given. */
  #mayBeNoted = false;

  constructor(
    named: NamedInstance,
    query: PollQuery,
    place: (topic: KnownTopic, partition: number) => string,
  ) {
    this.#named = named;
    this.#query = query;
    this.#place = place;
  }

  /**
   * Errors: those of `CoordinatorApi.poll`; ILLEGAL_STATE where a later poll has begun; by the reset policy
   * `none` NO_OFFSET_FOR_PARTITION, OFFSET_BELOW_LOG_START, OFFSET_OUT_OF_RANGE.
   */
  async run(): Promise<Polled | Refusal> {
    const { timeoutMs } = this.#query;
    let untilMs = timeoutMs === null ? null : this.#startedMs + timeoutMs;
    let { received } = this.#query;
    let generationId: number | null = null;
    for (;;) {
      const leftMs = untilMs === null ? FIRST_WAIT_MS : untilMs - Date.now();
      const plan = await this.#plan(received, Math.min(Math.max(leftMs, 0), SLICE_MS_MAX));
      if (!plan.ok) return plan;
      const isTakenBack = this.#mayBeNoted;
      this.#mayBeNoted = false;
      // Nothing that this request has read by an earlier plan was sent.
      received = "";
      untilMs ??= this.#startedMs + plan.spec.requestTimeoutMs;
      if (isTakenBack && Date.now() >= untilMs) return this.#empty(plan);
      // Partitions that a new generation takes away can be given up at once: none of their records was sent.
      const isMoved = generationId !== null && generationId !== plan.generationId;
      generationId = plan.generationId;
      if (isMoved && plan.isAssigned) continue;
      if (plan.isAssigned) {
        const served = await this.#serve(plan, untilMs);
        if (served !== AGAIN) return served;
        await pause(AGAIN_MS);
        if (this.#mayBeNoted) continue;
      }
      if (Date.now() >= untilMs) return this.#empty(plan);
    }
  }

  #plan(received: string | undefined, waitMs: number): Promise<PollPlan | Refusal> {
    const { format } = this.#query;
    const { instanceId } = this.#named;
    return this.#call((group) =>
      group.poll({
        instanceId,
        waitMs,
        ...(received !== undefined && { received }),
        ...(format !== undefined && { format }),
      }),
    );
  }

  async #serve(plan: PollPlan, untilMs: number): Promise<Served> {
    const plannedMs = Date.now();
    const { spec } = plan;
    const reads = this.#reads(plan);
    const sliceMs = sliceOf(spec);
    let read = await reads.readNow();
    for (;;) {
      if (!read.ok) return isOutdated(read) ? AGAIN : read;
      const leftMs = untilMs - Date.now();
      if (reads.hasEnough || leftMs <= 0 || reads.isSpent) return this.#deliver(plan, reads);
      read = await reads.wait(Math.min(leftMs, sliceMs));
      if (!read.ok || reads.hasEnough || Date.now() >= untilMs) continue;
      const heard = await this.#heartbeat(plan);
      if (heard !== null) return heard;
      // The group counts the session timeout from the beginning of this call, so a waiting poll keeps the instance alive.
      if (Date.now() - plannedMs >= spec.maxPollIntervalMs / 2) return AGAIN;
    }
  }

  #reads(plan: PollPlan): PollReads {
    const { service, instanceId } = this.#named;
    const { generationId, spec } = plan;
    const ports = {
      service,
      place: this.#place,
      calls: this.#calls,
      resolve: (offsets: Parameters<ConstructorParameters<typeof PollReads>[0]["resolve"]>[0]) =>
        this.#call((group) => group.resolve({ instanceId, generationId, offsets })),
    };
    const { maxBytes } = this.#query;
    return new PollReads(ports, plan, {
      maxBytes,
      minBytes: Math.min(spec.fetchMinBytes, maxBytes),
    });
  }

  /** Null where the plan still holds. */
  async #heartbeat({ generationId }: PollPlan): Promise<Refusal | typeof AGAIN | null> {
    const memberId = this.#named.instanceId;
    const heard = await this.#call((group) =>
      group.heartbeat({ memberId, groupInstanceId: null, generationId }),
    );
    if (heard.ok) return null;
    // An instance with partitions assigned by hand is kept alive, but it is no member of a generation.
    if (heard.error === "UNKNOWN_MEMBER_ID") return generationId < 0 ? null : AGAIN;
    return isOutdated(heard) ? AGAIN : heard;
  }

  async #deliver(plan: PollPlan, reads: PollReads): Promise<Served> {
    const { pollId, generationId, spec } = plan;
    const answer = writeAnswer(reads.cursors, spec, this.#query.maxBytes);
    if (!answer.ok) return answer;
    const { positions, bytes } = answer;
    if (positions.length > 0) {
      const { instanceId } = this.#named;
      const noted = await this.#call((group) =>
        group.deliver({ instanceId, pollId, generationId, positions }),
      );
      if (!noted.ok) {
        // It is not known whether the group has noted the positions: the next call of this poll says that nothing was received.
        this.#mayBeNoted = isUnanswered(noted);
        return this.#mayBeNoted || isOutdated(noted) ? AGAIN : noted;
      }
    }
    countAnswer(answer);
    return { ok: true, spec, pollId, generationId, body: bytes };
  }

  #empty({ spec, pollId, generationId }: PollPlan): Polled {
    return { ok: true, spec, pollId, generationId, body: new Uint8Array(EMPTY_ARRAY) };
  }

  #call<A extends { readonly ok: true }>(
    call: Parameters<typeof callGroup<A>>[2],
  ): Promise<A | Refusal> {
    this.#calls.count += 1;
    return callGroup(this.#named, REPEATABLE, call);
  }
}

function isOutdated({ error }: Refusal): boolean {
  return error === "ILLEGAL_GENERATION" || error === "REBALANCE_IN_PROGRESS";
}

/** How long a poll of this instance may wait without calling its group. */
function sliceOf({ sessionTimeoutMs, maxPollIntervalMs }: InstanceSpec): number {
  const shortestMs = Math.min(sessionTimeoutMs, maxPollIntervalMs) / SLICES_IN_SESSION;
  return Math.max(1, Math.min(SLICE_MS_MAX, Math.floor(shortestMs)));
}
