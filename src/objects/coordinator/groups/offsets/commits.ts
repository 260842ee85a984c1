/**
 * Commits, look-ups and deletions of a group's offsets. A commit belongs to one topic and is dropped when that topic
 * is deleted: a look-up answers for the topic that has the name now (KIP-516).
 */
import { refuse, type ErrorName, type Refusal } from "../../../../base/errors.ts";
import { GROUP_PARTITIONS_MAX } from "../../../../base/limits.ts";
import { decideCommit, fetchCommitted } from "./offsets.ts";
import type { GroupContext } from "../ports.ts";
import type { TopicIds } from "./topic-ids.ts";
import type {
  Committed,
  DeletedOffsets,
  FetchedOffsets,
  OffsetToCommit,
  TopicPartition,
} from "../../../contracts/offsets.ts";

/** A commit's offsets with the ids of their topics, and the error of each where its topic is not the one meant. */
export interface IdentifiedOffsets {
  readonly ok: true;
  readonly offsets: readonly OffsetToCommit[];
  /** In the request's order; null: it may be committed. */
  readonly errors: readonly (ErrorName | null)[];
}

const UNREACHED = "The controller was not reached to say which topics there are; try again.";

export class Commits {
  readonly #context: GroupContext;
  readonly #ids: TopicIds;

  constructor(context: GroupContext, ids: TopicIds) {
    this.#context = context;
    this.#ids = ids;
  }

  /**
   * Finds the ids of the offsets' topics. An id from the client has to be the topic's (UNKNOWN_TOPIC_ID). An id from
   * the worker's cache may be out of date: the commit is of the topic that has the name now. Decides nothing yet,
   * and the group may have changed when this answers. INVALID_REQUEST, COORDINATOR_NOT_AVAILABLE.
   */
  async identify(offsets: readonly OffsetToCommit[]): Promise<IdentifiedOffsets | Refusal> {
    if (offsets.length > GROUP_PARTITIONS_MAX) {
      return refuse("INVALID_REQUEST", `At most ${GROUP_PARTITIONS_MAX} offsets in one commit.`);
    }
    const doubtful = new Set<string>();
    for (const { topic, topicId } of offsets) {
      // rule: doubtful-topics-are-asked-for
      if (topicId !== undefined && this.#ids.isDoubtful(topic, topicId)) doubtful.add(topic);
    }
    const ids = await this.#ids.ask([...doubtful]);
    if (ids === null) return refuse("COORDINATOR_NOT_AVAILABLE", UNREACHED);
    const errors = offsets.map((one): ErrorName | null => {
      if (one.topicId === undefined || !doubtful.has(one.topic)) return null;
      const isById = one.isTopicIdGiven === true;
      if (isById) return ids.get(one.topic) === one.topicId ? null : "UNKNOWN_TOPIC_ID";
      return ids.has(one.topic) ? null : "UNKNOWN_TOPIC_OR_PARTITION";
    });
    const identified = offsets.map((one) => {
      const topicId = ids.get(one.topic);
      return topicId === undefined || one.topicId === undefined ? one : { ...one, topicId };
    });
    return { ok: true, offsets: identified, errors };
  }

  /** Commits the offsets that have no error, in one row. */
  commit(
    { offsets, errors: refused }: Omit<IdentifiedOffsets, "ok">,
    retentionMs?: number,
  ): Committed {
    const taken = offsets.filter((_, at) => refused[at] === null);
    const { errors, changes } = decideCommit(taken, this.#context.config, retentionMs);
    // rule: commits-are-recorded
    if (changes.length > 0) this.#context.record(...changes);
    let at = 0;
    return { ok: true, errors: refused.map((error) => error ?? errors[at++] ?? null) };
  }

  /**
   * Drops the commits of topics that are deleted, of these partitions or (null) of all. COORDINATOR_NOT_AVAILABLE
   * where the controller was not reached.
   */
  async dropOfDeletedTopics(
    partitions: readonly TopicPartition[] | null,
  ): Promise<{ readonly ok: true } | Refusal> {
    const asked = partitions ?? this.#context.image.offsets.keys();
    const held = asked.flatMap(({ topic, partition }) => {
      const stored = this.#context.image.offsets.get(topic, partition);
      // A commit without a topic id cannot be told from one of an earlier topic; it is kept.
      return stored === undefined || stored.topicId === "" ? [] : [{ topic, partition, stored }];
    });
    const ids = await this.#ids.ask([...new Set(held.map(({ topic }) => topic))]);
    if (ids === null) return refuse("COORDINATOR_NOT_AVAILABLE", UNREACHED);
    const { offsets } = this.#context.image;
    const dropped = held
      // The answer says nothing about offsets that were committed since the question.
      .filter(({ topic, partition, stored }) => offsets.get(topic, partition) === stored)
      .filter(({ topic, stored }) => ids.get(topic) !== stored.topicId)
      .map(({ topic, partition }) => ({ topic, partition }));
    // rule: commits-die-with-their-topic
    if (dropped.length > 0) this.#context.record(deleted(dropped, true));
    return { ok: true };
  }

  /** What the image holds; {@link dropOfDeletedTopics} comes first. */
  fetch(partitions: readonly TopicPartition[] | null): FetchedOffsets {
    return { ok: true, offsets: fetchCommitted(this.#context.image, partitions) };
  }

  /** An operator's deletion. `subscribed`: topics that members read, null where that may be any topic. */
  delete(
    partitions: readonly TopicPartition[],
    subscribed: ReadonlySet<string> | null,
  ): DeletedOffsets {
    const { image } = this.#context;
    const errors = partitions.map(({ topic }) =>
      subscribed === null || subscribed.has(topic) ? ("GROUP_SUBSCRIBED_TO_TOPIC" as const) : null,
    );
    const known = partitions.filter(
      ({ topic, partition }, at) =>
        errors[at] === null &&
        (image.offsets.has(topic, partition) || image.initialPositions.has(topic, partition)),
    );
    if (known.length > 0) this.#context.record(deleted(known, false));
    return { ok: true, errors };
  }
}

function deleted(partitions: readonly TopicPartition[], keepsInitialPositions: boolean) {
  return {
    ...{ type: "offsets-deleted" as const, partitions },
    ...(keepsInitialPositions ? { keepsAnchors: true } : {}),
  };
}
