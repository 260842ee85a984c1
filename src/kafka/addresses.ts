/**
 * Where clients are told that brokers are. A broker is a place, not a process: whatever address a client
 * connects to, it can ask for any partition there. So brokers beyond the number of ports share them.
 */
import type { BrokerDescription, ClusterMetadata } from "../objects/controller/api.ts";
import type { Service } from "../worker/service.ts";

export interface Addresses {
  readonly host: string;
  /** Of broker 1; broker n has the port n - 1 above it. */
  readonly port: number;
  /** How many ports there are. */
  readonly ports: number;
}

/** A broker as Metadata, DescribeCluster and FindCoordinator name it. */
export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
}

/** As the settings say. */
export function configuredAddresses({ config }: Service): Addresses {
  return {
    host: config["kafka.advertised.host"],
    port: config["kafka.advertised.port"],
    ports: config["kafka.listeners"],
  };
}

export function addressOf(broker: BrokerDescription, addresses: Addresses): BrokerAddress {
  const { brokerId, rack } = broker;
  const { host, port, ports } = addresses;
  const turn = (((brokerId - 1) % ports) + ports) % ports;
  return { nodeId: brokerId, host, port: port + turn, rack: rack === "" ? null : rack };
}

/** The brokers that clients are told of, by id: a fenced one is out of service. */
export function servingBrokers(cluster: ClusterMetadata): readonly BrokerDescription[] {
  return cluster.brokers
    .filter(({ state }) => state !== "fenced")
    .toSorted((a, b) => a.brokerId - b.brokerId);
}

/** The broker that is said to be the controller, which is an object of its own here; -1: there is none. */
export function controllerId(brokers: readonly BrokerDescription[]): number {
  const active = brokers.find(({ state }) => state === "active") ?? brokers[0];
  return active?.brokerId ?? -1;
}
