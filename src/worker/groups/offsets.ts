/** An operator's changes to the offsets of a group: set them, reset them by a rule, delete them. */
import * as z from "zod";
import { topicText, wholeText } from "../text-schemas.ts";
import { refuse, type ErrorName, type Refusal } from "../../base/errors.ts";
import { parseWhole, topicNameProblem } from "../../base/ids.ts";
import { LEADER } from "../admin/leader.ts";
import { json } from "../answers.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { pathGroup, REPEATABLE } from "../consumers/instance.ts";
import type { KnownTopic } from "../../gateway/metadata.ts";
import { callCoordinator } from "../../gateway/objects.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { allCommitted, describeAny, describeGroup, G, GROUP_ERRORS } from "./group.ts";
import { listOffsets, PARTITIONS_MAX, topicsOf } from "./log-ends.ts";
import { offsetsRequest, ruleOf, specOf, targetOf, type Reset, type Rule } from "./reset.ts";
import type {
  CommittedOffset,
  OffsetToCommit,
  TopicPartition,
} from "../../objects/contracts/offsets.ts";

type Request = z.output<typeof offsetsRequest>;
type Planned = { readonly ok: true; readonly offsets: readonly OffsetToCommit[] } | Refusal;

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** The group's state at the beginning of the request. */
interface Found {
  readonly service: Service;
  readonly groupId: string;
  /** By {@link keyOf}. */
  readonly committed: ReadonlyMap<string, CommittedOffset>;
  /** Whether there is such a group already. */
  readonly exists: boolean;
}

async function find(c: Ctx, service: Service): Promise<({ readonly ok: true } & Found) | Refusal> {
  const groupId = pathGroup(c);
  if (typeof groupId !== "string") return groupId;
  const group = await describeAny(service, groupId);
  if (!group.ok) return group;
  // A dry run is refused too, because the same request without dry_run would be.
  if (group.members.length > 0) return refuse("NON_EMPTY_GROUP");
  const exists = group.state !== "Dead";
  const fetched = exists
    ? await allCommitted(service, groupId)
    : { ok: true as const, offsets: [] };
  if (!fetched.ok) return fetched;
  const committed = new Map(fetched.offsets.map((one) => [keyOf(one), one]));
  return { ok: true, service, groupId, committed, exists };
}

async function alterOffsets(c: Ctx, service: Service): Promise<Outcome> {
  const body = await readJson(c.req.raw, offsetsRequest);
  if (!body.ok) return body;
  const { offsets, reset, dry_run } = body.value;
  if ((offsets === undefined) === (reset === undefined)) {
    return refuse("INVALID_REQUEST", "The body has either offsets or reset.");
  }
  const rule = reset === undefined ? null : ruleOf(reset);
  if (rule !== null && !rule.ok) return rule;
  const found = await find(c, service);
  if (!found.ok) return found;
  const planned =
    rule === null ? await planSet(found, offsets!) : await planReset(found, reset!, rule.rule);
  if (!planned.ok) return planned;
  if (dry_run !== true) {
    const set = await callCoordinator(service, found.groupId, REPEATABLE, (group) =>
      group.setOffsets(planned.offsets, found.groupId),
    );
    if (!set.ok) return set;
    const failed = set.errors.find((error) => error !== null);
    if (failed) return refuse(failed);
  }
  return json({
    dry_run: dry_run === true,
    data: planned.offsets.map((one) => ({
      topic_name: one.topic,
      partition_id: one.partition,
      previous_offset: found.committed.get(keyOf(one))?.offset ?? null,
      offset: one.offset,
    })),
  });
}

/** The plan for offsets given by the request. UNKNOWN_TOPIC, UNKNOWN_TOPIC_OR_PARTITION, INVALID_REQUEST. */
async function planSet(
  { service }: Found,
  entries: NonNullable<Request["offsets"]>,
): Promise<Planned> {
  const asked = entries.map((entry) => ({
    topic: entry.topic_name,
    partition: entry.partition_id,
    offset: entry.offset,
    leaderEpoch: -1,
    metadata: entry.metadata ?? "",
  }));
  const bytesMax = service.config["offset.metadata.max.bytes"];
  const isLong = ({ metadata }: OffsetToCommit): boolean =>
    metadata !== "" && new TextEncoder().encode(metadata).length > bytesMax;
  if (asked.some(isLong)) return refuse("OFFSET_METADATA_TOO_LARGE");
  const topics = await topicsOf(service, asked);
  const placed = placedIn(topics, asked);
  return placed.ok ? { ok: true, offsets: placed.partitions } : placed;
}

