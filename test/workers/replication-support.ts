/**
 * A replicated partition with its real objects: produced to through the routes, its replicas looked
 * into one by one, and what was acknowledged remembered.
 */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, vi } from "vitest";
import { CONTROLLER_NAME, replicaObjectName } from "../../src/base/ids.ts";
import { Partition } from "../../src/objects/partition/object.ts";
import { recordsFrom } from "../../src/records/index.ts";
import { topicMetadata } from "../../src/gateway/metadata.ts";
import { serviceOf } from "../../src/gateway/service.ts";
import { bodyOf, call, CLUSTER, environment, newTopic } from "./admin-support.ts";
import { eventually } from "./eventually.ts";
import { objectsEnv as env } from "./objects-env.ts";

const service = serviceOf(environment({ OPEN_ON_LOOPBACK: "true" }));

interface View {
  readonly leader_id: number | null;
  readonly in_sync_replicas: readonly number[];
  readonly log_end_offset: number | null;
  readonly replica_states: readonly { broker_id: number; log_end_offset: number | null }[];
}

/** Partition 0 of a topic of its own, three replicas, nothing of it ever deleted. */
export class Replicated {
  readonly topic: string;
  readonly path: string;
  /** Values by offset. */
  readonly acknowledged = new Map<number, string>();
  /** Names of the replicas' objects, by broker. */
  readonly #names: ReadonlyMap<number, string>;

  static async create(): Promise<Replicated> {
    const configs = [{ name: "retention.ms", value: "-1" }];
    const topic = await newTopic({ replication_factor: 3, configs });
    const known = await topicMetadata(service, topic);
    if (!known.ok) throw new Error(known.message);
    const { topicId, partitions } = known.metadata;
    const names = partitions[0]!.replicas.map((replica) => {
      return [replica.brokerId, replicaObjectName({ topicId, partition: 0, ...replica })] as const;
    });
    return new Replicated(topic, new Map(names));
  }

  private constructor(topic: string, names: ReadonlyMap<number, string>) {
    this.topic = topic;
    this.path = `${CLUSTER}/topics/${topic}/partitions/0`;
    this.#names = names;
  }

  get brokers(): readonly number[] {
    return [...this.#names.keys()];
  }

  /** A new one each time: a stub whose object was aborted stays broken. */
  #stub(brokerId: number): DurableObjectStub<Partition> {
    return env.PARTITION.getByName(this.#names.get(brokerId)!);
  }

  #stubs(): DurableObjectStub<Partition>[] {
    return this.brokers.map((id) => this.#stub(id));
  }

  /** Sends one record with acks=all; remembers it where it is acknowledged. Answers the status. */
  async send(value: string): Promise<number> {
    const json = { records: [{ value: { type: "STRING", data: value } }] };
    const answer = await call(`${this.path}/records:batch`, { method: "POST", json });
    const body = await answer.json<{ base_offset: number }>();
    if (answer.status === 200) {
      expect(this.acknowledged.has(body.base_offset), `offset of ${value}`).toBe(false);
      this.acknowledged.set(body.base_offset, value);
    }
    return answer.status;
  }

  /** As {@link send}, for what must succeed at once. */
  async append(value: string): Promise<void> {
    expect(await this.send(value)).toBe(200);
  }

  async view(): Promise<View> {
    return bodyOf(await call(this.path));
  }

  async leader(): Promise<number> {
    const { leader_id } = await this.view();
    if (leader_id === null) throw new Error("the partition has no leader");
    return leader_id;
  }

  /** Rows that the objects have written since they woke up. */
  async rowsWritten(): Promise<number> {
    let rows = 0;
    for (const stub of this.#stubs()) {
      const described = await stub.describe();
      if (!described.ok) throw new Error(described.message);
      rows += described.rowsWritten;
    }
    return rows;
  }

  /** The alarms that are set, of the replicas and of the controller. */
  async alarms(): Promise<number[]> {
    const objects = [...this.#stubs(), env.CONTROLLER.getByName(CONTROLLER_NAME)];
    const alarms = objects.map((stub) =>
      runInDurableObject(stub, (_, state) => state.storage.getAlarm()),
    );
    return (await Promise.all(alarms)).filter((alarm) => alarm !== null);
  }

  /** The replica's instance goes; one that is not there is no matter. */
  async evict(brokerId: number): Promise<void> {
    try {
      await evictDurableObject(this.#stub(brokerId));
    } catch {
      // It was asleep.
    }
  }

  /** All instances end at once, and whatever they were doing: each is made to by its next call. */
  async abort(): Promise<void> {
    const probe = vi.spyOn(Partition.prototype, "probe").mockImplementation(function (
      this: unknown,
    ) {
      (this as { readonly ctx: DurableObjectState }).ctx.abort("aborted by a test");
      return new Promise(() => {});
    });
    await Promise.allSettled(this.#stubs().map((stub) => stub.probe()));
    expect(probe).toHaveBeenCalledTimes(this.brokers.length);
    probe.mockRestore();
  }

  /** The replica's storage is lost, as if the object had never been. */
  async lose(brokerId: number): Promise<void> {
    const stub = this.#stub(brokerId);
    await runInDurableObject(stub, (_, state) => state.storage.deleteAll());
    await this.evict(brokerId);
  }

  /**
   * Proves that the replicas hold the same rows, that everything acknowledged lies at its offset,
   * and that nothing lies there twice.
   */
  async check(): Promise<void> {
    const logs = await Promise.all(this.#stubs().map(rowsOf));
    for (const log of logs) expect(log).toEqual(logs[0]);
    const values = new Map<number, string>();
    for (const { data } of logs[0]!) {
      for (const record of recordsFrom(data, 0)) {
        if (!record.ok) throw new Error(record.message);
        values.set(record.offset, new TextDecoder().decode(record.value!));
      }
    }
    expect([...values.keys()]).toEqual([...values.keys()].map((_, offset) => offset));
    expect(new Set(values.values()).size).toBe(values.size);
    for (const [offset, value] of this.acknowledged) expect(values.get(offset)).toBe(value);
  }

  /** Waits until all are in sync and hold the same, then {@link check}s. */
  async settled(): Promise<void> {
    await eventually(async () => {
      const {
        in_sync_replicas: inSync,
        replica_states: states,
        log_end_offset,
      } = await this.view();
      expect(inSync).toHaveLength(this.#names.size);
      for (const state of states) expect(state.log_end_offset).toBe(log_end_offset);
    });
    await this.check();
  }
}

function rowsOf(stub: DurableObjectStub<Partition>) {
  return runInDurableObject(stub, (_, state) => {
    const sql =
      "SELECT base_offset, last_offset, leader_epoch, data FROM chunks ORDER BY base_offset";
    const rows = state.storage.sql.exec<{
      base_offset: number;
      last_offset: number;
      leader_epoch: number;
      data: ArrayBuffer;
    }>(sql);
    return rows.toArray().map((row) => ({ ...row, data: new Uint8Array(row.data) }));
  });
}
