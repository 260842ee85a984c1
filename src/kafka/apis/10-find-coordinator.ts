/** FindCoordinator (10): the broker that a client is to ask about a group or a transactional id. */
import type { Refusal } from "../../base/errors.ts";
import { coordinatorOf, nodesOf, type BrokerAddress } from "../../gateway/addresses.ts";
import { codeOf, codeOfGroup, NONE } from "../errors.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

const KEY_TYPE_MAX = 1;
const NOBODY = { nodeId: -1, host: "", port: -1 };

type Coordinator = NonNullable<Response<10>["coordinators"]>[number];

export const findCoordinator: Handler<10> = async (request, { session, version }) => {
  const brokers = await brokersOf(session);
  const found = keysOf(request, version).map((key) => answer(key, request.keyType, brokers));
  if (version >= 4) return { coordinators: found };
  const { key: _, ...only } = found[0]!;
  return only;
};

function keysOf(request: Request<10>, version: number): readonly string[] {
  return version >= 4 ? request.coordinatorKeys : [request.key];
}

async function brokersOf(session: Session): Promise<readonly BrokerAddress[] | Refusal> {
  const cluster = await session.controller(true, (controller) => controller.metadata([]));
  if (!cluster.ok) return cluster;
  return nodesOf(cluster, session.peer.addresses).all;
}

function answer(
  key: string,
  keyType: number,
  brokers: readonly BrokerAddress[] | Refusal,
): Coordinator {
  const failed = (errorCode: number, errorMessage: string): Coordinator => ({
    key,
    ...NOBODY,
    errorCode,
    errorMessage,
  });
  if (keyType < 0 || keyType > KEY_TYPE_MAX) {
    return failed(codeOf("INVALID_REQUEST"), "There are coordinators of groups and transactions.");
  }
  if ("ok" in brokers) return failed(codeOfGroup(brokers), brokers.message);
  const broker = coordinatorOf(key, brokers);
  if (broker === undefined) return failed(codeOf("COORDINATOR_NOT_AVAILABLE"), "No broker serves.");
  const { nodeId, host, port } = broker;
  return { key, nodeId, host, port, errorCode: NONE, errorMessage: null };
}
