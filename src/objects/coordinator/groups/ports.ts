/** The ports of a group's object, and the context that its parts share. */
import type { EffectiveConfig } from "../../../base/config.ts";
import type { Refusal } from "../../../base/errors.ts";
import type { RandomPort } from "../../../base/ports.ts";
import type { DeadlinePorts } from "../../runtime/deadlines.ts";
import type { Change } from "./image/changes.ts";
import type { GroupImage } from "./image/image.ts";

/** A topic as the controller knows it. */
export interface TopicFact {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: number;
}

/** Calls of the controller. An answer of null: it was not reached. */
export interface ClusterPort {
  /** Those of the names that exist; names of null: all topics. */
  topics(names: readonly string[] | null): Promise<readonly TopicFact[] | null>;
  /** See `registerGroup` and `unregisterGroup` of the controller's contract. */
  register(groupId: string, sinceMs: number): Promise<{ readonly ok: true } | Refusal | null>;
  unregister(groupId: string, sinceMs: number): Promise<{ readonly ok: true } | Refusal | null>;
}

export interface CoordinatorPorts extends DeadlinePorts {
  /** From the object's name; null where the id is too long for a name: then it is recorded. */
  readonly groupId: string | null;
  readonly random: RandomPort;
  readonly cluster: ClusterPort;
  /**
   * A function that says which names match the pattern as a whole, in time linear in the name's length, because
   * patterns come from outside; null where the pattern is not a regular expression.
   */
  readonly matcher: (pattern: string) => ((name: string) => boolean) | null;
  /** Takes over work that goes on behind an answer: keeps the object awake for it, and handles its failure. */
  background(work: Promise<void>): void;
  /** Storage has failed: ends this instance. */
  broken(error: unknown): void;
}

/** What the parts of a group's object share. */
export interface GroupContext {
  readonly image: GroupImage;
  readonly config: EffectiveConfig;
  readonly random: RandomPort;
  nowMs(): number;
  /** Records a decision, then applies it. */
  record(...changes: readonly Change[]): void;
  /** Sets the object's next deadline again, after deadlines have changed. */
  arm(): void;
}
