/**
 * Who leads the partitions whose clients asked a broker that does not (KIP-951): they go on there at once, and
 * need not ask for metadata first.
 */
import { newestKnown, type KnownTopic } from "../gateway/metadata.ts";
import { Nodes, servingBrokers, type Addresses, type BrokerAddress } from "./addresses.ts";

export class CurrentLeaders {
  private readonly addresses: Addresses;
  private readonly nodes = new Map<number, BrokerAddress>();

  constructor(addresses: Addresses) {
    this.addresses = addresses;
  }

  /** Where the leaders are that were named, each once. */
  get endpoints(): readonly BrokerAddress[] {
    return [...this.nodes.values()];
  }

  /** The leader as far as is known here; null where there is none to go to. */
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
