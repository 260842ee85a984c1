/**
 * ConsumerGroupHeartbeat (68): always refused. It is advertised so that clients configured for the consumer protocol
 * (KIP-848) are told that it is not available, as by a Kafka in which it is disabled: where the API is missing,
 * librdkafka reports nothing to its application and reads nothing.
 */
import { refuse } from "../../base/errors.ts";
import { errorFields } from "../errors.ts";
import type { Handler } from "../handler.ts";

const TEXT =
  "Groups speak the classic protocol here: set group.protocol to classic, which is its default.";

export const consumerGroupHeartbeat: Handler<68> = ({ memberEpoch }) => ({
  ...errorFields(refuse("UNSUPPORTED_VERSION", TEXT)),
  memberEpoch,
  heartbeatIntervalMs: 0,
});
