/** Descriptions of a group, for operators and for what depends on which topics are read. Reads, alters nothing. */
import { decodeSubscription } from "../../../kafka/messages/consumer-protocol.ts";
import type { GroupDescription, MemberDescription } from "../../contracts/group.ts";
import type { Subscription } from "../../contracts/instances.ts";
import { assignmentBytes, flat, partitionsOf } from "./assignments.ts";
import { CONSUMER, type Member } from "./classic/members.ts";
import type { Rebalance } from "./classic/rebalance.ts";
import type { GroupImage } from "./image/image.ts";
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
 * Topics that members subscribe to; null where that is not known: the metadata of a member is not a consumer's or
 * cannot be decoded, or the names that match a pattern have not been looked up yet.
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
      const decoded = decodeSubscription(metadata);
      if (decoded === null) return null;
      for (const topic of decoded.topics) subscribed.add(topic);
    }
  }
  return subscribed;
}

/** Topics whose offsets are in use: subscribed to, or assigned by hand. Null while that is not known. */
export function topicsInUse(
  rebalance: Rebalance,
  topics: Topics,
  image: GroupImage,
): ReadonlySet<string> | null {
  // A member that has yet to join again may bring another subscription.
  if (rebalance.members.size > 0 && rebalance.state !== "Stable") return null;
  const subscribed = subscribedTopics(rebalance, topics, image);
  if (subscribed === null) return null;
  const inUse = new Set(subscribed);
  // Instances join by polling: one may be no member yet, or have neither a subscription nor an assignment yet.
  for (const { assigned, subscription } of image.instances.values()) {
    if (assigned === null && subscription === null) return null;
    const covered = subscription === null ? [] : coveredBy(subscription, topics);
    if (covered === null) return null;
    for (const topic of covered) inUse.add(topic);
    for (const { topic } of assigned?.keys() ?? []) inUse.add(topic);
  }
  return inUse;
}

/** The names that a subscription covers; null for a pattern that has not been looked up yet. */
function coveredBy(subscription: Subscription, topics: Topics): readonly string[] | null {
  return subscription.by === "pattern" && !topics.isKnown ? null : topics.covered(subscription);
}
