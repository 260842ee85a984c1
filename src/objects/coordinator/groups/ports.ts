/** What a group's object reaches the outside through, and what its parts share. */
import type { EffectiveConfig } from "../../../base/config.ts";
import type { Refusal } from "../../../base/errors.ts";
import type { AlarmPort, ClockPort, RandomPort, TimerPort } from "../../../base/ports.ts";
import type { Change } from "./changes.ts";
import type { GroupImage } from "./image.ts";

/** A topic as the controller knows it. */
export interface TopicFact {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: number;
}

/** Calls of the controller. null: it could not be reached. */
export interface ClusterPort {
  /** Those that exist of these; `null`: all. */
  topics(names: readonly string[] | null): Promise<readonly TopicFact[] | null>;
  register(groupId: string, sinceMs: number): Promise<{ readonly ok: true } | Refusal | null>;
  unregister(groupId: string, sinceMs: number): Promise<{ readonly ok: true } | Refusal | null>;
}

export interface CoordinatorPorts {
  /** As the object's name has it; null where it is too long for that: then it is recorded. */
  readonly groupId: string | null;
  readonly alarm: AlarmPort;
  readonly clock: ClockPort;
  readonly timers: TimerPort;
  readonly random: RandomPort;
  readonly cluster: ClusterPort;
  /**
   * Which names match a pattern as a whole; null when it is no pattern. In time that grows with the
   * length of the name and no faster: patterns come from outside.
   */
  readonly matcher: (pattern: string) => ((name: string) => boolean) | null;
  /** When the alarm is set to fire; null when it is not. */
  readonly alarmAtMs: number | null;
  /** Keeps work that goes on behind an answer alive. */
  background(work: Promise<void>): void;
  /** Storage has failed: this instance must not go on. */
  broken(error: unknown): void;
}

/** What the parts of a group's object share. */
export interface GroupContext {
  readonly image: GroupImage;
  readonly config: EffectiveConfig;
  readonly random: RandomPort;
  nowMs(): number;
  /** Records a decision and applies it. */
  record(...changes: readonly Change[]): void;
  /** Deadlines have changed. */
  arm(): void;
}
