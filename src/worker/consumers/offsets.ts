/** The positions of an instance, and the offsets that its group has committed. */
import * as z from "zod";
import { topicText, wholeText } from "../text-schemas.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole, topicNameProblem } from "../../base/ids.ts";
import { GROUP_PARTITIONS_MAX, INT_MAX } from "../../base/limits.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { LEADER } from "../admin/leader.ts";
import { topicMetadata } from "../../gateway/metadata.ts";
import { PartitionReader } from "../../gateway/partition-reader.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import {
  callGroup,
  I,
  INSTANCE_ERRORS,
  namedInstance,
  REPEATABLE,
  receivedOf,
} from "./instance.ts";
import { answerV2 } from "./negotiation.ts";
import {
  NO_CONTENT,
  offsetsExample,
  offsetsSchema,
  partitionsExample,
  partitionsSchema,
  v2Content,
} from "./schemas.ts";
import type { OffsetToCommit, TopicPartition } from "../../objects/contracts/offsets.ts";
import type { Seek } from "../../objects/contracts/instances.ts";

/** Partitions whose ends one request may have looked up, and how many of them at the same time. */
const PARTITIONS_MAX = 2_000;
const LOOKED_UP_AT_ONCE = 50;

async function seek(c: Ctx, service: Service, seeks: readonly Seek[]): Promise<Outcome> {
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const done = await callGroup(named, REPEATABLE, (group) => group.seek(named.instanceId, seeks));
  return done.ok ? new Response(null, { status: 204 }) : done;
}

async function seekToOffsets(c: Ctx, service: Service): Promise<Outcome> {
  const body = await readJson(c.req.raw, offsetsSchema);
  if (!body.ok) return body;
  const { offsets } = body.value;
  const seeks = offsets.map(({ topic, partition, offset }) => ({ topic, partition, to: offset }));
  return seek(c, service, seeks);
}

/** The first or the last offsets of the partitions' logs. The worker looks them up, because groups do not read logs. */
async function endsOf(
  service: Service,
  partitions: readonly TopicPartition[],
  to: "earliest" | "latest",
): Promise<{ readonly ok: true; readonly seeks: readonly Seek[] } | Refusal> {
  const seeks: Seek[] = [];
  for (let from = 0; from < partitions.length; from += LOOKED_UP_AT_ONCE) {
    const found = await Promise.all(
      partitions.slice(from, from + LOOKED_UP_AT_ONCE).map(async ({ topic, partition }) => {
        const known = await topicMetadata(service, topic);
        if (!known.ok) return known;
        const reader = new PartitionReader(service, known, partition, "UNKNOWN_PARTITION");
        const offset = await reader.offsetOf(to);
        return typeof offset === "number" ? { ok: true as const, offset } : offset;
      }),
    );
    for (const [i, one] of found.entries()) {
      if (!one.ok) return one;
      const { topic, partition } = partitions[from + i]!;
      seeks.push({ topic, partition, to: one.offset });
    }
  }
  return { ok: true, seeks };
}

const seekToEnd =
  (to: "earliest" | "latest") =>
  async (c: Ctx, service: Service): Promise<Outcome> => {
    const named = namedInstance(c, service);
    if (!named.ok) return named;
    const body = await readJson(c.req.raw, partitionsSchema);
    if (!body.ok) return body;
    const { partitions } = body.value;
    if (partitions.length > PARTITIONS_MAX) {
      return refuse("INVALID_REQUEST", `At most ${PARTITIONS_MAX} partitions at once.`);
    }
    // Before any partition is called: only those assigned to the instance may be named.
    const owned = await callGroup(named, REPEATABLE, (group) => group.assignment(named.instanceId));
    if (!owned.ok) return owned;
    const names = new Set(owned.partitions.map(({ topic, partition }) => `${topic}/${partition}`));
    if (!partitions.every(({ topic, partition }) => names.has(`${topic}/${partition}`))) {
      return refuse("ILLEGAL_STATE", "A partition is not assigned to the instance.");
    }
    const ends = await endsOf(service, partitions, to);
    return ends.ok ? seek(c, service, ends.seeks) : ends;
  };

