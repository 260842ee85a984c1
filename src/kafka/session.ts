/**
 * The state of a connection between its requests, and how its handlers reach objects. Every call is counted, because
 * a connection lives in one invocation, and the platform ends an invocation after a number of calls.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import type { ControllerApi } from "../objects/contracts/controller.ts";
import type { CoordinatorApi } from "../objects/contracts/group.ts";
import type { ListedOffset, OffsetSpec } from "../objects/contracts/partition.ts";
import { callPartition, SHORT_CALL, type ReplicaCall } from "../gateway/calls.ts";
import { listOffset } from "../gateway/list-offset.ts";
import type { PartitionOptions } from "../gateway/recovery.ts";
import {
  cachedTopic,
  cachedTopicById,
  topicMetadata,
  topicMetadataById,
  type KnownTopic,
} from "../gateway/metadata.ts";
import { callController, callCoordinator, type CallOptions } from "../gateway/objects.ts";
import { ANONYMOUS, KEY_HOLDER, type Principal } from "../gateway/principal.ts";
import type { Service } from "../gateway/service.ts";
import type { Addresses } from "../gateway/addresses.ts";
import { FetchSessions } from "./fetch-sessions.ts";
import { isById, type NamedTopic } from "./named-topic.ts";
import { SaslState } from "./sasl.ts";
import { Rotation } from "./rotation.ts";
import { PartitionWatches } from "./watches.ts";

/** The client at the other end, and how it has connected. */
export interface Peer {
  /** As Kafka writes it: `/127.0.0.1`. */
  readonly host: string;
  /** The region that it calls from; empty where that is not known. */
  readonly place: string;
  readonly addresses: Addresses;
  /** The index of the port it has connected to, from 0; null where that is not known. */
  readonly listener: number | null;
  /** No key is needed, or it was presented before the first frame. */
  readonly isAuthenticated: boolean;
}

/**
 * Calls after which a connection is ended, between two requests; its client reconnects. The platform allows 10,000;
 * the rest is left for the request in progress.
 */
const CALLS_MAX = 6_000;

/** The most calls that one request may make; beyond, the rest of it is refused. */
const CALLS_MAX_IN_REQUEST = 9_000;

/** Calls that a failed call may have cost: retries, reports and metadata look-ups. */
const CALLS_OF_FAILURE = 12;

const TOO_MUCH = "The request asks for more than one connection may do; ask for less at once.";

/** The deadline of group calls that answer from memory or write a row, in milliseconds. */
const GROUP_CALL_MS = 10_000;

export class Session {
  readonly service: Service;
  readonly peer: Peer;
  readonly sasl: SaslState;
  readonly watches = new PartitionWatches();
  readonly fetchSessions = new FetchSessions();
  /** The position in the partitions of fetches that name very many. */
  readonly rotation = new Rotation();
  /** The last append in progress for each partition; the next one waits for it. By topic and partition. */
  readonly appends = new Map<string, Promise<unknown>>();
  private calls = 0;

  constructor(service: Service, peer: Peer) {
    this.service = service;
    this.peer = peer;
    this.sasl = new SaslState(service.keys, peer.isAuthenticated);
  }

  /** The caller, once it has authenticated. */
  get principal(): Principal {
    return this.service.keys.length === 0 ? ANONYMOUS : KEY_HOLDER;
  }

  /** Whether the connection has made as many calls as it may. */
  get isSpent(): boolean {
    return this.calls >= CALLS_MAX;
  }

  /** Counts calls that are about to be made; false where this request may make no more. */
  mayCall(calls = 1): boolean {
    if (this.calls + calls > CALLS_MAX_IN_REQUEST) return false;
    this.calls += calls;
    return true;
  }

  /** Accounts for the cost of a call that has failed. */
  settle<A extends { readonly ok: boolean }>(answer: A): A {
    if (!answer.ok) this.calls += CALLS_OF_FAILURE;
    return answer;
  }

  /** As `callController`. */
  controller<A extends { readonly ok: true }>(
    repeatable: boolean,
    call: (controller: ControllerApi) => Promise<A | Refusal>,
  ): Promise<A | Refusal> {
    if (!this.mayCall()) return Promise.resolve(refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH));
    return callController(this.service, repeatable, call);
  }

  /** As `callCoordinator`. `options` set a longer deadline for calls that wait for other members. */
  coordinator<A extends { readonly ok: true }>(
    groupId: string,
    options: Partial<CallOptions>,
    call: (coordinator: CoordinatorApi) => Promise<A | Refusal>,
  ): Promise<A | Refusal> {
    if (!this.mayCall()) return Promise.resolve(refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH));
    const { repeatable = false, deadlineMs = GROUP_CALL_MS } = options;
    return callCoordinator(this.service, groupId, { repeatable, deadlineMs }, call);
  }

  /**
   * Calls a partition's leader; by default with the deadline of a call that answers from memory or by a short read.
   */
  async leader<A extends { readonly ok: true }>(
    topic: KnownTopic,
    partition: number,
    call: ReplicaCall<A>,
    options: PartitionOptions = SHORT_CALL,
  ): Promise<A | Refusal> {
    if (!this.mayCall()) return refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH);
    return this.settle(await callPartition(this.service, topic, partition, options, call));
  }

  async listOffset(
    topic: KnownTopic,
    partition: number,
    spec: OffsetSpec,
  ): Promise<ListedOffset | Refusal> {
    if (!this.mayCall()) return refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH);
    return this.settle(await listOffset(this.service, topic, partition, spec));
  }

  /** A topic's metadata; `fresh` asks the controller in any case. */
  async topic(name: string, fresh = false): Promise<KnownTopic | Refusal> {
    const known = fresh ? undefined : cachedTopic(this.service, name);
    if (known !== undefined) return known;
    if (!this.mayCall()) return refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH);
    return topicMetadata(this.service, name, fresh);
  }

  /** As {@link topic}, by the name or the id that the client has given. UNKNOWN_TOPIC_ID. */
  async namedTopic(named: NamedTopic, fresh = false): Promise<KnownTopic | Refusal> {
    const { topic, topicId } = named;
    if (!isById(named)) {
      // This version names topics by ids, and the request has none.
      return topic === "" ? refuse("UNKNOWN_TOPIC_ID") : this.topic(topic, fresh);
    }
    const known = fresh ? undefined : cachedTopicById(this.service, topicId);
    if (known !== undefined) return known;
    if (!this.mayCall()) return refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH);
    return topicMetadataById(this.service, topicId, fresh);
  }

  /** Releases what outlives a request, when the connection has ended. */
  end(): void {
    this.watches.clear();
    this.fetchSessions.clear();
  }
}

/** What a handler is given beside the request. */
export interface Context {
  readonly session: Session;
  readonly version: number;
  readonly clientId: string;
  /** Ends the connection once this answer and all earlier ones are written. */
  closeAfter(): void;
}
