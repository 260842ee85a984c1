/**
 * ConsumerGroupHeartbeat (68): refused. It is advertised so that clients which were set to the consumer protocol
 * (KIP-848) hear that it is not there, as from a Kafka in which it is switched off: librdkafka says nothing to
 * its application where the API is missing, and reads nothing.
 */
import { refuse } from "../../base/errors.ts";
import { errorFields } from "../errors.ts";
import type { Handler } from "../served.ts";

const TEXT =
  "Groups speak the classic protocol here: set group.protocol to classic, which is its default.";

export const consumerGroupHeartbeat: Handler<68> = ({ memberEpoch }) => ({
  ...errorFields(refuse("UNSUPPORTED_VERSION", TEXT)),
  memberEpoch,
  heartbeatIntervalMs: 0,
});
