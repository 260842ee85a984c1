/** DescribeCluster (60): the brokers and their addresses. There are no controllers to connect to (KIP-919). */
import { addressOf, nodesOf } from "../../gateway/addresses.ts";
import { AUTHORIZED_OPERATIONS } from "../authorized-operations.ts";
import { codeOf, errorFields, NONE } from "../errors.ts";
import type { Handler } from "../handler.ts";

const BROKERS = 1;

export const describeCluster: Handler<60> = async (request, { session }) => {
  const { endpointType, includeFencedBrokers } = request;
  const { clusterId } = session.service;
  const failed = { endpointType, clusterId, brokers: [] };
  if (endpointType !== BROKERS) {
    return {
      ...failed,
      errorCode: codeOf("INVALID_REQUEST"),
      errorMessage: "Only the endpoints of brokers are known.",
    };
  }
  const cluster = await session.controller(true, (controller) => controller.metadata([]));
  if (!cluster.ok) return { ...failed, ...errorFields(cluster) };
  const nodes = nodesOf(cluster, session.peer.addresses);
  const fenced = cluster.brokers.filter(({ state }) => includeFencedBrokers && state === "fenced");
  const all = [
    ...nodes.all.map((address) => ({ ...address, isFenced: false })),
    ...fenced.map((broker) => ({
      ...addressOf(broker, session.peer.addresses),
      isFenced: true,
    })),
  ];
  return {
    errorCode: NONE,
    endpointType,
    clusterId,
    controllerId: nodes.controllerId,
    brokers: all.map(({ nodeId: brokerId, ...rest }) => ({ brokerId, ...rest })),
    ...(request.includeClusterAuthorizedOperations && {
      clusterAuthorizedOperations: AUTHORIZED_OPERATIONS.cluster,
    }),
  };
};
