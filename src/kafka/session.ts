/**
 * What one connection knows between its requests, and how its handlers reach objects: every call is
 * counted, because the platform ends an invocation after so many, and a connection lives in one.
 */
import { refuse, type Refusal } from "../base/errors.ts";
import type { ControllerApi } from "../objects/contracts/controller.ts";
import type { CoordinatorApi } from "../objects/contracts/group.ts";
import { callPartition, SHORT_CALL, type ReplicaCall } from "../gateway/calls.ts";
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
import type { Addresses } from "./addresses.ts";
import { FetchSessions } from "./fetch-sessions.ts";
import { isById, type NamedTopic } from "./named-topic.ts";
import { SaslState } from "./sasl.ts";
import { Turns } from "./turns.ts";
import { PartitionWatches } from "./watches.ts";

/** Who is at the other end, and how it came. */
export interface Peer {
  /** As Kafka writes it: `/127.0.0.1`. */
  readonly host: string;
  /** The region that it calls from; empty when nobody knows. */
  readonly place: string;
  readonly addresses: Addresses;
  /** Which of the ports it came in at, from 0; null when nobody knows. */
  readonly listener: number | null;
  /** It needs no key, or has shown one before the first frame. */
  readonly isAuthenticated: boolean;
}

/**
 * Calls after which a connection is ended, between two requests; its client connects anew. The platform
 * allows 10,000: the rest is for what the last request still does.
 */
const CALLS_MAX = 6_000;

/** What no request makes more calls than, however much it asks for: the rest of it is refused. */
const CALLS_MAX_IN_REQUEST = 9_000;

/** What a call may have cost that went wrong: tries, reports and looks at the metadata. */
const CALLS_OF_FAILURE = 12;

const TOO_MUCH = "The request asks for more than one connection may do; ask for less at once.";

/** Group calls that answer from memory or write a row. */
const GROUP_CALL_MS = 10_000;

export class Session {
  readonly service: Service;
  readonly peer: Peer;
  readonly sasl: SaslState;
  readonly watches = new PartitionWatches();
  readonly fetchSessions = new FetchSessions();
  /** Of the partitions of fetches for very many. */
  readonly turns = new Turns();
  /** The last append under way to a partition: the next one waits for it. By topic and partition. */
  readonly appends = new Map<string, Promise<unknown>>();
  private calls = 0;

  constructor(service: Service, peer: Peer) {
    this.service = service;
    this.peer = peer;
    this.sasl = new SaslState(service.keys, peer.isAuthenticated);
  }

  /** Who is at the other end, once it has authenticated. */
  get principal(): Principal {
    return this.service.keys.length === 0 ? ANONYMOUS : KEY_HOLDER;
  }

  /** Whether the connection has made as many calls as it may. */
  get isSpent(): boolean {
    return this.calls >= CALLS_MAX;
  }

  /** Counts calls that are about to be made; false: there may be no more of them in this request. */
  mayCall(calls = 1): boolean {
    if (this.calls + calls > CALLS_MAX_IN_REQUEST) return false;
    this.calls += calls;
    return true;
  }

  /** What became of a call that was counted as one. */
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

  /** As `callCoordinator`. `options` say how long it may take where it waits for others. */
  coordinator<A extends { readonly ok: true }>(
    groupId: string,
    options: Partial<CallOptions>,
    call: (coordinator: CoordinatorApi) => Promise<A | Refusal>,
  ): Promise<A | Refusal> {
    if (!this.mayCall()) return Promise.resolve(refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH));
    const { repeatable = false, deadlineMs = GROUP_CALL_MS } = options;
    return callCoordinator(this.service, groupId, { repeatable, deadlineMs }, call);
  }

  /** Asks a partition's leader, by default what it answers from memory or by a short read. */
  async leader<A extends { readonly ok: true }>(
    topic: KnownTopic,
    partition: number,
    call: ReplicaCall<A>,
    options: PartitionOptions = SHORT_CALL,
  ): Promise<A | Refusal> {
    if (!this.mayCall()) return refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH);
    return this.settle(await callPartition(this.service, topic, partition, options, call));
  }

  /** What is known of a topic; `fresh` asks the controller in any case. */
  async topic(name: string, fresh = false): Promise<KnownTopic | Refusal> {
    const known = fresh ? undefined : cachedTopic(this.service, name);
    if (known !== undefined) return known;
    if (!this.mayCall()) return refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH);
    return topicMetadata(this.service, name, fresh);
  }

  /** As {@link topic}, by whichever of name and id the client has given. UNKNOWN_TOPIC_ID. */
  async namedTopic(named: NamedTopic, fresh = false): Promise<KnownTopic | Refusal> {
    const { topic, topicId } = named;
    if (!isById(named)) {
      // Where topics go by ids, none was given.
      return topic === "" ? refuse("UNKNOWN_TOPIC_ID") : this.topic(topic, fresh);
    }
    const known = fresh ? undefined : cachedTopicById(this.service, topicId);
    if (known !== undefined) return known;
    if (!this.mayCall()) return refuse("THROTTLING_QUOTA_EXCEEDED", TOO_MUCH);
    return topicMetadataById(this.service, topicId, fresh);
  }

  /** Lets go of what outlives a request: the connection is over. */
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
  /** Has the connection ended once everything before, and this answer, is written. */
  closeAfter(): void;
}
