/**
 * A simulated cluster without faults, for scenarios that order messages by hand: no message is late or lost unless the
 * scenario drops or holds it. The invariants are checked as in every run.
 */
import type { Refusal } from "../../../src/base/errors.ts";
import type { Appended, AppendRequest, Fetched } from "../../../src/objects/contracts/partition.ts";
import { encodeBatch, recordsFrom, type BatchFields } from "../../../src/records/index.ts";
import type { Cell } from "../cell.ts";
import { Cluster, type Settings } from "../cluster.ts";
import type { Mirror } from "../mirror.ts";
import type { Message, Verdict } from "../network.ts";
import { Watch } from "../watch.ts";
import { World } from "../world.ts";

const OUTSIDE = { place: 9, name: "test", instance: null };
const TOPIC = "orders";

/** Decides about a message; undefined leaves it to the next rule, or lets it pass. */
export type Rule = (message: Message) => Verdict | undefined;

export interface StageOptions {
  readonly settings?: Settings;
  readonly configs?: Settings;
  readonly replicationFactor?: number;
}

export class Stage {
  readonly world = new World(1);
  readonly cluster: Cluster;
  readonly watch: Watch;
  readonly #rules = new Set<Rule>();

  /** Broker 1 leads; with three replicas 2 and 3 follow. */
  static async open(options: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(options.settings ?? {});
    const spec = {
      topic: TOPIC,
      partitions: 1,
      replicationFactor: options.replicationFactor ?? 3,
      configs: { "retention.ms": "-1", ...options.configs },
    };
    await stage.control("createTopic", spec);
    if (stage.partition.leader !== 1) throw new Error("broker 1 was to lead");
    return stage;
  }

  private constructor(settings: Settings) {
    this.world.weather.isCalm = true;
    this.cluster = new Cluster(this.world, settings);
    this.watch = new Watch(this.cluster);
    this.world.network.intercept = (message) => {
      for (const rule of this.#rules) {
        const verdict = rule(message);
        if (verdict !== undefined) return verdict;
      }
      return "pass";
    };
  }

  /** Adds a rule; the returned function removes it. */
  rule(rule: Rule): () => void {
    this.#rules.add(rule);
    return () => this.#rules.delete(rule);
  }

  /** Drops all messages between two brokers (0: the controller), in both directions. */
  cut(a: number, b: number): () => void {
    return this.rule(({ fromPlace, toPlace }) => {
      const isBetween = (fromPlace === a && toPlace === b) || (fromPlace === b && toPlace === a);
      return isBetween ? "drop" : undefined;
    });
  }

  get partition() {
    return this.watch.metadata!.topics[0]!.partitions[0]!;
  }

  get log(): string {
    return `${this.watch.metadata!.topics[0]!.topicId}/0`;
  }

  cell(brokerId: number): Cell {
    const { generation } = this.partition.replicas.find((one) => one.brokerId === brokerId)!;
    return this.cluster.cell(`${this.log}/${brokerId}/${generation}`);
  }

  mirror(brokerId: number): Mirror {
    return this.watch.mirror(this.cell(brokerId));
  }

  /** What a replica durably holds. */
  values(brokerId: number): string[] {
    return this.mirror(brokerId).rows.flatMap((row) =>
      [...recordsFrom(new Uint8Array(row.data), 0)].map((record) =>
        record.ok ? Buffer.from(record.value!).toString() : record.error,
      ),
    );
  }

  /** Calls an object; null if there is no answer within a minute. */
  call(cell: Cell, method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.cluster.call(OUTSIDE, cell, method, ...args).catch(() => null);
  }

  /** Calls the controller, and runs until it has answered. */
  async control(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.until(this.call(this.cluster.controller, method, ...args));
  }

  /** Sends a batch of one record; `sent.answer` is set once it is answered. */
  send(
    brokerId: number,
    value: string,
    acks: AppendRequest["acks"] = -1,
    fields: BatchFields = {},
  ): { answer: Appended | (Refusal & { readonly written?: true }) | null | undefined } {
    const bytes = new TextEncoder().encode(value);
    const record = { timestamp: this.world.clockMs(9), key: null, value: bytes, headers: [] };
    const request: AppendRequest = { batches: encodeBatch([record], fields), acks };
    const sent: ReturnType<Stage["send"]> = { answer: undefined };
    void this.call(this.cell(brokerId), "append", request).then((answer) => {
      sent.answer = answer as Appended | Refusal | null;
    });
    return sent;
  }

  /** Appends and waits for the answer. */
  async append(
    brokerId: number,
    value: string,
    acks: AppendRequest["acks"] = -1,
    fields: BatchFields = {},
  ) {
    const sent = this.send(brokerId, value, acks, fields);
    await this.wait(() => sent.answer !== undefined);
    return sent.answer!;
  }

  /** What a reader gets from this replica from `offset` on, without waiting. */
  async fetch(brokerId: number, offset: number): Promise<string[]> {
    const request = {
      offset,
      maxBytes: 1_000_000,
      minBytes: 0,
      maxWaitMs: 0,
      isolation: "read_uncommitted",
    };
    const page = (await this.until(this.call(this.cell(brokerId), "fetch", request))) as
      | Fetched
      | Refusal;
    if (!page.ok) return [page.error];
    this.watch.page(this.log, "the test's reader", offset, page);
    return [...recordsFrom(page.batches, offset)].map((record) =>
      record.ok ? Buffer.from(record.value!).toString() : record.error,
    );
  }

  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    void work.then(() => (isDone = true));
    await this.wait(() => isDone);
    return work;
  }

  /** Runs until the condition holds. */
  async wait(condition: () => boolean, ms = 120_000): Promise<void> {
    const { scheduler } = this.world;
    await scheduler.run(scheduler.nowMs + ms, condition);
    if (!condition()) throw new Error("it does not happen");
  }

  async sleep(ms: number): Promise<void> {
    const { scheduler } = this.world;
    await scheduler.run(scheduler.nowMs + ms);
  }

  /** Runs until all replicas are in sync and equal. */
  async converged(): Promise<void> {
    await this.wait(() => {
      const { replicas, inSync, leader } = this.partition;
      if (leader < 0 || inSync.length < replicas.length) return false;
      const end = this.mirror(leader).endOffset;
      const { committedEnd } = this.watch.truth(this.log);
      return (
        committedEnd === end &&
        replicas.every(({ brokerId }) => this.mirror(brokerId).endOffset === end)
      );
    });
  }
}
