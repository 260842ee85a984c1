/**
 * Applies recorded changes to the group image: the same sequence always gives the same image, live and in replay.
 * Decides nothing, and knows no storage and no clock.
 */
import { assert } from "../../../../base/errors.ts";
import { assignmentBytes, flat, partitionsOf } from "../assignments.ts";
import { PartitionMap } from "../partition-map.ts";
import type { Change, ChangeSet, PackedPositions, StoredMember } from "./changes.ts";
import type { GroupImage, Position, StoredInstance } from "./image.ts";

/** Applies one decision. */
export function applyChangeSet(image: GroupImage, set: ChangeSet): void {
  for (const change of set.changes) applyChange(image, change, set.atMs);
  image.version += 1;
}

function applyChange(image: GroupImage, change: Change, atMs: number): void {
  switch (change.type) {
    case "group-began":
      assert(image.sinceMs === 0, "a group begins twice");
      image.sinceMs = change.sinceMs;
      image.groupId = change.groupId ?? null;
      image.emptySinceMs = atMs;
      return;
    case "generation-began":
      return beginGeneration(image, change);
    case "assigned":
      image.assignments.clear();
      image.revoking.clear();
      for (const [memberId, assignment] of change.assignments) {
        image.assignments.set(memberId, assignment);
      }
      // rule: what-is-to-be-given-up-is-recorded
      for (const [memberId, held] of change.revoking ?? []) image.revoking.set(memberId, held);
      image.isAssigned = true;
      for (const [instanceId, instance] of image.instances)
        forgetSeeks(image, instanceId, instance);
      return;
    case "members-left":
      for (const memberId of change.memberIds) removeMember(image, memberId);
      image.isUnsettled = true;
      return;
    case "rebalance-needed":
      image.isUnsettled = true;
      return;
    case "emptied":
      assert(change.generationId > image.generationId, "the generation does not rise");
      image.generationId = change.generationId;
      for (const memberId of image.members.keys()) removeMember(image, memberId);
      image.protocolName = "";
      image.leader = "";
      image.emptySinceMs = atMs;
      image.isUnsettled = false;
      return;
    case "member-replaced":
      return replaceMember(image, change.memberId, change.by);
    case "revoked":
      image.revoking.delete(change.memberId);
      return;
    case "silent":
      for (const memberId of change.memberIds) image.silent.set(memberId, atMs);
      return;
    case "heard":
      image.silent.delete(change.memberId);
      return;
    default:
      applyOther(image, change, atMs);
  }
}

type OfMembers =
  | "group-began"
  | "generation-began"
  | "assigned"
  | "members-left"
  | "rebalance-needed"
  | "emptied"
  | "member-replaced"
  | "revoked"
  | "silent"
  | "heard";