type Placed<T> = { readonly ok: true; readonly partitions: (T & { readonly topicId: string })[] };

/** The partitions with their topics' ids. Each must exist and be named once. */
function placedIn<T extends TopicPartition>(
  topics: ReadonlyMap<string, KnownTopic | Refusal>,
  partitions: readonly T[],
): Placed<T> | Refusal {
  const seen = new Set<string>();
  const placed: (T & { readonly topicId: string })[] = [];
  for (const one of partitions) {
    const known = topics.get(one.topic)!;
    if (!known.ok) return known;
    if (one.partition >= known.metadata.partitions.length) {
      return refuse("UNKNOWN_TOPIC_OR_PARTITION");
    }
    if (seen.has(keyOf(one))) {
      return refuse("INVALID_REQUEST", "A partition is named more than once.");
    }
    seen.add(keyOf(one));
    placed.push({ ...one, topicId: known.metadata.topicId });
  }
  return { ok: true, partitions: placed };
}

/** The plan that the rule leads to. Errors: those of {@link planSet}, GROUP_ID_NOT_FOUND, and those of leaders. */
async function planReset(found: Found, { topics: chosen }: Reset, rule: Rule): Promise<Planned> {
  const { service } = found;
  if (!found.exists && chosen === undefined) return refuse("GROUP_ID_NOT_FOUND");
  const names: readonly TopicPartition[] =
    chosen === undefined
      ? [...found.committed.values()]
      : chosen.map((one) => ({ topic: one.topic_name, partition: 0 }));
  const topics = await topicsOf(service, names);
  const asked = chosen === undefined ? present(topics, names) : chosenOf(topics, chosen);
  const placed = placedIn(topics, asked);
  if (!placed.ok) return placed;
  const { partitions } = placed;
  if (partitions.length > PARTITIONS_MAX) {
    return refuse("INVALID_REQUEST", `At most ${PARTITIONS_MAX} partitions at once: name topics.`);
  }
  const spec = specOf(rule);
  const earliest = await listOffsets(service, topics, partitions, { at: "earliest" });
  const latest = await listOffsets(service, topics, partitions, { at: "latest" });
  const atTime = spec === null ? null : await listOffsets(service, topics, partitions, spec);
  const offsets: OffsetToCommit[] = [];
  for (const [i, { topic, partition, topicId }] of partitions.entries()) {
    const [first, last, timed] = [earliest[i]!, latest[i]!, atTime?.[i] ?? null];
    if (!first.ok) return first;
    if (!last.ok) return last;
    if (timed !== null && !timed.ok) return timed;
    const log = { earliest: first.offset, latest: last.offset, atTime: timed?.offset ?? -1 };
    const current = currentOf(found, { topic, partition, topicId });
    const target = targetOf(rule, log, current);
    if (typeof target === "object") {
      return refuse(target.error, `${topic}, partition ${partition}: ${target.message}`);
    }
    offsets.push({ topic, partition, topicId, offset: target, leaderEpoch: -1, metadata: "" });
  }
  return { ok: true, offsets };
}

/** The committed offset; null also where it was committed for an earlier topic of this name. */
function currentOf(
  { committed }: Found,
  at: TopicPartition & { readonly topicId: string },
): number | null {
  const found = committed.get(keyOf(at));
  if (found === undefined) return null;
  const of = found.topicId ?? "";
  return of === "" || of === at.topicId ? found.offset : null;
}

/** The committed partitions that still exist. */
function present(
  topics: ReadonlyMap<string, KnownTopic | Refusal>,
  partitions: readonly TopicPartition[],
): TopicPartition[] {
  return partitions.flatMap(({ topic, partition }) => {
    const known = topics.get(topic)!;
    if (!known.ok) return known.error === "UNKNOWN_TOPIC" ? [] : [{ topic, partition }];
    return partition < known.metadata.partitions.length ? [{ topic, partition }] : [];
  });
}

function chosenOf(
  topics: ReadonlyMap<string, KnownTopic | Refusal>,
  chosen: NonNullable<Reset["topics"]>,
): TopicPartition[] {
  return chosen.flatMap(({ topic_name: topic, partitions }) => {
    const known = topics.get(topic)!;
    // For a topic that does not exist, one partition carries the refusal.
    const all = known.ok ? known.metadata.partitions.map(({ partition }) => partition) : [0];
    return (known.ok ? (partitions ?? all) : all).map((partition) => ({ topic, partition }));
  });
}

