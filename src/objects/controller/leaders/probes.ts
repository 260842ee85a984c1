/**
 * Probes replicas: whether they answer within a deadline, and what they say of their storage. Decides nothing.
 */
import type { Refusal } from "../../../base/errors.ts";
import { replicaObjectName, type ReplicaName } from "../../../base/ids.ts";
import type { ClockPort, TimerPort } from "../../../base/ports.ts";
import type { ClusterImage } from "../image/cluster.ts";
import { within } from "../../../base/deadline.ts";
import type { ReplicaPort } from "../delivery/ports.ts";
import { Damage } from "./damage.ts";
import { Unopened } from "./unopened.ts";
import type { Probed } from "../../contracts/assignment.ts";

/** A replica counts as not answering after this, the second try included; in milliseconds. */
export const PROBE_DEADLINE_MS = 2_000;

/** Null: no answer. */
export type ProbeAnswer = Probed | Refusal | null;

export class Probes {
  /** Number of probes without an answer, or with a refusal. */
  failed = 0;
  /** What the answers say about the replicas' storage. */
  readonly unopened: Unopened;
  readonly damage: Damage;
  readonly #image: ClusterImage;
  readonly #ports: {
    readonly replicas: ReplicaPort;
    readonly clock: ClockPort;
    readonly timer: TimerPort;
  };

  constructor(
    image: ClusterImage,
    ports: { readonly replicas: ReplicaPort; readonly clock: ClockPort; readonly timer: TimerPort },
  ) {
    this.#image = image;
    this.#ports = ports;
    this.unopened = new Unopened(ports.clock);
    this.damage = new Damage(image);
  }

  async ask(replica: ReplicaName): Promise<ProbeAnswer> {
    const name = replicaObjectName(replica);
    const hint = this.#image.brokers.get(replica.brokerId)?.locationHint ?? "";
    const { clock, replicas, timer } = this.#ports;
    const untilMs = clock.nowMs() + PROBE_DEADLINE_MS;
    const tries = async (): Promise<ProbeAnswer> => {
      const first = await replicas.probe(name, hint);
      // An object that was reset during the call answers the next one.
      const isAnswered = first !== null && !isUnopened(first);
      return isAnswered || clock.nowMs() >= untilMs ? first : await replicas.probe(name, hint);
    };
    const answer = await within(timer, PROBE_DEADLINE_MS, tries());
    if (!answer?.ok) this.failed += 1;
    // rule: silence-is-no-broken-storage
    if (answer !== null) this.unopened.note(replica, !isUnopened(answer));
    if (answer?.ok) this.damage.note(replica, answer.wasReset);
    else if (answer !== null && isUnopened(answer)) this.damage.note(replica, true);
    return answer;
  }
}

function isUnopened(answer: Probed | Refusal): boolean {
  return !answer.ok && answer.error === "STORAGE_LOST";
}
