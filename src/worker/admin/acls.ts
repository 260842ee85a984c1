/** ACLs: there are none yet. Whoever holds a key may do everything, and the cluster's link leads to an empty list. */
import * as z from "zod";
import type { Service } from "../../gateway/service.ts";
import { json } from "../answers.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import { C } from "./examples.ts";
import { clusterPlace, list, listOf, resource } from "./resources.ts";

const aclSchema = resource("KafkaAcl", {
  cluster_id: z.string(),
  resource_type: z.string(),
  resource_name: z.string(),
  pattern_type: z.string(),
  principal: z.string(),
  host: z.string(),
  operation: z.string(),
  permission: z.string(),
});

function listAcls(c: Ctx, service: Service): Outcome {
  return json(list("KafkaAclList", `${clusterPlace(c, service).self}/acls`, []));
}

export const aclRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/v3/clusters/{cluster_id}/acls",
    id: "listAcls",
    needs: [["cluster", "describe"]],
    tag: "Cluster",
    summary: "The ACLs: there are none",
    description: "Whoever is let in may do everything; ACLs cannot be created yet.",
    answers: {
      200: {
        description: "An empty list.",
        content: {
          "application/json": {
            schema: listOf(aclSchema, "KafkaAclList"),
            example: list("KafkaAclList", `${C}/acls`, []),
          },
        },
      },
    },
    handler: listAcls,
  }),
];
