/**
 * InitProducerId (22): an id for an idempotent producer. A transactional id is refused here rather than by
 * FindCoordinator before, where kafkajs and librdkafka would report that no coordinator was found, without the
 * reason.
 *
 * Deviation from Kafka: a producer that presents its id and epoch (KIP-360, version 3 on) gets a new id instead of a
 * higher epoch: its sequences begin at 0 either way.
 */
import { codeOfGroup, codeOfRefusal, NO_TRANSACTIONS, NONE } from "../errors.ts";
import type { Handler } from "../handler.ts";

export const initProducerId: Handler<22> = async ({ transactionalId }, { session }) => {
  if (transactionalId !== null) {
    return { errorCode: codeOfRefusal(NO_TRANSACTIONS), producerEpoch: -1 };
  }
  const identity = await session.controller(false, (controller) => controller.allocateProducerId());
  // COORDINATOR_NOT_AVAILABLE where the controller does not answer: the one code that all producers retry.
  if (!identity.ok) return { errorCode: codeOfGroup(identity), producerEpoch: -1 };
  const { producerId, producerEpoch } = identity;
  return { errorCode: NONE, producerId, producerEpoch };
};
