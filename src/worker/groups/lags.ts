/**
 * The lag of a group: for every partition the committed offset, the end of its log, and the difference. Groups without
 * members have a lag too. Partitions that are assigned but have no committed offset are included.
 */
import * as z from "zod";
import { refuse, type Refusal } from "../../base/errors.ts";
import type { GroupDescription, MemberDescription } from "../../objects/contracts/group.ts";
import { entriesOf, nextOf, pageOf, pageParameters, type PageSizes } from "../admin/paging.ts";
import { clusterPlace, head, list, topicPlace } from "../admin/resources.ts";
import { json } from "../answers.ts";
import { pathGroup } from "../consumers/instance.ts";
import { pathPartition, pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { lagExample, lagsExample, lagSummaryExample } from "./examples.ts";
import { allCommitted, describeGroup, G, GROUP_ERRORS } from "./group.ts";
import { listOffsets, PARTITIONS_MAX, topicsOf } from "./log-ends.ts";
import { groupPlace, lagListSchema, lagPlace, lagSchema, lagSummarySchema } from "./resources.ts";
import type { CommittedOffset, TopicPartition } from "../../objects/contracts/offsets.ts";

/** Partitions of a page: each is a call of its leader. */
const PAGE: PageSizes = { usual: 500, max: 500 };

/** A partition of the group, before the end of its log is looked up. */
interface Held extends TopicPartition {
  readonly committed: CommittedOffset | null;
  readonly member: MemberDescription | null;
}

interface Lag extends Held {
  readonly logEndOffset: number | null;
  readonly lag: number | null;
}

type HeldBy = { readonly ok: true; readonly groupId: string; readonly held: readonly Held[] };

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** All partitions that are committed or assigned, by topic and partition. */
async function heldBy(c: Ctx, service: Service): Promise<HeldBy | Refusal> {
  const groupId = pathGroup(c);
  if (typeof groupId !== "string") return groupId;
  const group = await describeGroup(service, groupId);
  if (!group.ok) return group;
  const committed = await allCommitted(service, groupId);
  if (!committed.ok) return committed;
  return { ok: true, groupId, held: combined(group, committed.offsets) };
}

function combined(group: GroupDescription, offsets: readonly CommittedOffset[]): readonly Held[] {
  const held = new Map<string, Held>();
  for (const one of offsets) {
    const { topic, partition } = one;
    held.set(keyOf(one), { topic, partition, committed: one, member: null });
  }
  for (const member of group.members) {
    for (const at of member.partitions) {
      const { topic, partition } = at;
      const committed = held.get(keyOf(at))?.committed ?? null;
      held.set(keyOf(at), { topic, partition, committed, member });
    }
  }
  return [...held.values()].sort(
    (a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) || a.partition - b.partition,
  );
}

/** With the ends of the logs. Partitions that no longer exist are left out. */
async function lagsOf(service: Service, held: readonly Held[]): Promise<readonly Lag[]> {
  const topics = await topicsOf(service, held);
  const present = held.filter(({ topic, partition }) => {
    const known = topics.get(topic)!;
    return !known.ok || partition < known.metadata.partitions.length;
  });
  const ends = await listOffsets(service, topics, present, { at: "latest" });
  return present.flatMap((one, i) => {
    const known = topics.get(one.topic)!;
    if (!known.ok && known.error === "UNKNOWN_TOPIC") return [];
    // An offset committed for an earlier topic of this name has no meaning for this one.
    const isFormer = known.ok && isOfAnother(one.committed, known.metadata.topicId);
    if (isFormer && one.member === null) return [];
    const committed = isFormer ? null : one.committed;
    const end = ends[i]!;
    const logEndOffset = end.ok ? end.offset : null;
    const lag =
      committed === null || logEndOffset === null
        ? null
        : Math.max(0, logEndOffset - committed.offset);
    return [{ ...one, committed, logEndOffset, lag }];
  });
}

function isOfAnother(committed: CommittedOffset | null, topicId: string): boolean {
  const of = committed?.topicId ?? "";
  return of !== "" && of !== topicId;
}

function lagData(c: Ctx, service: Service, groupId: string, lag: Lag): unknown {
  return {
    ...head("KafkaConsumerLag", lagPlace(c, service, groupId, lag)),
    cluster_id: service.clusterId,
    consumer_group_id: groupId,
    topic_name: lag.topic,
    partition_id: lag.partition,
    consumer_id: lag.member?.memberId ?? "",
    instance_id: lag.member?.groupInstanceId ?? null,
    client_id: lag.member?.clientId ?? "",
    current_offset: lag.committed?.offset ?? null,
    log_end_offset: lag.logEndOffset,
    lag: lag.lag,
  };
}

async function listLags(c: Ctx, service: Service): Promise<Outcome> {
  const page = pageOf(c, PAGE);
  if (!page.ok) return page;
  const found = await heldBy(c, service);
  if (!found.ok) return found;
  const { groupId, held } = found;
  const lags = await lagsOf(service, entriesOf(page, held));
  const self = `${groupPlace(c, service, groupId).self}/lags`;
  const data = lags.map((lag) => lagData(c, service, groupId, lag));
  return json(list("KafkaConsumerLagList", self, data, nextOf(self, page, held.length)));
}

async function getLag(c: Ctx, service: Service): Promise<Outcome> {
  const found = await heldBy(c, service);
  if (!found.ok) return found;
  const at = { topic: pathText(c, "topic"), partition: pathPartition(c) };
  const held = found.held.find((one) => keyOf(one) === keyOf(at));
  const lags = held === undefined ? [] : await lagsOf(service, [held]);
  return lags.length === 0
    ? refuse("UNKNOWN_TOPIC_OR_PARTITION", "The group reads no such partition.")
    : json(lagData(c, service, found.groupId, lags[0]!));
}

async function getSummary(c: Ctx, service: Service): Promise<Outcome> {
  const found = await heldBy(c, service);
  if (!found.ok) return found;
  const { groupId, held } = found;
  if (held.length > PARTITIONS_MAX) {
    const text = `The group reads more than ${PARTITIONS_MAX} partitions: add their lags up by pages.`;
    return refuse("INVALID_REQUEST", text);
  }
  const known = (await lagsOf(service, held)).filter(({ lag }) => lag !== null);
  let most: Lag | null = null;
  let total = 0;
  for (const one of known) {
    total += one.lag!;
    if (most === null || one.lag! > most.lag!) most = one;
  }
  const place = groupPlace(c, service, groupId);
  const memberId = most?.member?.memberId ?? "";
  return json({
    ...head("KafkaConsumerGroupLagSummary", place.aspect("lag-summary")),
    cluster_id: service.clusterId,
    consumer_group_id: groupId,
    max_lag_consumer_id: memberId,
    max_lag_instance_id: most?.member?.groupInstanceId ?? null,
    max_lag_client_id: most?.member?.clientId ?? "",
    max_lag_topic_name: most?.topic ?? null,
    max_lag_partition_id: most?.partition ?? null,
    max_lag: most?.lag ?? 0,
    total_lag: total,
    // Where there is no such consumer or partition, the links lead to the lists.
    max_lag_consumer:
      memberId === ""
        ? place.related("consumers")
        : place.related(`consumers/${encodeURIComponent(memberId)}`),
    max_lag_partition:
      most === null
        ? clusterPlace(c, service).related("topics")
        : topicPlace(c, service, most.topic).related(`partitions/${most.partition}`),
  });
}

const DESCRIPTION =
  "`lag` is the high watermark minus what is committed, whoever has committed it and whether or not members are there. A partition that is assigned but of which nothing is committed is shown with null for `current_offset` and `lag` (other proxies leave it out); it does not count in the summary.";

export const lagRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: `${G}/lags`,
    id: "listConsumerLags",
    needs: [["group", "describe"]],
    tag: "Groups",
    summary: "How far a group is behind, by partition",
    description: `${DESCRIPTION} A page at a time: \`metadata.next\` leads to the next one. Each partition of a page is a call of its leader.`,
    query: z.object(pageParameters("Partitions", PAGE)),
    answers: {
      200: {
        description: "The lags, by topic and partition.",
        content: { "application/json": { schema: lagListSchema, example: lagsExample } },
      },
    },
    errors: [...GROUP_ERRORS, "INVALID_REQUEST"],
    handler: listLags,
  }),
  defineRoute({
    method: "GET",
    path: `${G}/lags/{topic}/partitions/{partition_id}`,
    id: "getConsumerLag",
    needs: [["group", "describe"]],
    tag: "Groups",
    summary: "How far a group is behind in one partition",
    description: DESCRIPTION,
    answers: {
      200: {
        description: "The lag.",
        content: { "application/json": { schema: lagSchema, example: lagExample } },
      },
    },
    errors: [...GROUP_ERRORS, "UNKNOWN_TOPIC_OR_PARTITION"],
    handler: getLag,
  }),
  defineRoute({
    method: "GET",
    path: `${G}/lag-summary`,
    id: "getConsumerGroupLagSummary",
    needs: [["group", "describe"]],
    tag: "Groups",
    summary: "How far a group is behind, in all and at most",
    description: DESCRIPTION,
    answers: {
      200: {
        description: "The sum, and the partition that is furthest behind.",
        content: { "application/json": { schema: lagSummarySchema, example: lagSummaryExample } },
      },
    },
    errors: [...GROUP_ERRORS, "INVALID_REQUEST"],
    handler: getSummary,
  }),
];
