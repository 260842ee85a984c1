/**
 * Producer ids: reserved in blocks (KIP-730), so that one recorded change serves a thousand producers. A block is
 * recorded before its first id is handed out; ids that are left of it at a restart are never used.
 */
import { assert } from "../../base/errors.ts";
import { INT_MAX } from "../../base/limits.ts";
import type { Change } from "./image/changes.ts";
import type { ClusterImage } from "./image/cluster.ts";

const PRODUCER_ID_BLOCK = 1_000;

export function decideReserveProducerIds(image: ClusterImage): readonly Change[] {
  const below = image.nextProducerId + PRODUCER_ID_BLOCK;
  assert(below <= INT_MAX, "the cluster is out of producer ids");
  return [{ type: "producer-ids-reserved", below }];
}
