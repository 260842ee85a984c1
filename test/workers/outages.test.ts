/** The errors of a cluster and a storage that do not work, each provoked for real, through the routes. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { replicaObjectName } from "../../src/base/ids.ts";
import type { Partition } from "../../src/objects/partition/object.ts";
import { topicMetadata } from "../../src/gateway/metadata.ts";
import { serviceOf } from "../../src/gateway/service.ts";
import { fillStorageFor } from "./full-storage.ts";
import {
  append,
  bodyOf,
  call,
  CLUSTER,
  environment,
  expectError,
  newTopic,
  replicated,
} from "./admin-support.ts";
import { objectsEnv } from "./objects-env.ts";

const env = environment({ OPEN_ON_LOOPBACK: "true" });

/** The object of the partition's leader. */
async function replicaOf(topic: string) {
  const known = await topicMetadata(serviceOf(env), topic);
  if (!known.ok) throw new Error(known.message);
  const { topicId, partitions, configs } = known.metadata;
  const { leader: brokerId, leaderEpoch, partitionEpoch, replicas } = partitions[0]!;
  const { generation } = replicas.find((replica) => replica.brokerId === brokerId)!;
  const name = { topicId, partition: 0, brokerId, generation };
  const stub = objectsEnv.PARTITION.getByName(replicaObjectName(name));
  /** Tells the replica, and only it, of a leader elsewhere. */
  const leadBy = (leader: number) =>
    stub.assign({
      ...name,
      topic,
      leader,
      leaderEpoch: leaderEpoch + 1,
      partitionEpoch: partitionEpoch + 1,
      replicas: [{ brokerId, generation, locationHint: "", fenced: false }],
      inSync: [brokerId],
      configs,
      founding: false,
    });
  return { stub, leadBy };
}

/** Lets one object answer nothing more, until the mocks are restored. */
function hang(stub: DurableObjectStub<Partition>): Promise<void> {
  return runInDurableObject(stub, (instance, { id }) => {
    const prototype = Object.getPrototypeOf(instance) as Record<string, Method>;
    for (const method of ["append", "probe"]) {
      const works = prototype[method]!;
      vi.spyOn(prototype, method).mockImplementation(function (this: Instance, ...given) {
        if (this.ctx.id.name !== id.name) return works.apply(this, given);
        // A promise that nothing can resolve any more would be noticed by the runtime.
        return new Promise((resolve) => {
          setTimeout(resolve, 60_000);
        });
      });
    }
  });
}
type Instance = { readonly ctx: DurableObjectState };
type Method = (this: Instance, ...given: unknown[]) => unknown;

const value = { value: { type: "STRING", data: "x" } };
const atomic = (topic: string, query = "") =>
  call(`${CLUSTER}/topics/${topic}/partitions/0/records:batch${query}`, {
    method: "POST",
    json: { records: [value] },
  });
const fetched = (topic: string) => call(`/topics/${topic}/partitions/0/records?offset=0`);

describe("outages", () => {
  it("too few replicas in sync: acks=all is refused with nothing written, acks=1 is taken", async () => {
    const topic = await newTopic({ configs: [{ name: "min.insync.replicas", value: "2" }] });
    const ends = async () => {
      const partition = await bodyOf(await call(`${CLUSTER}/topics/${topic}/partitions/0`));
      return [partition.high_watermark, partition.log_end_offset];
    };
    await expectError(await atomic(topic), "NOT_ENOUGH_REPLICAS");
    expect(await ends()).toEqual([0, 0]);
    expect(await bodyOf(await atomic(topic, "?acks=1"))).toMatchObject({ base_offset: 0 });
    // It is in the leader's log and not committed: no reader sees it.
    expect(await ends()).toEqual([0, 1]);
    expect(await bodyOf(await fetched(topic))).toEqual([]);
  });

  it("no leader: produce is refused, and may be tried again; what is committed can be read", async () => {
    const topic = await newTopic();
    await append(topic);
    const { leadBy } = await replicaOf(topic);
    await leadBy(-1);
    await expectError(await atomic(topic), "LEADER_NOT_AVAILABLE");
    expect(await bodyOf(await fetched(topic))).toHaveLength(1);
  });

  it("a leader elsewhere that nobody knows yet: refused as unavailable", async () => {
    const topic = await newTopic();
    const { leadBy } = await replicaOf(topic);
    await leadBy(99);
    await expectError(await atomic(topic), "NOT_LEADER_OR_FOLLOWER");
  });

  it("a leader that hangs is found out by whoever calls it: another is elected, and a repeat that is harmless goes there", async () => {
    const topic = await replicated();
    const { stub } = await replicaOf(topic);
    const before = await bodyOf(await call(`${CLUSTER}/topics/${topic}/partitions/0`));
    await hang(stub);
    const impatient = environment({ OPEN_ON_LOOPBACK: "true", REQUEST_TIMEOUT_MS: "100" });
    const path = `${CLUSTER}/topics/${topic}/partitions/0/records:batch`;
    const producer = { "producer-id": "77", "producer-epoch": "0", "producer-seq": "0" };
    const json = { records: [value] };
    const produced = await call(path, { method: "POST", json, headers: producer }, impatient);
    expect(await bodyOf(produced)).toMatchObject({ base_offset: 0, duplicate: false });
    const after = await bodyOf(await call(`${CLUSTER}/topics/${topic}/partitions/0`));
    expect(after.leader_id).not.toBe(before.leader_id);
    expect(after.leader_epoch).toBeGreaterThan(before.leader_epoch);
    // Nobody else has to wait for it.
    expect(await bodyOf(await atomic(topic))).toMatchObject({ base_offset: 1 });
    vi.restoreAllMocks();
  });

  it("storage that refuses the row: nothing was written, and it goes on once storage works", async () => {
    const topic = await newTopic();
    await append(topic);
    fillStorageFor("INSERT INTO chunks");
    const logged = vi.spyOn(console, "error");
    await expectError(await atomic(topic), "KAFKA_STORAGE_ERROR");
    expect(logged.mock.calls.join()).not.toContain("partition-broken");
    // Whoever watches the service hears of it, without a call of any object.
    await expectError(await call("/healthz"), "KAFKA_STORAGE_ERROR");
    vi.restoreAllMocks();
    expect(await bodyOf(await atomic(topic))).toMatchObject({ base_offset: 1 });
    expect(await bodyOf(await call("/healthz"))).toEqual({ status: "ok" });
  });

  it("a broken assumption resets a partition's object, and is not told as a failure of storage", async () => {
    const topic = await newTopic();
    await append(topic);
    const { stub } = await replicaOf(topic);
    const rename = (from: string, to: string) =>
      runInDurableObject(stub, (_, { storage }) => {
        storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`);
      });
    await rename("chunks", "lost");
    const logged = vi.spyOn(console, "error");
    const message = await expectError(await atomic(topic), "KAFKA_STORAGE_ERROR");
    expect(message).not.toMatch(/chunks|sqlite|\bat\b/i);
    expect(logged.mock.calls.join()).toContain('"event":"partition-broken"');
    expect(logged.mock.calls.join()).not.toContain("partition-storage-failed");
    vi.restoreAllMocks();
  });

  it("an exception in an object: a retriable error and no word of what it was", async () => {
    const topic = await newTopic();
    await append(topic);
    const { stub } = await replicaOf(topic);
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec("DROP TABLE segments");
    });
    const path = `${CLUSTER}/topics/${topic}/partitions/0/offset?timestamp=5`;
    const message = await expectError(await call(path), "KAFKA_STORAGE_ERROR");
    expect(message).not.toMatch(/segments|sqlite|\bat\b/i);
  });
});
