/** The cluster in numbers, for operators and metrics. Reads the image, alters nothing. */
import type { ControllerDescription } from "../contracts/controller.ts";
import type { ClusterImage } from "./image/cluster.ts";
import { isReassigning } from "./image/partitions.ts";
import { pendingCount } from "./image/pending.ts";

export function describeCluster(
  image: ClusterImage,
  failedProbes: number,
  damagedReplicas: number,
): Omit<ControllerDescription, "rowsRead" | "rowsWritten"> {
  let underReplicated = 0;
  let reassigning = 0;
  for (const { partitions } of image.topics.values()) {
    for (const partition of partitions) {
      if (partition.inSync.length < partition.replicas.length) underReplicated += 1;
      if (isReassigning(partition)) reassigning += 1;
    }
  }
  return {
    ok: true,
    version: image.version,
    topics: image.topics.size,
    partitions: image.partitionCount,
    groups: image.groups.size,
    underReplicated,
    offline: image.leaderless.size,
    damagedReplicas,
    reassigning,
    counts: { ...image.counts, failedProbes },
    pendingPurges: pendingCount(image.purges),
    pendingAssignments: pendingCount(image.assignments),
  };
}
