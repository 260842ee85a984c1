/**
 * Decisions about brokers: the ones a new cluster has, further ones, and their states. A broker is a
 * failure domain and a place; what its state asks of partitions is decided in elections.ts.
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
 * Three in three regions make a first run look like a Kafka cluster. Recorded with the cluster's
 * first decision, so that what is here today does not change what was recorded then.
 */
export const FIRST_BROKERS: readonly Change[] = [
  register(1, "weur", "weur"),
  register(2, "enam", "enam"),
  register(3, "apac", "apac"),
];

/** Kafka's broker ids are 32 bits wide. */
const BROKER_ID_MAX = 2_147_483_647;
const RACK_LENGTH_MAX = 255;

/** What the platform takes as a location hint; it refuses to make an object with any other. */
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

/** Without changes: the cluster has it so already. */
export interface BrokerDecision {
  readonly ok: true;
  readonly changes: readonly Change[];
  readonly broker: BrokerDescription;
}

/** Rack and hint stay as they were registered: the objects there never move. */
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

/** The broker's new state alone: what it asks of partitions follows from it. */
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
