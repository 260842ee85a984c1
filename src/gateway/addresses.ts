/**
 * The addresses that clients are given for brokers. A broker is a place, not a process: a client can ask for any
 * partition at whatever address it connects to. Brokers beyond the number of ports therefore share ports, and clients
 * are told of one broker for each port, because some of them (librdkafka) expect an address to belong to one broker
 * only.
 */
import { murmur2 } from "../records/index.ts";
import type { BrokerDescription, ClusterMetadata } from "../objects/contracts/controller.ts";
import type { Service } from "./service.ts";

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

/** From the service's settings. */
export function configuredAddresses({ config }: Service): Addresses {
  return {
    host: config["kafka.advertised.host"],
    port: config["kafka.advertised.port"],
    ports: config["kafka.listeners"],
  };
}

/** The address given for a broker, whether it is in service or not. */
export function addressOf(broker: BrokerDescription, addresses: Addresses): BrokerAddress {
  const { brokerId, rack } = broker;
  const { host, port, ports } = addresses;
  const turn = (((brokerId - 1) % ports) + ports) % ports;
  return { nodeId: brokerId, host, port: port + turn, rack: rack === "" ? null : rack };
}

/** The brokers that clients are told of, by id. */
export class Nodes {
  private readonly byPort = new Map<number, BrokerAddress>();
  private readonly byBroker = new Map<number, BrokerAddress>();
  /** The broker named as the controller, which is an object of its own here; -1 where there is none. */
  readonly controllerId: number;

  /** @param brokers in service, by id; the first of those that share a port stands for all of them */
  constructor(brokers: readonly BrokerDescription[], addresses: Addresses) {
    for (const broker of brokers) {
      const address = addressOf(broker, addresses);
      const node = this.byPort.get(address.port) ?? address;
      this.byPort.set(address.port, node);
      this.byBroker.set(broker.brokerId, node);
    }
    const active = brokers.find(({ state }) => state === "active") ?? brokers[0];
    this.controllerId = active === undefined ? -1 : this.of(active.brokerId)!.nodeId;
  }

  get all(): readonly BrokerAddress[] {
    return [...this.byPort.values()];
  }

  /** Where to ask for what a broker leads; undefined where the broker is out of service. */
  of(brokerId: number): BrokerAddress | undefined {
    return this.byBroker.get(brokerId);
  }
}

/** As {@link Nodes}, of the brokers that the controller reports in service. */
export function nodesOf(cluster: ClusterMetadata, addresses: Addresses): Nodes {
  return new Nodes(servingBrokers(cluster.brokers), addresses);
}

/** Which of the ports this one is, from 0; null when it is none of them. */
export function listenerAt(port: number, addresses: Addresses): number | null {
  const listener = port - addresses.port;
  return listener >= 0 && listener < addresses.ports ? listener : null;
}

/** Sorted by id, without fenced brokers. */
export function servingBrokers(
  brokers: readonly BrokerDescription[],
): readonly BrokerDescription[] {
  return brokers
    .filter(({ state }) => state !== "fenced")
    .toSorted((a, b) => a.brokerId - b.brokerId);
}

const utf8 = new TextEncoder();

/**
 * The broker that clients are sent to about a group or a transactional id. Any broker could be, because the state is
 * in an object of its own, which every port reaches. It is chosen by the name, so that all clients are sent to the
 * same one, as they expect. Undefined where no broker is in service.
 */
export function coordinatorOf<B>(name: string, brokers: readonly B[]): B | undefined {
  return brokers[(murmur2(utf8.encode(name)) & 0x7fff_ffff) % Math.max(1, brokers.length)];
}
