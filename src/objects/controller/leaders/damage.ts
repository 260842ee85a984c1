/**
 * Replicas whose storage is damaged (lost, corrupt, or not opening), as far as the controller has heard since it woke
 * up. For operators only; decides nothing.
 */
import { replicaObjectName, type ReplicaName } from "../../../base/ids.ts";
import { isLive } from "../delivery/assignments.ts";
import type { ClusterImage } from "../image/cluster.ts";

/** The gauge counts up to this. */
const REMEMBERED_MAX = 10_000;

export class Damage {
  readonly #image: ClusterImage;
  /** By object name. */
  readonly #replicas = new Map<string, ReplicaName>();

  constructor(image: ClusterImage) {
    this.#image = image;
  }

  /** A replica's answer has shown whether its storage is damaged. */
  note(replica: ReplicaName, isDamaged: boolean): void {
    if (!isDamaged && this.#replicas.size === 0) return;
    const name = replicaObjectName(replica);
    if (!isDamaged) this.#replicas.delete(name);
    else if (this.#replicas.size < REMEMBERED_MAX) this.#replicas.set(name, replica);
  }

  /** Number of damaged replicas; removed ones do not count. */
  count(): number {
    for (const [name, replica] of this.#replicas) {
      if (!isLive(this.#image, replica)) this.#replicas.delete(name);
    }
    return this.#replicas.size;
  }
}
