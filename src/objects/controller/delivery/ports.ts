/** What deliveries reach the outside through: the calls of replicas' objects, a clock, timers and randomness. Types only. */
import type { Refusal } from "../../../base/errors.ts";
import type { ClockPort, RandomPort, TimerPort } from "../../../base/ports.ts";
import type { Assigned, Probed, ReplicaAssignment } from "../../contracts/assignment.ts";

/** `unopened`: the object's storage cannot be opened, so it cannot be deleted either. */
export type Purged = "purged" | "unopened" | "unanswered";

/**
 * Calls of the replicas' objects, by object name. Never rejects: null is a call that failed, before or after it
 * arrived. Where an object's storage cannot be opened the answer is STORAGE_LOST, also when the object itself
 * could not be constructed.
 */
export interface ReplicaPort {
  assign(
    name: string,
    locationHint: string,
    assignment: ReplicaAssignment,
  ): Promise<Assigned | Refusal | null>;
  probe(name: string, locationHint: string): Promise<Probed | Refusal | null>;
  purge(name: string, locationHint: string): Promise<Purged>;
}

export interface DeliveryPorts {
  readonly replicas: ReplicaPort;
  readonly clock: ClockPort;
  readonly timer: TimerPort;
  readonly random: RandomPort;
}
