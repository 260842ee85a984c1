/** A replica's assignment, as the controller has decided it, and the replica's answers. Types only. */

/** One replica of a partition, as its peers find it. */
export interface ReplicaRef {
  readonly brokerId: number;
  readonly generation: number;
  /** The platform's location hint for the object, which counts in the first call to it; empty for none. */
  readonly locationHint: string;
  /** Its broker is fenced: the replica refuses service, and its peers do not call it. */
  readonly fenced: boolean;
}

/** What the controller decided for one replica. Delivered in any order; an older assignment changes nothing. */
export interface ReplicaAssignment {
  readonly topicId: string;
  readonly topic: string;
  readonly partition: number;
  readonly brokerId: number;
  readonly generation: number;
  /** Broker id of the leader; -1 when there is none. */
  readonly leader: number;
  readonly leaderEpoch: number;
  /** Counts every change of this partition's state, those of its topic's settings included. */
  readonly partitionEpoch: number;
  /** All replicas: this one, and those that a reassignment adds or will remove. */
  readonly replicas: readonly ReplicaRef[];
  /** Broker ids of the committed in-sync set. */
  readonly inSync: readonly number[];
  /** The topic's own settings, as text. */
  readonly configs: Readonly<Record<string, string>>;
  /**
   * The replica has never confirmed an assignment, so its object may be empty. An object without storage that is
   * assigned with `false` has lost it, and does not count as in sync before it has copied the log again (KIP-903).
   */
  readonly founding: boolean;
  /**
   * Leader epoch of the last unclean election; absent: there was none. Only a replica whose log ends in an older
   * epoch may truncate below its high watermark. A reset replica may lead only in this epoch.
   */
  readonly uncleanEpoch?: number;
}

/** `wasReset`: the replica had lost its storage and begins again with an empty log; it is not in sync. */
export interface Assigned {
  readonly ok: true;
  readonly wasReset: boolean;
}

/** A replica's answer to a probe, by which the controller decides about leaders. */
export interface Probed {
  readonly ok: true;
  readonly leaderEpoch: number;
  readonly partitionEpoch: number;
  readonly logEndOffset: number;
  /** Leader epoch of the last chunk; -1 when there is none. */
  readonly lastEpoch: number;
  readonly highWatermark: number;
  /** It lost its storage and has not caught up since: it may lead only by an unclean election. */
  readonly wasReset: boolean;
}
