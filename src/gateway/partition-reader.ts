/**
 * Reads from one partition: where its log begins and ends, its pages, and the socket of its tail. Pages may come from
 * the nearest replica; what only the leader knows is asked of the leader.
 */
import { refuse, type ErrorName, type Refusal } from "../base/errors.ts";
import type { Fetched, FetchRequest } from "../objects/contracts/partition.ts";
import { sendFetch, sendTail, type StreamedFetch } from "../objects/contracts/transfer.ts";
import { callPartition, callReplica, SHORT_CALL, type ReplicaCall } from "./calls.ts";
import { listOffset } from "./list-offset.ts";
import { newestKnown, type KnownTopic } from "./metadata.ts";
import { counters } from "./metrics.ts";
import type { PartitionOptions } from "./recovery.ts";
import type { Service } from "./service.ts";
import { nearestReplica } from "./nearest.ts";

/** A page is answered when its wait is over; this deadline is for a replica that hangs. */
const FETCH_MARGIN_MS = 5_000;

/** For a reader that has begun: its offsets are those of one topic, and mean nothing in another of the same name. */
const SHORT_CALL_GOING_ON: PartitionOptions = { ...SHORT_CALL, sameTopic: true };

/** An offset, or an end of the log that has to be looked up. */
export type Position = number | "earliest" | "latest";

export interface OpenTail {
  readonly ok: true;
  /** Not accepted yet. */
  readonly socket: WebSocket;
}

export class PartitionReader {
  readonly topic: string;
  readonly partition: number;
  private readonly service: Service;
  private known: KnownTopic;
  private readonly unknownPartition: ErrorName;
  /** Where the reader is; empty: reads from the leader. */
  private place: string;
  /** Reads this very topic, and no other of the same name. */
  private isBound: boolean;
  private served = -1;

  constructor(
    service: Service,
    known: KnownTopic,
    partition: number,
    unknownPartition: ErrorName,
    place = "",
    isBound = false,
  ) {
    this.service = service;
    this.known = known;
    this.topic = known.metadata.topic;
    this.partition = partition;
    this.unknownPartition = unknownPartition;
    this.place = place;
    this.isBound = isBound;
  }

  /** The broker whose replica has answered the last page; -1 when none was read. */
  get servedBy(): number {
    return this.served;
  }

  /** The offset of a position. Calls the partition's leader only for the ends of the log. */
  async offsetOf(position: Position): Promise<number | Refusal> {
    if (typeof position === "number") return position;
    const { service, known, partition } = this;
    const listed = await listOffset(service, known, partition, { at: position });
    return listed.ok ? listed.offset : this.versioned(listed);
  }

  /**
   * A page whose batches may be passed on as they stream in. `once`: does not look for a leader that has moved or
   * does not answer.
   */
  async stream(request: FetchRequest, once = false): Promise<StreamedFetch | Refusal> {
    // A reader that stays connected learns of new leaders.
    if (this.isBound) this.known = newestKnown(this.known);
    const fetched = await this.pageOf(request, once);
    if (!fetched.ok) return this.versioned(fetched);
    this.isBound = true;
    counters.bytesOut += fetched.sizeBytes;
    return fetched;
  }

  private async pageOf(request: FetchRequest, once: boolean): Promise<StreamedFetch | Refusal> {
    if (this.place === "") return this.leadersPage(request, once);
    const startedMs = Date.now();
    const near = await this.nearPage(request);
    const leftMs = Math.max(0, request.maxWaitMs - (Date.now() - startedMs));
    if (near !== null) {
      if (near.sizeBytes > 0 || (request.maxWaitMs > 0 && leftMs === 0)) return near;
      // The replica may have left the in-sync set since: only the leader can tell that there is nothing to read.
      await near.body?.cancel();
    }
    return this.leadersPage({ ...request, maxWaitMs: leftMs }, once);
  }

  private leadersPage(request: FetchRequest, once: boolean): Promise<StreamedFetch | Refusal> {
    const options: PartitionOptions = {
      repeatable: true,
      deadlineMs: request.maxWaitMs + FETCH_MARGIN_MS,
      ...(this.isBound && { sameTopic: true }),
      ...(once && { once }),
    };
    return callPartition(this.service, this.known, this.partition, options, this.call(request));
  }

  /** The page of the nearest follower; null where the leader is to answer. */
  private async nearPage(request: FetchRequest): Promise<StreamedFetch | null> {
    const { service, known, partition } = this;
    const brokerId = nearestReplica(known, partition, this.place);
    if (brokerId === (known.metadata.partitions[partition]?.leader ?? -1)) return null;
    const deadlineMs = request.maxWaitMs + FETCH_MARGIN_MS;
    const call = this.call(request);
    const page = await callReplica(service, known, partition, brokerId, deadlineMs, call);
    if (page.ok) return page;
    // Whatever the error, the leader knows better; this reader does not ask the follower again.
    this.place = "";
    return null;
  }

  private call(request: FetchRequest): ReplicaCall<StreamedFetch> {
    return (stub, brokerId) => {
      this.served = brokerId;
      return sendFetch(stub, request);
    };
  }

  async fetch(request: FetchRequest): Promise<Fetched | Refusal> {
    const streamed = await this.stream(request);
    if (!streamed.ok) return streamed;
    const { body: _, bytes, ...ends } = streamed;
    return { ...ends, batches: await bytes() };
  }

  /** Opens the partition's tail; `TailHello` describes what its socket says. */
  async openTail(offset: number): Promise<OpenTail | Refusal> {
    const opened = await callPartition<OpenTail>(
      this.service,
      this.isBound ? newestKnown(this.known) : this.known,
      this.partition,
      this.isBound ? SHORT_CALL_GOING_ON : SHORT_CALL,
      (stub) => sendTail(stub, offset),
    );
    return opened.ok ? opened : this.versioned(opened);
  }

  private versioned(refusal: Refusal): Refusal {
    return refusal.error === "UNKNOWN_PARTITION" ? refuse(this.unknownPartition) : refusal;
  }
}
