/** The cluster as the demo sees it: brokers, and the state of its topic's partitions. */
import { ERRORS } from "../../base/errors.ts";
import { asked, type Target } from "./api.ts";
import type { ProducedRecord } from "./produced-record.ts";

export interface Broker {
  readonly brokerId: number;
  readonly rack: string;
  readonly state: string;
}

export interface Partition {
  readonly partition: number;
  /** -1: none. */
  readonly leader: number;
  readonly leaderEpoch: number;
  /** The preferred leader first. */
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
  /** -1: its leader could not be asked. */
  readonly endOffset: number;
}

/** Where the records were written, or why the request has to be repeated. */
export type Appended = { readonly baseOffset: number } | { readonly again: string };

/** A request that is not answered within this time is repeated. */
const REQUEST_MS = 10_000;

const RETRIABLE: ReadonlySet<number> = new Set(
  Object.values(ERRORS).flatMap(({ rest, retriable }) => (retriable ? [rest] : [])),
);

interface BrokerBody {
  readonly broker_id: number;
  readonly rack: string | null;
  readonly state: string;
}

interface PartitionBody {
  readonly partition_id: number;
  readonly leader_id: number | null;
  readonly leader_epoch: number;
  readonly in_sync_replicas: readonly number[];
  readonly replica_states: readonly { readonly broker_id: number }[];
  readonly log_end_offset: number | null;
}

export class Cluster {
  readonly #target: Target;
  readonly #url: string;

  /** `url`: see `clusterUrl`. */
  constructor(target: Target, url: string) {
    this.#target = target;
    this.#url = url;
  }

  async brokers(): Promise<Broker[]> {
    const { data } = await this.#ask<{ data: BrokerBody[] }>("GET", "/brokers");
    return data.map(({ broker_id, rack, state }) => ({
      brokerId: broker_id,
      rack: rack ?? "",
      state,
    }));
  }

  async changeBroker(brokerId: number, action: "fence" | "unfence"): Promise<void> {
    await this.#ask("POST", `/brokers/${brokerId}:${action}`);
  }

  async partitions(): Promise<Partition[]> {
    const path = `/topics/${this.#target.topic}/partitions?offsets=true`;
    const { data } = await this.#ask<{ data: PartitionBody[] }>("GET", path);
    return data.map((body) => ({
      partition: body.partition_id,
      leader: body.leader_id ?? -1,
      leaderEpoch: body.leader_epoch,
      replicas: body.replica_states.map(({ broker_id }) => broker_id),
      inSync: body.in_sync_replicas,
      endOffset: body.log_end_offset ?? -1,
    }));
  }

  async electPreferred(partition: number): Promise<void> {
    const path = `/topics/${this.#target.topic}/partitions/${partition}:elect-leader`;
    await this.#ask("POST", path);
  }

  /** A producer id of its own; its epoch is 0. */
  async producerId(): Promise<number> {
    const { producer_id } = await this.#ask<{ producer_id: number }>("POST", "/producer-ids");
    return producer_id;
  }

  /** Writes consecutive records of one producer. Throws where a repeat cannot help. */
  async append(
    partition: number,
    records: readonly ProducedRecord[],
    signal: AbortSignal,
  ): Promise<Appended> {
    const { headers, topic } = this.#target;
    const [{ producer, number }] = records as readonly [ProducedRecord];
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(
        `${this.#url}/topics/${topic}/partitions/${partition}/records:batch?acks=all`,
        {
          method: "POST",
          headers: {
            ...headers,
            "content-type": "application/json",
            "producer-id": String(producer),
            "producer-epoch": "0",
            "producer-seq": String(number),
          },
          body: JSON.stringify({ records: records.map(asWritten) }),
          signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]),
        },
      );
      text = await answer.text();
    } catch (error) {
      return { again: (error as Error).message };
    }
    const body = JSON.parse(text) as { base_offset: number; error_code?: number };
    if (answer.ok) return { baseOffset: body.base_offset };
    if (RETRIABLE.has(body.error_code ?? 0)) return { again: text };
    throw new Error(`Partition ${partition} refuses records ${answer.status}: ${text}`);
  }

  async #ask<T>(method: string, path: string): Promise<T> {
    const { headers } = this.#target;
    const answer = await asked(await fetch(this.#url + path, { method, headers }));
    return (await answer.json()) as T;
  }
}

function asWritten(record: ProducedRecord): unknown {
  return {
    key: { type: "STRING", data: record.flight.origin },
    value: { type: "JSON", data: record },
  };
}
