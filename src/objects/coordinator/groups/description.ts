/** A group as operators see it. Reads, alters nothing. */
import { decodeSubscription } from "../../../kafka/messages/consumer-protocol.ts";
import type { GroupDescription, MemberDescription } from "../../contracts/group.ts";
import type { Subscription } from "../../contracts/instances.ts";
import { assignmentBytes, flat, partitionsOf } from "./assignments.ts";
import type { GroupImage } from "./image.ts";
import { CONSUMER, type Member } from "./classic/members.ts";
import type { Rebalance } from "./classic/rebalance.ts";
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
  const isReadable = isInstance || rebalance.protocolType === CONSUMER;
  return {
    ...{ memberId, groupInstanceId, clientId, clientHost, isInstance },
    metadata: image.isAssigned
      ? rebalance.metadataOf(member, image.protocolName)
      : new Uint8Array(0),
    assignment,
    partitions: isReadable ? flat(partitionsOf(assignment)) : [],
  };
}

/**
 * Topics that members subscribe to; null where that cannot be told: what one of them says of itself cannot be
 * read, or is not what consumers say, or nobody has looked up yet which names match a pattern.
 */
export function subscribedTopics(
  rebalance: Rebalance,
  topics: Topics,
  image: GroupImage,
): ReadonlySet<string> | null {
  const subscribed = new Set<string>();
  if (rebalance.members.size === 0) return subscribed;
  if (rebalance.protocolType !== CONSUMER) return null;
  for (const { memberId, isInstance, protocols } of rebalance.members.values()) {
    const subscription = image.instances.get(memberId)?.subscription ?? null;
    if (isInstance && subscription !== null) {
      const covered = coveredBy(subscription, topics);
      if (covered === null) return null;
      for (const topic of covered) subscribed.add(topic);
    }
    for (const { metadata } of protocols) {
      const said = decodeSubscription(metadata);
      if (said === null) return null;
      for (const topic of said.topics) subscribed.add(topic);
    }
  }
  return subscribed;
}

/** Topics of which offsets are in use: subscribed to, or read by hand. Null while it cannot be told. */
export function topicsInUse(
  rebalance: Rebalance,
  topics: Topics,
  image: GroupImage,
): ReadonlySet<string> | null {
  // Whoever has yet to join again may have said something else by then.
  if (rebalance.members.size > 0 && rebalance.state !== "Stable") return null;
  const subscribed = subscribedTopics(rebalance, topics, image);
  if (subscribed === null) return null;
  const inUse = new Set(subscribed);
  // Instances join by polling: one may not be a member yet, or not have said yet what it reads.
  for (const { assigned, subscription } of image.instances.values()) {
    if (assigned === null && subscription === null) return null;
    const covered = subscription === null ? [] : coveredBy(subscription, topics);
    if (covered === null) return null;
    for (const topic of covered) inUse.add(topic);
    for (const { topic } of assigned?.keys() ?? []) inUse.add(topic);
  }
  return inUse;
}

/** The names that a subscription stands for; null for a pattern while nobody has looked up what there is. */
function coveredBy(subscription: Subscription, topics: Topics): readonly string[] | null {
  return subscription.by === "pattern" && !topics.isKnown ? null : topics.covered(subscription);
}
