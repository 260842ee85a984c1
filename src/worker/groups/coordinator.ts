/**
 * The broker that is called a group's coordinator. A group's state is in an object of its own, which every broker's
 * port reaches; the broker named is the one that Kafka's clients are sent to.
 */
import { configuredAddresses, coordinatorOf, nodesOf } from "../../gateway/addresses.ts";
import { callController } from "../../gateway/objects.ts";
import type { Service } from "../../gateway/service.ts";

/** The coordinator's broker id by group id, with one call for all groups; null where no broker is in service. */
export async function coordinators(service: Service): Promise<(groupId: string) => number | null> {
  const cluster = await callController(service, true, (controller) => controller.metadata([]));
  const nodes = cluster.ok ? nodesOf(cluster, configuredAddresses(service)).all : [];
  return (groupId) => coordinatorOf(groupId, nodes)?.nodeId ?? null;
}
