/** DescribeCluster (60): the brokers and their addresses. There are no controllers to connect to (KIP-919). */
import { nodesOf } from "../addresses.ts";
import { codeOf, errorFields, NONE } from "../errors.ts";
import type { Handler } from "../served.ts";

const BROKERS = 1;

export const describeCluster: Handler<60> = async ({ endpointType }, { session }) => {
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
  return {
    errorCode: NONE,
    endpointType,
    clusterId,
    controllerId: nodes.controllerId,
    brokers: nodes.all.map(({ nodeId: brokerId, ...rest }) => ({ brokerId, ...rest })),
  };
};
