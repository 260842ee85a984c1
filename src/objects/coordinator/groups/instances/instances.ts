/**
 * HTTP instances: consumers whose subscription, assignment and position live in the group's object, so that any
 * worker serves any of their requests. Instances that subscribe are members of the group; those that are assigned
 * partitions by hand are not. What they read is in polls.ts.
 */
import { refuse, type Refusal } from "../../../../base/errors.ts";
import { groupNameProblem } from "../../../../base/ids.ts";
import { GROUP_PARTITIONS_MAX, INT_MAX, PATTERN_LENGTH_MAX } from "../../../../base/limits.ts";
import type {
  AssignmentAnswer,
  CreatedInstance,
  InstanceSpec,
  Seek,
  Subscription,
  SubscriptionAnswer,
} from "../../../contracts/instances.ts";
import type { TopicPartition } from "../../../contracts/offsets.ts";
import type { Group } from "../classic/group.ts";
import type { Rebalance } from "../classic/rebalance.ts";
import { packByTopic } from "../image/changes.ts";
import type { GroupContext } from "../ports.ts";
import { subscriptionKeys, type Topics } from "../topics.ts";
import { InstanceOffsets } from "./instance-offsets.ts";
import { NOT_OWNED, Polls } from "./polls.ts";
import { InstanceSessions } from "./sessions.ts";

type Ok = { readonly ok: true };
const OK: Ok = { ok: true };

export class Instances {
  readonly polls: Polls;
  readonly #context: GroupContext;
  readonly #group: Group;
  readonly #rebalance: Rebalance;
  readonly #topics: Topics;
  readonly #sessions: InstanceSessions;
  readonly #offsets: InstanceOffsets;
  readonly #matcher: (pattern: string) => unknown;

  constructor(
    context: GroupContext,
    group: Group,
    rebalance: Rebalance,
    topics: Topics,
    matcher: (pattern: string) => unknown,
  ) {
    this.#context = context;
    this.#group = group;
    this.#rebalance = rebalance;
    this.#topics = topics;
    this.#matcher = matcher;
    const offsets = new InstanceOffsets(context, rebalance, topics);
    const sessions = new InstanceSessions(context, group, rebalance);
    this.#offsets = offsets;
    this.#sessions = sessions;
    this.polls = new Polls(context, { group, rebalance, sessions, offsets });
  }

