/**
 * The group image as text and back. Fields are only added, and older snapshots lack the newer ones. Names that
 * stand in storage stay (see changes.ts).
 */
import type { StoredMember, TopicBaseline } from "./changes.ts";
import {
  emptyImage,
  type GroupImage,
  type Position,
  type StoredInstance,
  type StoredOffset,
} from "./image.ts";
import { PartitionMap } from "../partition-map.ts";
import type { InstanceSpec, Subscription } from "../../../contracts/instances.ts";

type Entries<T> = readonly (readonly [string, number, T])[];

interface Snapshot {
  readonly version: number;
  readonly sinceMs: number;
  readonly groupId?: string | null;
  readonly generationId: number;
  readonly protocolType: string;
  readonly protocolName: string;
  readonly leader: string;
  readonly isAssigned: boolean;
  readonly isUnsettled: boolean;
  readonly emptySinceMs: number | null;
  readonly members: readonly StoredMember[];
  readonly assignments: readonly (readonly [string, string])[];
  readonly revoking: readonly (readonly [string, string])[];
  readonly offsets: Entries<StoredOffset>;
  readonly anchors: Entries<Position>;
  readonly seen: readonly TopicBaseline[];
  readonly looked: readonly string[];
  readonly instances: readonly {
    readonly instanceId: string;
    readonly spec: InstanceSpec;
    readonly subscription: Subscription | null;
    readonly assigned: Entries<string> | null;
    readonly seeks: Entries<Position>;
  }[];
  readonly silent: readonly (readonly [string, number])[];
}

export function encodeSnapshot(image: GroupImage): string {
  const snapshot: Snapshot = {
    version: image.version,
    sinceMs: image.sinceMs,
    ...(image.groupId !== null && { groupId: image.groupId }),
    generationId: image.generationId,
    protocolType: image.protocolType,
    protocolName: image.protocolName,
    leader: image.leader,
    isAssigned: image.isAssigned,
    isUnsettled: image.isUnsettled,
    emptySinceMs: image.emptySinceMs,
    members: [...image.members.values()],
    assignments: [...image.assignments],
    revoking: [...image.revoking],
    offsets: image.offsets.entries(),
    anchors: image.initialPositions.entries(),
    seen: [...image.topicBaselines.values()],
    looked: [...image.resolvedSubscriptions],
    instances: [...image.instances].map(([instanceId, instance]) => ({
      instanceId,
      spec: instance.spec,
      subscription: instance.subscription,
      assigned: instance.assigned?.entries() ?? null,
      seeks: instance.seeks.entries(),
    })),
    silent: [...image.silent],
  };
  return JSON.stringify(snapshot);
}

export function decodeSnapshot(text: string): GroupImage {
  const snapshot = JSON.parse(text) as Snapshot;
  const { version, sinceMs, generationId, protocolType, protocolName } = snapshot;
  const { leader, isAssigned, isUnsettled, emptySinceMs } = snapshot;
  return {
    ...emptyImage(),
    groupId: snapshot.groupId ?? null,
    ...{ version, sinceMs, generationId, protocolType, protocolName },
    ...{ leader, isAssigned, isUnsettled, emptySinceMs },
    members: new Map(snapshot.members.map((member) => [member.memberId, member])),
    assignments: new Map(snapshot.assignments),
    revoking: new Map(snapshot.revoking),
    offsets: mapOf(snapshot.offsets),
    initialPositions: mapOf(snapshot.anchors),
    topicBaselines: new Map(snapshot.seen.map((baseline) => [baseline.topic, baseline])),
    resolvedSubscriptions: new Set(snapshot.looked),
    instances: new Map(
      snapshot.instances.map(({ instanceId, spec, subscription, assigned, seeks }) => {
        const instance: StoredInstance = {
          spec,
          subscription,
          assigned: assigned === null ? null : mapOf(assigned),
          seeks: mapOf(seeks),
        };
        return [instanceId, instance];
      }),
    ),
    silent: new Map(snapshot.silent),
  };
}

function mapOf<T>(entries: Entries<T>): PartitionMap<T> {
  const map = new PartitionMap<T>();
  for (const [topic, partition, value] of entries) map.set(topic, partition, value);
  return map;
}