/** Offsets and instances. */
function applyOther(
  image: GroupImage,
  change: Exclude<Change, { readonly type: OfMembers }>,
  atMs: number,
): void {
  switch (change.type) {
    case "committed": {
      const { retentionMs } = change;
      const kept = retentionMs === undefined ? {} : { retentionMs };
      for (const [topic, topicId, partitions] of change.offsets) {
        for (const [partition, offset, leaderEpoch = -1, metadata = ""] of partitions) {
          const committed = { offset, leaderEpoch, metadata, committedMs: atMs, topicId, ...kept };
          image.offsets.set(topic, partition, committed);
          // An explicit "no offset": the group begins again where its readers' reset rule says.
          if (offset < 0) image.initialPositions.delete(topic, partition);
          for (const { seeks } of image.instances.values()) seeks.delete(topic, partition);
        }
      }
      return;
    }
    case "offsets-deleted":
      for (const { topic, partition } of change.partitions) {
        image.offsets.delete(topic, partition);
        if (change.keepsAnchors !== true) image.initialPositions.delete(topic, partition);
      }
      return;
    case "anchored":
      setPositions(image.initialPositions, change.positions);
      return;
    case "instance-created": {
      const { instanceId, spec } = change;
      const seeks = new PartitionMap<Position>();
      image.instances.set(instanceId, { spec, subscription: null, assigned: null, seeks });
      return;
    }
    case "instance-closed":
      image.instances.delete(change.instanceId);
      image.silent.delete(change.instanceId);
      // An instance assigned by hand is no member; its offsets are kept as long as it exists, and from then on.
      // rule: offsets-are-kept-since-the-last-reader
      if (image.emptySinceMs !== null) image.emptySinceMs = atMs;
      return;
    case "instance-subscribed": {
      const instance = instanceOf(image, change.instanceId);
      instance.subscription = change.subscription;
      instance.assigned = null;
      if (change.subscription === null) instance.seeks.clear();
      return;
    }
    case "instance-assigned": {
      const instance = instanceOf(image, change.instanceId);
      const assigned = new PartitionMap<string>();
      for (const [topic, topicId, partitions] of change.partitions) {
        for (const partition of partitions) assigned.set(topic, partition, topicId);
      }
      instance.assigned = assigned;
      instance.subscription = null;
      return;
    }
    case "sought":
      setPositions(instanceOf(image, change.instanceId).seeks, change.positions);
      return;
    default:
      change satisfies never;
      assert(false, "a change was written by newer code");
  }
}

function beginGeneration(
  image: GroupImage,
  change: Extract<Change, { readonly type: "generation-began" }>,
): void {
  const { generationId, protocolType, protocolName, leader, members } = change;
  assert(generationId > image.generationId, "the generation does not rise");
  const ids = new Set(members.map(({ memberId }) => memberId));
  for (const memberId of image.silent.keys()) {
    if (!ids.has(memberId) && !image.instances.has(memberId)) image.silent.delete(memberId);
  }
  image.generationId = generationId;
  image.protocolType = protocolType;
  image.protocolName = protocolName;
  image.leader = leader;
  image.isAssigned = false;
  image.isUnsettled = false;
  image.members.clear();
  for (const member of members) image.members.set(member.memberId, member);
  image.assignments.clear();
  image.revoking.clear();
  image.emptySinceMs = null;
  for (const baseline of change.seen ?? []) image.topicBaselines.set(baseline.topic, baseline);
  for (const key of change.looked ?? []) image.resolvedSubscriptions.add(key);
}

/** A seek ends with the ownership of its partition. */
function forgetSeeks(image: GroupImage, instanceId: string, instance: StoredInstance): void {
  if (instance.assigned || instance.seeks.size === 0) return;
  // rule: what-is-sought-stays-until-given-up
  const stored = [image.assignments.get(instanceId), image.revoking.get(instanceId)];
  const held = new PartitionMap<true>();
  for (const { topic, partition } of stored.flatMap((one) =>
    flat(partitionsOf(assignmentBytes(one))),
  )) {
    held.set(topic, partition, true);
  }
  instance.seeks.retain((topic, partition) => held.has(topic, partition));
}

function removeMember(image: GroupImage, memberId: string): void {
  image.members.delete(memberId);
  image.assignments.delete(memberId);
  image.revoking.delete(memberId);
  image.silent.delete(memberId);
}

function replaceMember(image: GroupImage, memberId: string, by: StoredMember): void {
  const assignment = image.assignments.get(memberId);
  assert(image.members.has(memberId), "a member is replaced that does not exist");
  removeMember(image, memberId);
  image.members.set(by.memberId, by);
  if (assignment !== undefined) image.assignments.set(by.memberId, assignment);
  if (image.leader === memberId) image.leader = by.memberId;
}

function setPositions(map: PartitionMap<Position>, positions: readonly PackedPositions[]): void {
  for (const [topic, topicId, partitions] of positions) {
    for (const [partition, offset] of partitions) map.set(topic, partition, { offset, topicId });
  }
}

function instanceOf(image: GroupImage, instanceId: string): StoredInstance {
  const instance = image.instances.get(instanceId);
  assert(instance, "an instance is changed that does not exist");
  return instance;
}
