/** Electing a partition's leader by hand. */
import * as z from "zod";
import { json } from "../answers.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { callController } from "../../gateway/objects.ts";
import { pathBeforeVerb, pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { partitionExample } from "./examples.ts";
import { NOT_THERE, P } from "./leader.ts";
import { findPartition, partitionView } from "./partition-view.ts";
import { partitionSchema } from "./resources.ts";

const election = z
  .strictObject({ election_type: z.enum(["preferred", "unclean"]).optional() })
  .meta({ id: "ElectLeaderRequest" });

async function electLeader(c: Ctx, service: Service): Promise<Outcome> {
  const body = await readJson(c.req.raw, election, {});
  if (!body.ok) return body;
  const type = body.value.election_type ?? "preferred";
  const topic = pathText(c, "topic");
  const partition = pathBeforeVerb(c, "partition_id");
  const elected = await callController(service, false, (controller) =>
    controller.electLeader(topic, partition, type),
  );
  if (!elected.ok) return elected;
  const found = await findPartition(service, topic, partition);
  if (!found.ok) return found;
  return json(await partitionView(c, service, found.topic, found.metadata));
}

export const electionRoutes: readonly Route[] = [
  defineRoute({
    method: "POST",
    path: `${P}:elect-leader`,
    id: "electLeader",
    needs: [["cluster", "alter"]],
    tag: "Partitions",
    summary: "Elect a partition's leader",
    description:
      "`preferred` (the default) makes the first of its replicas the leader, which must be in sync and its broker active. `unclean` makes any replica that answers the leader of a partition that has none, in sync or not: it is served again, and acknowledged records may be lost.",
    body: {
      "application/json": { schema: election, example: { election_type: "preferred" } },
    },
    bodyOptional: true,
    answers: {
      200: {
        description: "The partition as it is now.",
        content: { "application/json": { schema: partitionSchema, example: partitionExample } },
      },
    },
    errors: [
      ...NOT_THERE,
      ...BODY_ERRORS,
      "ELECTION_NOT_NEEDED",
      "PREFERRED_LEADER_NOT_AVAILABLE",
      "ELIGIBLE_LEADERS_NOT_AVAILABLE",
    ],
    handler: electLeader,
  }),
];
