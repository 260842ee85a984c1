/**
 * Where clients are told that brokers are. A broker is a place, not a process: whatever address a client
 * connects to, it can ask for any partition there. So brokers beyond the number of ports share them; clients
 * are told of one for each port, since some of them (librdkafka) take an address for one broker's alone.
 */
import { murmur2 } from "../records/index.ts";
import type { BrokerDescription, ClusterMetadata } from "../objects/contracts/controller.ts";
import type { Service } from "../gateway/service.ts";

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

/** Where a broker is said to be, whether it serves or not. */
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
  /** The broker that is said to be the controller, which is an object of its own here; -1: there is none. */
  readonly controllerId: number;

  /** @param brokers that serve, by id: of those that share a port the first stands for all */
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

  /** Where to ask for what a broker leads; undefined where it does not serve. */
  of(brokerId: number): BrokerAddress | undefined {
    return this.byBroker.get(brokerId);
  }
}

/** As {@link Nodes}, of those that the controller says serve. */
export function nodesOf(cluster: ClusterMetadata, addresses: Addresses): Nodes {
  return new Nodes(servingBrokers(cluster.brokers), addresses);
}

/** Which of the ports this one is, from 0; null when it is none of them. */
export function listenerAt(port: number, addresses: Addresses): number | null {
  const listener = port - addresses.port;
  return listener >= 0 && listener < addresses.ports ? listener : null;
}

/** By id: a fenced one is out of service. */
export function servingBrokers(
  brokers: readonly BrokerDescription[],
): readonly BrokerDescription[] {
  return brokers
    .filter(({ state }) => state !== "fenced")
    .toSorted((a, b) => a.brokerId - b.brokerId);
}

const utf8 = new TextEncoder();

/**
 * The broker that clients are sent to about a group or a transactional id. Any could be: what it holds lies
 * in an object of its own, which every port reaches. So that all go to the same one, as they expect, it is
 * chosen by the name. Undefined where no broker serves.
 */
export function coordinatorOf<B>(name: string, brokers: readonly B[]): B | undefined {
  return brokers[(murmur2(utf8.encode(name)) & 0x7fff_ffff) % Math.max(1, brokers.length)];
}
