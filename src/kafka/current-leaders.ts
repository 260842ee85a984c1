/**
 * The current leaders of partitions for which a client asked the wrong broker (KIP-951): the client can go on there
 * at once, without a Metadata request.
 */
import { newestKnown, type KnownTopic } from "../gateway/metadata.ts";
import { Nodes, servingBrokers, type Addresses, type BrokerAddress } from "../gateway/addresses.ts";

export class CurrentLeaders {
  private readonly addresses: Addresses;
  private readonly nodes = new Map<number, BrokerAddress>();

  constructor(addresses: Addresses) {
    this.addresses = addresses;
  }

  /** Where the leaders named so far can be reached, each once. */
  get endpoints(): readonly BrokerAddress[] {
    return [...this.nodes.values()];
  }

  /** The leader as far as this isolate knows; null where there is none in service. */
  of(
    topic: KnownTopic,
    partition: number,
  ): { readonly leaderId: number; readonly leaderEpoch: number } | null {
    const newest = newestKnown(topic);
    const known = newest.metadata.partitions[partition];
    if (known === undefined) return null;
    const node = new Nodes(servingBrokers([...newest.brokers.values()]), this.addresses).of(
      known.leader,
    );
    if (node === undefined) return null;
    this.nodes.set(node.nodeId, node);
    return { leaderId: node.nodeId, leaderEpoch: known.leaderEpoch };
  }
}
