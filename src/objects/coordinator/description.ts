/** A group as operators see it. Reads, alters nothing. */
import { decodeSubscription } from "../../kafka/messages/consumer-protocol.ts";
import type { GroupDescription, MemberDescription } from "./api.ts";
import { assignmentBytes, flat, partitionsOf } from "./assignments.ts";
import type { GroupImage } from "./image.ts";
import type { Member } from "./members.ts";
import type { Rebalance } from "./rebalance.ts";
import type { Topics } from "./topics.ts";

export function describeGroup(
  groupId: string,
  image: GroupImage,
  rebalance: Rebalance,
): Omit<GroupDescription, "rowsRead" | "rowsWritten" | "wakeRowsRead"> {
  const { state } = rebalance;
  const isEmpty = rebalance.members.size === 0;
  const looseInstances = [...image.instances.keys()].filter((id) => !rebalance.members.has(id));
  return {
    ok: true,
    groupId,
    state,
    generationId: image.generationId,
    protocolType: isEmpty ? image.protocolType : rebalance.protocolType,
    protocolName: state === "Stable" || state === "CompletingRebalance" ? image.protocolName : "",
    leader: isEmpty ? "" : image.leader,
    members: [...rebalance.members.values()].map((member) => describe(member, image, rebalance)),
    looseInstances: looseInstances.length,
    committedPartitions: image.offsets.size,
  };
}

function describe(member: Member, image: GroupImage, rebalance: Rebalance): MemberDescription {
  const { memberId, groupInstanceId, clientId, clientHost, isInstance } = member;
  const assignment = assignmentBytes(image.assignments.get(memberId));
  const isReadable = isInstance || rebalance.protocolType === "consumer";
  return {
    ...{ memberId, groupInstanceId, clientId, clientHost, isInstance },
    metadata: image.isAssigned
      ? rebalance.metadataOf(member, image.protocolName)
      : new Uint8Array(0),
    assignment,
    partitions: isReadable ? flat(partitionsOf(assignment)) : [],
  };
}

/** Topics that members subscribe to, as far as what they say of themselves can be read. */
export function subscribedTopics(
  rebalance: Rebalance,
  topics: Topics,
  image: GroupImage,
): ReadonlySet<string> {
  const subscribed = new Set<string>();
  for (const { memberId, isInstance, protocols } of rebalance.members.values()) {
    const subscription = image.instances.get(memberId)?.subscription ?? null;
    if (isInstance && subscription !== null) {
      for (const topic of topics.covered(subscription)) subscribed.add(topic);
    }
    for (const { metadata } of protocols) {
      for (const topic of decodeSubscription(metadata)?.topics ?? []) subscribed.add(topic);
    }
  }
  return subscribed;
}
