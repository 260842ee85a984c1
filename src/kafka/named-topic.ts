/** How a request names a topic: by its name, or from some version of each API on by its id (KIP-516). */
import { NO_TOPIC_ID } from "../base/ids.ts";

export interface NamedTopic {
  /** Empty where it is named by its id. */
  readonly topic: string;
  readonly topicId: string;
}

/** Whether the very topic is meant, and not whatever has its name by now. */
export function isById({ topicId }: NamedTopic): boolean {
  return topicId !== NO_TOPIC_ID;
}

/** Tells topics apart that requests name. */
export function keyOfTopic(named: NamedTopic): string {
  return isById(named) ? named.topicId : named.topic;
}
