/** Reading from one partition: where its ends are, its pages, and its tail's socket. */
import { refuse, type ErrorName, type Refusal } from "../../base/errors.ts";
import type { Fetched, FetchRequest, ListedOffset } from "../../objects/partition/api.ts";
import { sendFetch, sendTail, type StreamedFetch } from "../../objects/partition/transfer.ts";
import { callPartition } from "../calls.ts";
import type { KnownTopic } from "../metadata.ts";
import { counters } from "../metrics.ts";
import type { Service } from "../service.ts";
import type { Position } from "./fetch-query.ts";

export interface OpenTail {
  readonly ok: true;
  /** Not accepted yet. */
  readonly socket: WebSocket;
}

export class PartitionReader {
  readonly topic: string;
  readonly partition: number;
  private readonly service: Service;
  private readonly known: KnownTopic;
  private readonly unknownPartition: ErrorName;

  constructor(service: Service, known: KnownTopic, partition: number, unknownPartition: ErrorName) {
    this.service = service;
    this.known = known;
    this.topic = known.metadata.topic;
    this.partition = partition;
    this.unknownPartition = unknownPartition;
  }

  /** The offset of a position. Calls the partition only for the ends of the log. */
  async offsetOf(position: Position): Promise<number | Refusal> {
    if (typeof position === "number") return position;
    const listed = await callPartition<ListedOffset>(
      this.service,
      this.known,
      this.partition,
      true,
      (stub) => stub.listOffset({ at: position }),
    );
    return listed.ok ? listed.offset : this.versioned(listed);
  }

  /** A page whose batches may be passed on as they stream in. */
  async stream(request: FetchRequest): Promise<StreamedFetch | Refusal> {
    const fetched = await callPartition<StreamedFetch>(
      this.service,
      this.known,
      this.partition,
      true,
      (stub) => sendFetch(stub, request),
    );
    if (!fetched.ok) return this.versioned(fetched);
    counters.bytesOut += fetched.sizeBytes;
    return fetched;
  }

  async fetch(request: FetchRequest): Promise<Fetched | Refusal> {
    const streamed = await this.stream(request);
    if (!streamed.ok) return streamed;
    const { body: _, bytes, ...ends } = streamed;
    return { ...ends, batches: await bytes() };
  }

  /** Opens the partition's tail: see `TailHello` for what its socket says. */
  async openTail(offset: number): Promise<OpenTail | Refusal> {
    const opened = await callPartition<OpenTail>(
      this.service,
      this.known,
      this.partition,
      true,
      (stub) => sendTail(stub, offset),
    );
    return opened.ok ? opened : this.versioned(opened);
  }

  private versioned(refusal: Refusal): Refusal {
    return refusal.error === "UNKNOWN_PARTITION" ? refuse(this.unknownPartition) : refusal;
  }
}