const commitRequest = z
  .strictObject({ offsets: offsetsSchema.shape.offsets.nullable().optional() })
  .meta({ id: "ConsumerCommitRequest" });

/** The generation that a commit states; null when it states none. INVALID_REQUEST. */
function generationOf(c: Ctx): number | null | Refusal {
  const text = c.req.query("generation") ?? c.req.raw.headers.get("consumer-generation");
  if (text === null || text === undefined) return null;
  return parseWhole(text) ?? refuse("INVALID_REQUEST", "The generation is not a whole number.");
}

/** Refuses a commit before anything of it is stored. INVALID_TOPIC_EXCEPTION, OFFSET_METADATA_TOO_LARGE. */
function commitProblem(service: Service, offsets: readonly OffsetToCommit[]): Refusal | null {
  const bytesMax = service.config["offset.metadata.max.bytes"];
  for (const { topic, metadata } of offsets) {
    const problem = topicNameProblem(topic);
    if (problem !== null) return refuse("INVALID_TOPIC_EXCEPTION", problem);
    if (metadata.length > 0 && new TextEncoder().encode(metadata).length > bytesMax) {
      return refuse("OFFSET_METADATA_TOO_LARGE");
    }
  }
  return null;
}

async function commit(c: Ctx, service: Service): Promise<Outcome> {
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const generationId = generationOf(c);
  if (generationId !== null && typeof generationId === "object") return generationId;
  const body = await readJson(c.req.raw, commitRequest, {});
  if (!body.ok) return body;
  const given = body.value.offsets ?? null;
  const offsets =
    given?.map(({ topic, partition, offset, metadata }): OffsetToCommit => ({
      topic,
      partition,
      // The request names the last record that was processed.
      offset: offset + 1,
      leaderEpoch: -1,
      metadata: metadata ?? "",
    })) ?? null;
  const problem = commitProblem(service, offsets ?? []);
  if (problem !== null) return problem;
  const received = receivedOf(c);
  if (received !== null && typeof received === "object") return received;
  const committed = await callGroup(named, REPEATABLE, (group) =>
    group.commitInstance({
      instanceId: named.instanceId,
      offsets,
      ...(generationId !== null && { generationId }),
      ...(received !== null && { received }),
    }),
  );
  if (!committed.ok) return committed;
  const failed = committed.errors.find((error) => error !== null);
  return failed === undefined ? new Response(null, { status: 204 }) : refuse(failed!);
}

/** The partitions asked about, in the body or the query. INVALID_REQUEST. */
async function partitionsAsked(
  c: Ctx,
): Promise<{ readonly ok: true; readonly partitions: readonly TopicPartition[] } | Refusal> {
  const topic = c.req.query("topic");
  const text = c.req.query("partition");
  if (topic === undefined && text === undefined) {
    const body = await readJson(c.req.raw, partitionsSchema, { partitions: [] });
    return body.ok ? { ok: true, partitions: body.value.partitions } : body;
  }
  const partition = parseWhole(text ?? "");
  if (topic === undefined || partition === null || partition > INT_MAX) {
    return refuse("INVALID_REQUEST", "The query names a topic and a partition, a whole number.");
  }
  return { ok: true, partitions: [{ topic, partition }] };
}

async function getCommitted(c: Ctx, service: Service): Promise<Outcome> {
  const named = namedInstance(c, service);
  if (!named.ok) return named;
  const asked = await partitionsAsked(c);
  if (!asked.ok) return asked;
  const found = await callGroup(named, REPEATABLE, (group) =>
    group.committed(named.instanceId, asked.partitions),
  );
  if (!found.ok) return found;
  const offsets = found.offsets
    .filter(({ offset }) => offset >= 0)
    .map(({ topic, partition, offset, metadata }) => ({ topic, partition, offset, metadata }));
  return answerV2(c, { offsets });
}

