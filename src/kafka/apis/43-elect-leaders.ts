/**
 * ElectLeaders (43): elects the preferred replica, or (from version 1 on, type 1) any replica that answers where a
 * partition has no leader. Asked for all partitions it considers only those that an election could change, as Kafka
 * does.
 */
import { refuse, type Refusal } from "../../base/errors.ts";
import type { PartitionMetadata } from "../../objects/contracts/controller.ts";
import { forget } from "../../gateway/metadata.ts";
import { codeOfRefusal, errorFields, NONE } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";

type Asked = NonNullable<Request<43>["topicPartitions"]>;

const ELECTIONS = ["preferred", "unclean"] as const;
type Election = (typeof ELECTIONS)[number];

export const electLeaders: Handler<43> = async (request, { session }) => {
  const election = ELECTIONS[request.electionType];
  if (election === undefined)
    return failed(refuse("INVALID_REQUEST", "There is no such election."));
  const asked = request.topicPartitions ?? (await electable(session, election));
  if ("ok" in asked) return failed(asked);
  const replicaElectionResults = [];
  for (const { topic, partitions } of asked) {
    const partitionResult = await inBatches(partitions, async (partitionId) => {
      const elected = await session.controller(false, (controller) =>
        controller.electLeader(topic, partitionId, election),
      );
      return { partitionId, ...errorFields(elected) };
    });
    forget(topic);
    replicaElectionResults.push({ topic, partitionResult });
  }
  return { errorCode: NONE, replicaElectionResults };
};

function failed(refusal: Refusal) {
  return { errorCode: codeOfRefusal(refusal), replicaElectionResults: [] };
}

async function electable(session: Session, election: Election): Promise<Asked | Refusal> {
  const cluster = await session.controller(true, (controller) => controller.metadata(null));
  if (!cluster.ok) return cluster;
  return cluster.topics
    .map(({ topic, partitions }) => ({
      topic,
      partitions: partitions
        .filter((partition) => isElectable(partition, election))
        .map(({ partition }) => partition),
    }))
    .filter(({ partitions }) => partitions.length > 0);
}

function isElectable({ leader, replicas }: PartitionMetadata, election: Election): boolean {
  return election === "unclean" ? leader < 0 : leader !== replicas[0]?.brokerId;
}