async function deleteOffsets(c: Ctx, service: Service): Promise<Outcome> {
  const topic = c.req.query("topic");
  const text = c.req.query("partition");
  const partition = text === undefined ? null : parseWhole(text);
  if (topic === undefined || (text !== undefined && partition === null)) {
    const expected = "The query names a topic, and where only one is meant, a partition.";
    return refuse("INVALID_REQUEST", expected);
  }
  const problem = topicNameProblem(topic);
  if (problem !== null) return refuse("INVALID_TOPIC_EXCEPTION", problem);
  const groupId = pathGroup(c);
  if (typeof groupId !== "string") return groupId;
  const group = await describeGroup(service, groupId);
  if (!group.ok) return group;
  const committed = await allCommitted(service, groupId);
  if (!committed.ok) return committed;
  const found = committed.offsets
    .filter((one) => one.topic === topic && (partition === null || one.partition === partition))
    .map((one) => ({ topic, partition: one.partition }));
  // The group is called also where nothing is committed, because only it knows whether the topic is subscribed to.
  const named = found.length > 0 ? found : [{ topic, partition: partition ?? 0 }];
  const deleted = await callCoordinator(service, groupId, REPEATABLE, (stub) =>
    stub.deleteOffsets(named),
  );
  if (!deleted.ok) return deleted;
  const failed = deleted.errors.find((error) => error !== null);
  return failed ? refuse(failed) : new Response(null, { status: 204 });
}

const answer = z
  .object({
    dry_run: z.boolean(),
    data: z.array(
      z.object({
        topic_name: z.string(),
        partition_id: z.int(),
        previous_offset: z.int().nullable(),
        offset: z.int(),
      }),
    ),
  })
  .meta({ id: "AlterConsumerGroupOffsetsResponse" });

const TOPIC_ERRORS: readonly ErrorName[] = [
  "UNKNOWN_TOPIC",
  "INVALID_TOPIC_EXCEPTION",
  "UNKNOWN_TOPIC_OR_PARTITION",
];

export const groupOffsetRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: `${G}/offsets`,
    id: "alterConsumerGroupOffsets",
    needs: [
      ["group", "read"],
      ["topic", "read"],
    ],
    tag: "Groups",
    summary: "Set the offsets of a group, or reset them by a rule",
    description: `Only while the group has no members. Offsets are the *next* ones to read: nothing is added to them, unlike in commits of instances.

\`offsets\` sets each partition that it names. \`reset\` goes by a rule: to \`earliest\`, \`latest\`, \`current\`, the first record at or after a \`timestamp\`, an \`offset\`, or \`shift-by\` so many records; for the topics or partitions that are named, else for all that the group has committed. What a rule comes to is kept within the log's ends. All is set together or nothing; with \`dry_run\` nothing is. A group that is not there comes to be, where topics are named.`,
    body: {
      "application/json": {
        schema: offsetsRequest,
        example: { reset: { to: "shift-by", by: -10, topics: [{ topic_name: "flights" }] } },
      },
    },
    answers: {
      200: {
        description: "What was set, or with dry_run would be.",
        content: {
          "application/json": {
            schema: answer,
            example: {
              dry_run: false,
              data: [{ topic_name: "flights", partition_id: 0, previous_offset: 900, offset: 890 }],
            },
          },
        },
      },
    },
    errors: [
      ...GROUP_ERRORS,
      ...BODY_ERRORS,
      ...TOPIC_ERRORS,
      ...LEADER,
      "NON_EMPTY_GROUP",
      "OFFSET_METADATA_TOO_LARGE",
      "COORDINATOR_NOT_AVAILABLE",
    ],
    handler: alterOffsets,
  }),
  defineRoute({
    method: "DELETE",
    path: `${G}/offsets`,
    id: "deleteConsumerGroupOffsets",
    needs: [
      ["group", "delete"],
      ["topic", "read"],
    ],
    tag: "Groups",
    summary: "Delete what a group has committed of a topic",
    description: "Not while members are subscribed to the topic.",
    query: z.object({
      topic: topicText.meta({ example: "flights" }),
      partition: wholeText.optional().describe("Only this one; all of the topic when absent."),
    }),
    answers: { 204: { description: "Deleted, or not there." } },
    errors: [
      ...GROUP_ERRORS,
      "INVALID_REQUEST",
      "INVALID_TOPIC_EXCEPTION",
      "GROUP_SUBSCRIBED_TO_TOPIC",
      "NON_EMPTY_GROUP",
      "COORDINATOR_NOT_AVAILABLE",
    ],
    handler: deleteOffsets,
  }),
];
