/** Brokers: list, describe, register, fence, drain and unfence. */
import * as z from "zod";
import { refuse, type ErrorName, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import type { BrokerAction, BrokerDescription } from "../../objects/contracts/controller.ts";
import { json } from "../answers.ts";
import { BODY_ERRORS, readJson } from "../read-json.ts";
import { forgetAll } from "../../gateway/metadata.ts";
import { callController } from "../../gateway/objects.ts";
import { pathBeforeVerb, pathText } from "../params.ts";
import { defineRoute, type Ctx, type Outcome, type Route } from "../route.ts";
import type { Service } from "../../gateway/service.ts";
import { brokerExample, brokersExample } from "./examples.ts";
import { brokerListSchema, brokerSchema, clusterPlace, head, list } from "./resources.ts";

const BROKERS = "/v3/clusters/{cluster_id}/brokers";

const registration = z
  .strictObject({
    broker_id: z.int().min(0).max(2_147_483_647).optional(),
    rack: z.string().max(255),
    location_hint: z.string().max(32).optional(),
  })
  .meta({ id: "RegisterBrokerRequest" });

function brokerData(c: Ctx, service: Service, broker: BrokerDescription): unknown {
  const place = clusterPlace(c, service).item("brokers", "broker", broker.brokerId);
  return {
    ...head("KafkaBroker", place),
    cluster_id: service.clusterId,
    broker_id: broker.brokerId,
    // A broker is a failure domain, not a process: it has no address of its own.
    host: null,
    port: null,
    rack: broker.rack === "" ? null : broker.rack,
    location_hint: broker.locationHint === "" ? null : broker.locationHint,
    state: broker.state,
    broker_epoch: broker.brokerEpoch,
    configs: place.related("configs"),
    partition_replicas: place.related("partition-replicas"),
  };
}

async function listBrokers(c: Ctx, service: Service): Promise<Outcome> {
  const cluster = await callController(service, true, (controller) => controller.metadata([]));
  if (!cluster.ok) return cluster;
  const self = `${clusterPlace(c, service).self}/brokers`;
  const data = cluster.brokers.map((broker) => brokerData(c, service, broker));
  return json(list("KafkaBrokerList", self, data));
}

type FoundBroker = { readonly ok: true; readonly broker: BrokerDescription } | Refusal;

/** The broker that the path names. BROKER_NOT_FOUND. */
export async function findBroker(c: Ctx, service: Service): Promise<FoundBroker> {
  const cluster = await callController(service, true, (controller) => controller.metadata([]));
  return cluster.ok ? brokerOf(c, cluster.brokers) : cluster;
}

/** As {@link findBroker}, among these. */
export function brokerOf(c: Ctx, brokers: readonly BrokerDescription[]): FoundBroker {
  const id = parseWhole(pathText(c, "broker_id"));
  const broker = brokers.find(({ brokerId }) => brokerId === id);
  return broker === undefined ? refuse("BROKER_NOT_FOUND") : { ok: true, broker };
}

async function getBroker(c: Ctx, service: Service): Promise<Outcome> {
  const found = await findBroker(c, service);
  return found.ok ? json(brokerData(c, service, found.broker)) : found;
}

async function registerBroker(c: Ctx, service: Service): Promise<Outcome> {
  const body = await readJson(c.req.raw, registration);
  if (!body.ok) return body;
  const { broker_id: brokerId, rack, location_hint: locationHint = "" } = body.value;
  const registered = await callController(service, false, (controller) =>
    controller.registerBroker({ ...(brokerId !== undefined && { brokerId }), rack, locationHint }),
  );
  if (!registered.ok) return registered;
  forgetAll();
  const { broker } = registered;
  const answer = json(brokerData(c, service, broker), 201);
  const place = clusterPlace(c, service).item("brokers", "broker", broker.brokerId);
  answer.headers.set("location", place.self);
  return answer;
}

async function changeBroker(c: Ctx, service: Service, action: BrokerAction): Promise<Outcome> {
  const brokerId = pathBeforeVerb(c, "broker_id");
  const changed = await callController(service, false, (controller) =>
    controller.changeBroker(brokerId, action),
  );
  // Also when it is not known whether the change took effect: leaders of any topic may have moved.
  forgetAll();
  return changed.ok ? json(brokerData(c, service, changed.broker)) : changed;
}

function changing(
  action: BrokerAction,
  summary: string,
  description: string,
  errors: readonly ErrorName[] = [],
): Route {
  return defineRoute({
    method: "POST",
    path: `${BROKERS}/{broker_id}:${action}`,
    id: `${action}Broker`,
    needs: [["cluster", "alter"]],
    tag: "Brokers",
    summary,
    description,
    answers: {
      200: {
        description: "The broker as it is now.",
        content: { "application/json": { schema: brokerSchema, example: brokerExample } },
      },
    },
    errors: ["BROKER_NOT_FOUND", ...errors],
    handler: (c, service) => changeBroker(c, service, action),
  });
}

export const brokerRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: BROKERS,
    id: "listBrokers",
    needs: [],
    tag: "Brokers",
    summary: "The brokers",
    description: "A broker is a failure domain and a place (a location hint), not a process.",
    answers: {
      200: {
        description: "The brokers.",
        content: { "application/json": { schema: brokerListSchema, example: brokersExample } },
      },
    },
    handler: listBrokers,
  }),
  defineRoute({
    method: "POST",
    path: BROKERS,
    id: "registerBroker",
    needs: [["cluster", "alter"]],
    tag: "Brokers",
    summary: "Register a broker",
    description:
      "Without `broker_id` the next free id is given. Registering a broker again with the same values succeeds. New partitions get replicas on it at once; existing ones move by reassignment. `location_hint` is one of the platform's, e.g. `weur`; without it its objects lie near whoever reaches them first.",
    body: {
      "application/json": {
        schema: registration,
        example: { broker_id: 4, rack: "oc", location_hint: "oc" },
      },
    },
    answers: {
      201: {
        description: "Registered; `Location` says where.",
        content: { "application/json": { schema: brokerSchema, example: brokerExample } },
        headers: z.object({ Location: z.string() }),
      },
    },
    errors: [...BODY_ERRORS, "DUPLICATE_BROKER_REGISTRATION"],
    handler: registerBroker,
  }),
  defineRoute({
    method: "GET",
    path: `${BROKERS}/{broker_id}`,
    id: "getBroker",
    needs: [],
    tag: "Brokers",
    summary: "One broker",
    answers: {
      200: {
        description: "The broker.",
        content: { "application/json": { schema: brokerSchema, example: brokerExample } },
      },
    },
    errors: ["BROKER_NOT_FOUND"],
    handler: getBroker,
  }),
  changing(
    "fence",
    "Take a broker out of service",
    "Its replicas refuse service, leave the in-sync sets (where they are not the last) and lead nothing: others are elected from those in sync. For a region that is lost, or is to be taken away.",
  ),
  changing(
    "unfence",
    "Put a broker back into service",
    "From fenced or draining. Its replicas catch up and join the in-sync sets by themselves.",
  ),
  changing(
    "drain",
    "Let a broker lead nothing and get no new replicas",
    "Its replicas go on following and stay in sync; move them away by reassignment.",
    ["ILLEGAL_STATE"],
  ),
];
