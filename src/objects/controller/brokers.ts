/**
 * Decisions about brokers: those of a new cluster, registrations, and states. A broker is a failure domain and a
 * location; what its state means for partitions is decided in leaders/elections.ts.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import { BROKERS_MAX } from "../../base/limits.ts";
import type {
  BrokerAction,
  BrokerDescription,
  BrokerSpec,
  BrokerState,
} from "../contracts/controller.ts";
import type { Change } from "./image/changes.ts";
import type { ClusterImage } from "./image/cluster.ts";

const register = (brokerId: number, rack: string, locationHint: string): Change => ({
  type: "broker-registered",
  brokerId,
  rack,
  locationHint,
  brokerEpoch: 0,
});

/**
 * The brokers of a new cluster, in three regions. They are recorded with the cluster's first decision, so that a
 * change of this list does not change clusters that exist.
 */
export const FIRST_BROKERS: readonly Change[] = [
  register(1, "weur", "weur"),
  register(2, "enam", "enam"),
  register(3, "apac", "apac"),
];

/** Kafka's broker ids are 32 bits wide. */
const BROKER_ID_MAX = 2_147_483_647;
const RACK_LENGTH_MAX = 255;

/** The platform's location hints; it refuses to create an object with any other. */
const LOCATION_HINTS: ReadonlySet<string> = new Set([
  "",
  "wnam",
  "enam",
  "sam",
  "weur",
  "eeur",
  "apac",
  "apac-ne",
  "apac-se",
  "oc",
  "afr",
  "me",
]);

/** `changes` is empty where the cluster is in that state already. */
export interface BrokerDecision {
  readonly ok: true;
  readonly changes: readonly Change[];
  readonly broker: BrokerDescription;
}

/**
 * Registers a broker, or confirms one that is registered with the same rack and hint. Neither can change later,
 * because the objects of the broker never move. INVALID_REQUEST, DUPLICATE_BROKER_REGISTRATION.
 */
export function decideRegister(image: ClusterImage, spec: BrokerSpec): BrokerDecision | Refusal {
  const { rack, locationHint } = spec;
  const brokerId = spec.brokerId ?? nextBrokerId(image);
  if (!Number.isInteger(brokerId) || brokerId < 0 || brokerId > BROKER_ID_MAX) {
    return refuse("INVALID_REQUEST", `A broker id is a whole number of 0 to ${BROKER_ID_MAX}.`);
  }
  if (typeof rack !== "string" || rack.length > RACK_LENGTH_MAX) {
    return refuse("INVALID_REQUEST", `A rack has at most ${RACK_LENGTH_MAX} characters.`);
  }
  if (!LOCATION_HINTS.has(locationHint)) {
    const known = [...LOCATION_HINTS].filter((hint) => hint !== "").join(", ");
    return refuse("INVALID_REQUEST", `A location hint is empty or one of ${known}.`);
  }
  const present = image.brokers.get(brokerId);
  if (present) {
    const isAlike = present.rack === rack && present.locationHint === locationHint;
    if (!isAlike) return refuse("DUPLICATE_BROKER_REGISTRATION");
    return { ok: true, changes: [], broker: present };
  }
  if (image.brokers.size >= BROKERS_MAX) {
    return refuse("INVALID_REQUEST", `A cluster has at most ${BROKERS_MAX} brokers.`);
  }
  const broker = { brokerId, rack, locationHint, brokerEpoch: 0, state: "active" } as const;
  return { ok: true, changes: [register(brokerId, rack, locationHint)], broker };
}

const STATE_AFTER: Readonly<Record<BrokerAction, BrokerState>> = {
  fence: "fenced",
  unfence: "active",
  drain: "draining",
};

/**
 * Changes the broker's state; what that means for partitions follows from it. BROKER_NOT_FOUND, INVALID_REQUEST,
 * ILLEGAL_STATE.
 */
export function decideChangeBroker(
  image: ClusterImage,
  brokerId: number,
  action: BrokerAction,
): BrokerDecision | Refusal {
  const before = image.brokers.get(brokerId);
  if (!before) return refuse("BROKER_NOT_FOUND");
  if (!Object.hasOwn(STATE_AFTER, action)) {
    return refuse("INVALID_REQUEST", "A broker can be fenced, unfenced and drained.");
  }
  const state = STATE_AFTER[action];
  if (state === before.state) return { ok: true, changes: [], broker: before };
  if (state === "draining" && before.state === "fenced") {
    return refuse("ILLEGAL_STATE", "The broker is fenced: it leads nothing and is given nothing.");
  }
  const broker = { ...before, state, brokerEpoch: before.brokerEpoch + 1 };
  const { brokerEpoch } = broker;
  return {
    ok: true,
    changes: [{ type: "broker-changed", brokerId, state, brokerEpoch }],
    broker,
  };
}

function nextBrokerId(image: ClusterImage): number {
  return Math.max(0, ...image.brokers.keys()) + 1;
}