const committedSchema = z
  .object({
    offsets: z.array(
      z.object({ topic: z.string(), partition: z.int(), offset: z.int(), metadata: z.string() }),
    ),
  })
  .meta({ id: "ConsumerCommittedOffsets" });

const POSITIONS = `${I}/positions`;
const OFFSETS = `${I}/offsets`;
const SEEK_ERRORS = [...INSTANCE_ERRORS, ...BODY_ERRORS, "ILLEGAL_STATE"] as const;

const toEnd = (end: "beginning" | "end", to: "earliest" | "latest"): Route =>
  defineRoute({
    method: "POST",
    path: `${POSITIONS}/${end}`,
    id: end === "end" ? "seekToEnd" : "seekToBeginning",
    needs: [["group", "read"]],
    tag: "Consumers",
    summary: `Go on reading partitions from their ${end}`,
    body: v2Content(partitionsSchema, partitionsExample),
    answers: NO_CONTENT,
    errors: [...SEEK_ERRORS, "UNKNOWN_TOPIC", ...LEADER],
    handler: seekToEnd(to),
  });

export const offsetRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: POSITIONS,
    id: "seekToOffsets",
    needs: [["group", "read"]],
    tag: "Consumers",
    summary: "Go on reading partitions from offsets",
    description:
      "The next poll begins with exactly these. Partitions must be assigned to the instance. Nothing is committed by it.",
    body: v2Content(offsetsSchema, offsetsExample),
    answers: NO_CONTENT,
    errors: SEEK_ERRORS,
    handler: seekToOffsets,
  }),
  toEnd("beginning", "earliest"),
  toEnd("end", "latest"),
  defineRoute({
    method: "POST",
    path: OFFSETS,
    id: "commitOffsets",
    needs: [
      ["group", "read"],
      ["topic", "read"],
    ],
    tag: "Consumers",
    summary: "Commit offsets of the group",
    description: `An offset names the last record that was processed: **offset + 1** is stored, which is where reading goes on. Without a body, everything that polls have delivered is committed. All of a request is stored together, or nothing.

Polls answer the generation in X-Generation. A commit that states it (\`?generation=\` or the header \`Consumer-Generation\`) is refused when the group has rebalanced since; one that does not is refused only for partitions that the instance does not own. At most ${GROUP_PARTITIONS_MAX} offsets.`,
    query: z.object({
      generation: wholeText.optional().describe("The generation that the caller believes in."),
    }),
    headers: z.object({
      "Consumer-Generation": wholeText.optional().describe("The same as generation."),
    }),
    body: v2Content(commitRequest, offsetsExample),
    bodyOptional: true,
    answers: { 204: { description: "Committed." } },
    errors: [
      ...INSTANCE_ERRORS,
      ...BODY_ERRORS,
      "INVALID_TOPIC_EXCEPTION",
      "OFFSET_METADATA_TOO_LARGE",
      "ILLEGAL_GENERATION",
      "REBALANCE_IN_PROGRESS",
      "ILLEGAL_STATE",
    ],
    handler: commit,
  }),
  defineRoute({
    method: "GET",
    path: OFFSETS,
    id: "getCommittedOffsets",
    needs: [
      ["group", "describe"],
      ["topic", "describe"],
    ],
    tag: "Consumers",
    summary: "What the group has committed",
    description:
      "Of the partitions in the body (`{partitions}`), or of the one that `topic` and `partition` name. Offsets come as they are stored, that is, one more than a commit names (as other proxies do): the offset that reading goes on with. Partitions of which nothing is committed are left out.",
    query: z.object({
      topic: topicText.optional().meta({ example: "flights" }),
      partition: wholeText.optional().meta({ example: "0" }),
    }),
    answers: {
      200: {
        description: "The offsets.",
        content: v2Content(committedSchema, {
          offsets: [{ topic: "flights", partition: 0, offset: 42, metadata: "" }],
        }),
      },
    },
    errors: [...INSTANCE_ERRORS, ...BODY_ERRORS, "NOT_ACCEPTABLE"],
    handler: getCommitted,
  }),
];
