/**
 * InitProducerId (22): an id for an idempotent producer. One with a transactional id is refused here, and not by
 * FindCoordinator before: kafkajs and librdkafka would say that no coordinator was found, and not why.
 *
 * Where it deviates from Kafka: a producer that presents its id and epoch (KIP-360, version 3 on) gets a new
 * id instead of a higher epoch: its sequences begin anew either way.
 */
import { codeOfGroup, codeOfRefusal, NO_TRANSACTIONS, NONE } from "../errors.ts";
import type { Handler } from "../served.ts";

export const initProducerId: Handler<22> = async ({ transactionalId }, { session }) => {
  if (transactionalId !== null) {
    return { errorCode: codeOfRefusal(NO_TRANSACTIONS), producerEpoch: -1 };
  }
  const identity = await session.controller(false, (controller) => controller.allocateProducerId());
  // COORDINATOR_NOT_AVAILABLE where the controller does not answer: the one code all producers retry on.
  if (!identity.ok) return { errorCode: codeOfGroup(identity), producerEpoch: -1 };
  const { producerId, producerEpoch } = identity;
  return { errorCode: NONE, producerId, producerEpoch };
};
