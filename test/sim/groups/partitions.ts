/** A client's calls of the simulated topics' partitions. */
import type { Fetched, ListedOffset } from "../../../src/objects/contracts/partition.ts";
import type { ClusterMetadata } from "../../../src/objects/contracts/controller.ts";
import { encodeBatch, recordsFrom } from "../../../src/records/index.ts";
import type { Cluster } from "../cluster.ts";
import { Router } from "../router.ts";

const DEADLINE_MS = 2_000;

export class Partitions {
  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #place: number;
  readonly #routers = new Map<string, Router>();

  constructor(cluster: Cluster, name: string, place: number) {
    this.#cluster = cluster;
    this.#name = name;
    this.#place = place;
  }

  router(topic: string): Router {
    let router = this.#routers.get(topic);
    if (!router) {
      router = new Router(this.#cluster, this.#name, this.#place, topic);
      this.#routers.set(topic, router);
    }
    return router;
  }

  /** An end of the log; null where there was no answer. */
  async end(topic: string, partition: number, at: "earliest" | "latest"): Promise<number | null> {
    const answer = await this.#ask<ListedOffset>(topic, partition, "listOffset", { at });
    return answer?.ok === true ? answer.offset : null;
  }

  /** The offsets of the records from an offset on; null where there was no answer. */
  async read(topic: string, partition: number, offset: number): Promise<number[] | null> {
    const request = {
      offset,
      maxBytes: 400,
      minBytes: 0,
      maxWaitMs: 0,
      isolation: "read_uncommitted",
    };
    const page = await this.#ask<Fetched>(topic, partition, "fetch", request);
    if (page?.ok !== true) return null;
    const offsets: number[] = [];
    for (const record of recordsFrom(page.batches, offset))
      if (record.ok) offsets.push(record.offset);
    return offsets;
  }

  async append(topic: string, partition: number, values: readonly string[]): Promise<void> {
    const encoder = new TextEncoder();
    const timestamp = this.#cluster.world.clockMs(this.#place);
    const records = values.map((value) => ({
      ...{ timestamp, key: null, value: encoder.encode(value), headers: [] },
    }));
    await this.#ask(topic, partition, "append", { batches: encodeBatch(records), acks: -1 });
  }

  /** Number of partitions by topic, of the topics that exist; null where there was no answer. */
  async counts(topics: readonly string[]): Promise<ReadonlyMap<string, number> | null> {
    const { controller } = this.#cluster;
    const router = this.router(topics[0]!);
    const answer = await router.ask<ClusterMetadata>(controller, "metadata", [topics], DEADLINE_MS);
    if (answer?.ok !== true) return null;
    return new Map(answer.topics.map(({ topic, partitions }) => [topic, partitions.length]));
  }

  /** The id of the topic that has the name; null where there was no answer. */
  async topicId(topic: string): Promise<string | null> {
    const { controller } = this.#cluster;
    const router = this.router(topic);
    const answer = await router.ask<ClusterMetadata>(
      controller,
      "metadata",
      [[topic]],
      DEADLINE_MS,
    );
    return answer?.ok === true ? (answer.topics[0]?.topicId ?? null) : null;
  }

  async #ask<A extends { readonly ok: true }>(
    topic: string,
    partition: number,
    method: string,
    request: unknown,
  ) {
    const router = this.router(topic);
    const cell = await router.locate(partition, "leader");
    return cell && router.call<A>(partition, cell, method, request, DEADLINE_MS);
  }
}
