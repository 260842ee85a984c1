/**
 * DescribeLogDirs (35): the replicas of a broker and their sizes. Clients ask every broker and the answer does not
 * name one, so each port reports the brokers that are reached there; a port that is not known reports all.
 *
 * A broker is a place without a volume of its own: it has one log directory, whose size is not known. Each replica is
 * asked for its size; those beyond {@link ASKED_MAX}, or that do not answer, have the size -1.
 */
import type { Refusal } from "../../base/errors.ts";
import type { ClusterMetadata, TopicMetadata } from "../../objects/contracts/controller.ts";
import { nodesOf } from "../../gateway/addresses.ts";
import { codeOfRefusal, NONE } from "../errors.ts";
import { inBatches } from "../../gateway/in-batches.ts";
import type { Request, Response } from "../messages/index.ts";
import type { Handler } from "../handler.ts";
import type { Session } from "../session.ts";
import { describeReplica } from "../../gateway/replicas.ts";

const LOG_DIR = "/odradek";
const ASKED_MAX = 1_000;
const UNKNOWN_BYTES = -1;

type Partition = Response<35>["results"][number]["topics"][number]["partitions"][number];

interface Held {
  readonly topic: TopicMetadata;
  readonly partition: number;
  readonly brokerId: number;
}

export const describeLogDirs: Handler<35> = async ({ topics: asked }, { session }) => {
  const names = asked === null ? null : asked.map(({ topic }) => topic);
  const cluster = await session.controller(true, (controller) => controller.metadata(names));
  if (!cluster.ok) return { errorCode: codeOfRefusal(cluster), results: [] };
  const held = heldHere(session, cluster, asked);
  const known = await inBatches(held.slice(0, ASKED_MAX), async (one) => ({
    one,
    bytes: await bytesOf(session, one),
  }));
  const rest = held.slice(ASKED_MAX).map((one) => ({ one, bytes: UNKNOWN_BYTES }));
  const byTopic = new Map<string, Partition[]>();
  for (const { one, bytes } of [...known, ...rest]) {
    const partitions = byTopic.get(one.topic.topic) ?? [];
    partitions.push({
      partitionIndex: one.partition,
      partitionSize: bytes,
      offsetLag: 0,
      isFutureKey: false,
    });
    byTopic.set(one.topic.topic, partitions);
  }
  const topics = [...byTopic].map(([name, partitions]) => ({ name, partitions }));
  return { results: [{ errorCode: NONE, logDir: LOG_DIR, topics }] };
};

function heldHere(
  session: Session,
  cluster: ClusterMetadata,
  asked: Request<35>["topics"],
): readonly Held[] {
  const { listener, addresses } = session.peer;
  const nodes = nodesOf(cluster, addresses);
  const isHere = (brokerId: number): boolean =>
    listener === null || nodes.of(brokerId)?.port === addresses.port + listener;
  const wanted = new Map(
    (asked ?? []).map(({ topic, partitions }) => [topic, new Set(partitions)]),
  );
  return cluster.topics.flatMap((topic) =>
    topic.partitions
      .filter(({ partition }) => wanted.get(topic.topic)?.has(partition) ?? asked === null)
      .flatMap(({ partition, replicas }) =>
        replicas
          .filter(({ brokerId }) => isHere(brokerId))
          .map(({ brokerId }) => ({ topic, partition, brokerId })),
      ),
  );
}

async function bytesOf(session: Session, { topic, partition, brokerId }: Held): Promise<number> {
  const known = await session.topic(topic.topic);
  if (!known.ok || !session.mayCall()) return UNKNOWN_BYTES;
  const described: { readonly ok: true; readonly logBytes: number } | Refusal = session.settle(
    await describeReplica(session.service, known, partition, brokerId),
  );
  return described.ok ? described.logBytes : UNKNOWN_BYTES;
}
