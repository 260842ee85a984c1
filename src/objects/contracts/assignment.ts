/** What a replica is, as the controller has decided and told it, and what it answers. Types only. */

/** One replica of a partition, as its peers find it. */
export interface ReplicaRef {
  readonly brokerId: number;
  readonly generation: number;
  /** The platform's location hint: whoever calls an object first decides where it is. Empty for none. */
  readonly locationHint: string;
  /** Its broker is fenced: it refuses service, and nobody calls it. */
  readonly fenced: boolean;
}

/** What the controller decided for one replica. Delivered in any order; an older one changes nothing. */
export interface ReplicaAssignment {
  readonly topicId: string;
  readonly topic: string;
  readonly partition: number;
  readonly brokerId: number;
  readonly generation: number;
  /** Broker id of the leader; -1 when there is none. */
  readonly leader: number;
  readonly leaderEpoch: number;
  /** Counts every change of this partition's state; also of its topic's settings. */
  readonly partitionEpoch: number;
  /** All replicas, this one included; those that a reassignment adds or will remove too. */
  readonly replicas: readonly ReplicaRef[];
  /** Broker ids of the committed in-sync set. */
  readonly inSync: readonly number[];
  /** The topic's own settings, as text. */
  readonly configs: Readonly<Record<string, string>>;
  /**
   * The replica has never confirmed an assignment, so its object may rightly be empty. An object
   * without storage that is assigned with `false` has lost it, and may not count before it has
   * copied the log anew (KIP-903).
   */
  readonly founding: boolean;
  /**
   * Leader epoch of the last unclean election; absent: there was none. Only a replica whose log ends
   * in an older epoch may truncate below its high watermark, and only a reset replica that is
   * assigned to lead in this very epoch may lead.
   */
  readonly uncleanEpoch?: number;
}

/** `wasReset`: the replica had lost its storage and begins anew as an empty one; it is not in sync. */
export interface Assigned {
  readonly ok: true;
  readonly wasReset: boolean;
}

/** What the controller asks a replica before it decides about leaders. Reads only. */
export interface Probed {
  readonly ok: true;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly logEndOffset: number;
  /** Leader epoch of the last chunk; -1 when there is none. */
  readonly lastEpoch: number;
  readonly highWatermark: number;
  /** It lost its storage and has not caught up since: it may not lead but by an unclean election. */
  readonly wasReset: boolean;
}
