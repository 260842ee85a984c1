/** Checks of the cluster image after every decision: invariants 4, 6, 8 and 15 of docs/correctness.md. */
import { expect } from "vitest";
import type {
  BrokerDescription,
  ClusterMetadata,
  PartitionMetadata,
  TopicMetadata,
} from "../../../src/objects/contracts/controller.ts";
import { applyChange } from "../../../src/objects/controller/image/apply.ts";
import type { Change } from "../../../src/objects/controller/image/changes.ts";
import { decodeChangeSet } from "../../../src/objects/runtime/journal.ts";
import { emptyImage } from "../../../src/objects/controller/image/cluster.ts";
import type { ControllerHarness } from "./harness.ts";
import type { Witness } from "./histories.ts";

/** Checks every state that a history passes through. */
export class Sightings {
  readonly #epochs = new Map<string, number>();
  readonly #leaders = new Map<string, number>();

  see({ brokers, topics }: ClusterMetadata): void {
    for (const { brokerId, brokerEpoch } of brokers) this.#rises(`${brokerId}`, brokerEpoch);
    const fenced = new Set(brokers.filter(({ state }) => state === "fenced").map(byId));
    for (const { topicId, partitions } of topics) {
      for (const partition of partitions) this.#partition(topicId, partition, fenced);
    }
  }

  #partition(topicId: string, state: PartitionMetadata, fenced: ReadonlySet<number>): void {
    const { leader, leaderEpoch, partitionEpoch, inSync, replicas } = state;
    const name = `${topicId}/${state.partition}`;
    const brokerIds = replicas.map(byId);
    expect(inSync.length).toBeGreaterThan(0);
    for (const id of inSync) expect(brokerIds).toContain(id);
    if (leader !== -1) expect(inSync).toContain(leader);
    expect(fenced).not.toContain(leader);
    const isUp = (id: number): boolean => !fenced.has(id);
    // A fenced member is in sync only where all members are fenced; and there is a leader if any member may lead.
    if (inSync.some(isUp)) {
      expect(inSync.every(isUp)).toBe(true);
      expect(leader).not.toBe(-1);
    }
    this.#rises(`${name} leader`, leaderEpoch);
    this.#rises(`${name} partition`, partitionEpoch);
    // One leader per epoch.
    const epoch = `${name} ${leaderEpoch}`;
    expect(this.#leaders.get(epoch) ?? leader).toBe(leader);
    this.#leaders.set(epoch, leader);
    for (const { brokerId, generation } of replicas) {
      this.#rises(`${name} on ${brokerId}`, generation);
    }
  }

  #rises(what: string, value: number): void {
    expect(value, what).toBeGreaterThanOrEqual(this.#epochs.get(what) ?? 0);
    this.#epochs.set(what, value);
  }
}

const byId = ({ brokerId }: Pick<BrokerDescription, "brokerId">): number => brokerId;

/** Expects that clean elections chose a member of the in-sync set at their time, and that unclean ones are counted. */
export function expectSoundElections(harness: ControllerHarness, witness: Witness): void {
  const image = emptyImage();
  let elections = 0;
  let unclean = 0;
  const rows = harness.storage.all<{ change: string }>("SELECT change FROM changes ORDER BY seq");
  for (const { change: text } of rows) {
    const { changes, atMs } = decodeChangeSet<Change>(text);
    for (const change of changes) {
      for (const one of change.type === "partitions-changed" ? change.partitions : []) {
        if (change.type !== "partitions-changed" || (one.leader ?? -1) === -1) continue;
        const was = image.topics.get(change.topicId)?.partitions[one.partition];
        const proposal = `${change.topicId}/${one.partition}/${was?.leaderEpoch}/${one.leader}`;
        if (one.unclean) unclean += 1;
        else {
          elections += 1;
          expect(was?.inSync.includes(one.leader!) || witness.proposed.has(proposal)).toBe(true);
        }
      }
      applyChange(image, change, atMs);
    }
  }
  expect(harness.rules.describe().counts).toMatchObject({ elections, uncleanElections: unclean });
}

/** Expects that every live replica of a founded partition has its newest assignment, and that no other object has storage. */
export function expectDelivered(
  harness: ControllerHarness,
  topics: readonly TopicMetadata[],
): void {
  const told = new Map<string, number>();
  for (const { topicId, partitions } of topics) {
    for (const { partition, partitionEpoch, replicas, unfounded } of partitions) {
      if (unfounded) continue;
      for (const { brokerId, generation } of replicas) {
        told.set(`${topicId}/${partition}/${brokerId}/${generation}`, partitionEpoch);
      }
    }
  }
  const known = [...harness.replicas.assignments].map(
    ([name, at]) => [name, at.partitionEpoch] as const,
  );
  expect(new Map(known)).toEqual(told);
  // A partition that returns to a broker gets a new object there: the old one's deletion may still be under way.
  for (const name of told.keys()) expect(harness.replicas.purged).not.toContain(name);
}
