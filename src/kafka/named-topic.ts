/** How a request names a topic: by its name, or from some version of each API on by its id (KIP-516). */
import { NO_TOPIC_ID } from "../base/ids.ts";

export interface NamedTopic {
  /** Empty where the topic is named by its id. */
  readonly topic: string;
  readonly topicId: string;
}

/** Whether this very topic is meant, and not one that was created later under its name. */
export function isById({ topicId }: NamedTopic): boolean {
  return topicId !== NO_TOPIC_ID;
}

/** A key that identifies a topic among those of a request. */
export function keyOfTopic(named: NamedTopic): string {
  return isById(named) ? named.topicId : named.topic;
}
