/**
 * A group's offsets as they are committed, looked up and deleted from outside. A commit holds for one
 * topic and dies with it: whoever asks is answered for the topic that has the name now.
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

/** A commit's offsets with the topics that they are of, and what is wrong with each by itself. */
export interface Judged {
  readonly ok: true;
  readonly offsets: readonly OffsetToCommit[];
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
   * Which topics the offsets are of. An id that the client gave itself has to be that of the topic:
   * UNKNOWN_TOPIC_ID. One that the worker knew may be old: where there is doubt, the commit is of the topic
   * that has the name now. Nothing is decided yet, and the group may have changed when this answers.
   */
  async judge(offsets: readonly OffsetToCommit[]): Promise<Judged | Refusal> {
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
    const judged = offsets.map((one) => {
      const topicId = ids.get(one.topic);
      return topicId === undefined || one.topicId === undefined ? one : { ...one, topicId };
    });
    return { ok: true, offsets: judged, errors };
  }

  /** Records what may be committed. */
  commit({ offsets, errors: refused }: Omit<Judged, "ok">, retentionMs?: number): Committed {
    const taken = offsets.filter((_, at) => refused[at] === null);
    const { errors, changes } = decideCommit(taken, this.#context.config, retentionMs);
    // rule: commits-are-recorded
    if (changes.length > 0) this.#context.record(...changes);
    let at = 0;
    return { ok: true, errors: refused.map((error) => error ?? errors[at++] ?? null) };
  }

  /**
   * Drops what was committed of topics that are no more, of these partitions or of all: after it, what is
   * left holds. COORDINATOR_NOT_AVAILABLE where nobody can say.
   */
  async dropDead(
    partitions: readonly TopicPartition[] | null,
  ): Promise<{ readonly ok: true } | Refusal> {
    const asked = partitions ?? this.#context.image.offsets.keys();
    const held = asked.flatMap(({ topic, partition }) => {
      const stored = this.#context.image.offsets.get(topic, partition);
      // Of commits that never said their topic nothing more is known.
      return stored === undefined || stored.topicId === "" ? [] : [{ topic, partition, stored }];
    });
    const ids = await this.#ids.ask([...new Set(held.map(({ topic }) => topic))]);
    if (ids === null) return refuse("COORDINATOR_NOT_AVAILABLE", UNREACHED);
    const { offsets } = this.#context.image;
    const dead = held
      // What was committed since the question is not judged by its answer.
      .filter(({ topic, partition, stored }) => offsets.get(topic, partition) === stored)
      .filter(({ topic, stored }) => ids.get(topic) !== stored.topicId)
      .map(({ topic, partition }) => ({ topic, partition }));
    // rule: commits-die-with-their-topic
    if (dead.length > 0) this.#context.record(deleted(dead, true));
    return { ok: true };
  }

  /** As things stand: {@link dropDead} first. */
  fetch(partitions: readonly TopicPartition[] | null): FetchedOffsets {
    return { ok: true, offsets: fetchCommitted(this.#context.image, partitions) };
  }

  /** By an operator; `subscribed`: topics that members read, null for any. */
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
        (image.offsets.has(topic, partition) || image.anchors.has(topic, partition)),
    );
    if (known.length > 0) this.#context.record(deleted(known, false));
    return { ok: true, errors };
  }
}

function deleted(partitions: readonly TopicPartition[], keepsAnchors: boolean) {
  return {
    ...{ type: "offsets-deleted" as const, partitions },
    ...(keepsAnchors ? { keepsAnchors } : {}),
  };
}