  create(spec: InstanceSpec): CreatedInstance | Refusal {
    const { instances } = this.#context.image;
    const instanceId = spec.name === "" ? `consumer-${this.#context.random.id()}` : spec.name;
    const problem = groupNameProblem(instanceId);
    if (problem !== null) return refuse("INVALID_CONSUMER_CONFIG", problem);
    if (instances.has(instanceId) || this.#rebalance.members.has(instanceId)) {
      return refuse("INSTANCE_EXISTS");
    }
    const max = this.#context.config["group.max.size"];
    if (this.#group.isFull || instances.size >= max) return refuse("GROUP_MAX_SIZE_REACHED");
    this.#context.record({ type: "instance-created", instanceId, spec });
    this.#sessions.begin(instanceId);
    this.#context.arm();
    return { ok: true, instanceId };
  }

  close(instanceId: string, received?: string): Ok | Refusal {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    const { spec } = found.instance;
    // A client that does not say what it has received has received the last answer.
    found.reading.acknowledge(received);
    if (spec.autoCommit) this.#offsets.commitPositions(instanceId, found.reading);
    this.end([instanceId]);
    return OK;
  }

  /** Ends instances that are closed, or whose sessions are over; passes over ids that are none. */
  end(instanceIds: readonly string[]): void {
    const ended = instanceIds.filter((id) => this.#context.image.instances.has(id));
    if (ended.length === 0) return;
    this.#context.record(
      ...ended.map((instanceId) => ({ type: "instance-closed" as const, instanceId })),
    );
    for (const instanceId of ended) this.#sessions.end(instanceId);
    this.#leave(ended);
    this.#context.arm();
  }

  subscribe(instanceId: string, subscription: Subscription): Ok | Refusal {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    if (found.instance.assigned) return refuse("ALREADY_SUBSCRIBED");
    const problem = this.#subscriptionProblem(subscription);
    if (problem !== null) return refuse("INVALID_REQUEST", problem);
    const before = found.instance.subscription;
    const isSame = before !== null && isSameSubscription(before, subscription);
    const isMember = this.#rebalance.members.has(instanceId);
    if (!isSame) {
      const subscribed = { type: "instance-subscribed", instanceId, subscription } as const;
      const needed = { type: "rebalance-needed" } as const;
      this.#context.record(subscribed, ...(isMember ? [needed] : []));
    }
    if (isMember) {
      // It joins with its next poll: until then it may be processing records of its partitions.
      if (!isSame) this.#rebalance.prepare();
      return OK;
    }
    const refusal = this.#group.joinInstance(instanceId, found.instance);
    if (refusal !== null) {
      this.#context.record({ type: "instance-subscribed", instanceId, subscription: before });
      return refusal;
    }
    return OK;
  }

  unsubscribe(instanceId: string): Ok | Refusal {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    this.#context.record({ type: "instance-subscribed", instanceId, subscription: null });
    found.reading.retain(() => false);
    this.#leave([instanceId]);
    return OK;
  }

  async subscription(instanceId: string): Promise<SubscriptionAnswer | Refusal> {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    const { subscription } = found.instance;
    if (subscription === null) return { ok: true, topics: [], pattern: null };
    if (subscription.by === "topics") {
      return { ok: true, topics: subscription.topics, pattern: null };
    }
    if (!this.#topics.isFresh) await this.#topics.refresh();
    const { pattern } = subscription;
    return { ok: true, topics: this.#topics.covered(subscription), pattern };
  }

  assign(
    instanceId: string,
    partitions: readonly (TopicPartition & { readonly topicId: string })[],
  ): Ok | Refusal {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    if (found.instance.subscription) return refuse("ALREADY_SUBSCRIBED");
    if (partitions.length > GROUP_PARTITIONS_MAX) {
      return refuse("INVALID_REQUEST", `At most ${GROUP_PARTITIONS_MAX} partitions.`);
    }
    const packed = packByTopic(partitions, ({ partition }) => partition);
    this.#context.record({ type: "instance-assigned", instanceId, partitions: packed });
    const { assigned } = found.instance;
    found.reading.retain((topic, partition) => assigned?.has(topic, partition) === true);
    return OK;
  }

  assignment(instanceId: string): AssignmentAnswer | Refusal {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    return { ok: true, partitions: this.#offsets.partitions(instanceId, found.instance).keys() };
  }

  seek(instanceId: string, seeks: readonly Seek[]): Ok | Refusal {
    const found = this.#sessions.find(instanceId);
    if (!found.ok) return found;
    const owned = this.#offsets.partitions(instanceId, found.instance);
    const positions: (TopicPartition & { offset: number; topicId: string })[] = [];
    for (const { topic, partition, to } of seeks) {
      const topicId = owned.get(topic, partition);
      if (topicId === undefined) return refuse("ILLEGAL_STATE", NOT_OWNED);
      if (!(to >= 0 && to <= INT_MAX)) {
        return refuse("INVALID_REQUEST", "A position is an offset of 0 or more.");
      }
      positions.push({ topic, partition, offset: to, topicId });
    }
    if (positions.length === 0) return OK;
    const packed = packByTopic(positions, ({ partition, offset }) => [partition, offset] as const);
    this.#context.record({ type: "sought", instanceId, positions: packed });
    for (const { offset, ...at } of positions) found.reading.seek(at, offset);
    return OK;
  }

  /** Whether there is such an instance, whose session is renewed then. */
  isKnown(instanceId: string): boolean {
    return this.#sessions.find(instanceId).ok;
  }

  /** See {@link InstanceSessions.renew}. */
  renew(instanceId: string): void {
    this.#sessions.renew(instanceId);
  }

  /** The first deadline, in milliseconds since the epoch. */
  nextMs(): number {
    return this.#sessions.nextMs();
  }

  /** Ends instances whose sessions are over; those that do not poll leave the group until they poll again. */
  expire(): void {
    const { expired, idle } = this.#sessions.overdue();
    this.end(expired);
    this.#leave(idle);
  }

  #leave(instanceIds: readonly string[]): void {
    const members = instanceIds.filter((instanceId) => this.#rebalance.members.has(instanceId));
    if (members.length > 0) this.#group.remove(members);
  }

  #subscriptionProblem(subscription: Subscription): string | null {
    if (subscription.by === "topics") {
      const isTooLong = subscription.topics.length > GROUP_PARTITIONS_MAX;
      return isTooLong ? `At most ${GROUP_PARTITIONS_MAX} topics.` : null;
    }
    const { pattern } = subscription;
    const isPattern = pattern.length <= PATTERN_LENGTH_MAX && this.#matcher(pattern) !== null;
    return isPattern ? null : "The topic pattern is not a regular expression.";
  }
}

function isSameSubscription(a: Subscription, b: Subscription): boolean {
  return a.by === b.by && subscriptionKeys(a).toString() === subscriptionKeys(b).toString();
}
