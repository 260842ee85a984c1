/**
 * Proves that the messages spoken here are those that Kafka 4.4.0 defines: each field of each version that
 * is served, as its definition in the jar of Kafka's own client says, and the bytes that follow from it.
 */
import { describe, expect, test } from "vitest";
import { joinBytes } from "../../src/base/bytes.ts";
import {
  APIS,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type ApiKey,
  type RequestToWrite,
  type Response,
} from "../../src/kafka/messages/index.ts";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type ConsumerAssignment,
  type ConsumerSubscription,
} from "../../src/kafka/messages/consumer-protocol.ts";
import {
  array,
  defineApi,
  int16,
  int32,
  int64,
  string,
  struct,
  type Shape,
} from "../../src/kafka/messages/schema.ts";
import { Random } from "../sim/random.ts";
import { sample, written } from "./support/definition-writer.ts";
import { kafkaJar, layOut, readDefinitions, type Definition } from "./support/kafka-definitions.ts";
import { apiDifferences, versionsNotServed } from "./support/schema-differences.ts";

const SAMPLES = 10;
const INSTALL = "bash test/clients/install.sh";
const API_VERSIONS_KEY = 18;

const jar = kafkaJar();
const definitions = jar === null ? new Map<string, Definition>() : readDefinitions(jar);
const definitionOf = (name: string): Definition => definitions.get(name)!;

test.each(requiredButMissing())("%s is there", (name) => {
  throw new Error(`${name} is not installed: ${INSTALL}`);
});

/** As with the clients themselves: what is missing is said loudly, and where all must be there it fails. */
function requiredButMissing(): readonly string[] {
  if (jar !== null) return [];
  const name = "the jar of kafka-clients";
  if (process.env["CI"] === "true") return [name];
  console.warn(`NOT TESTED: ${name} is not installed here. To test it: ${INSTALL}`);
  return [];
}

describe.each(jar === null ? [] : APIS)("$name", (api) => {
  const request = definitionOf(`${api.name}Request`);
  const response = definitionOf(`${api.name}Response`);
  const { minServed, versions } = api;
  const served = Array.from({ length: versions.max - minServed + 1 }, (_, i) => minServed + i);
  const left = versionsNotServed(api, request);
  const besides = left.length === 0 ? "" : ` (Kafka's ${left.join(", ")} not served)`;

  test(`every field is as Kafka defines it${besides}`, () => {
    expect(apiDifferences(api, definitions)).toEqual([]);
  });

  test.each(served)("version %i is written and read as the definition says", (version) => {
    const random = new Random(version, api.name);
    for (let i = 0; i < SAMPLES; i++) {
      requestMatches(api.key, version, request, random);
      responseMatches(api.key, version, response, random);
    }
  });
});

function requestMatches(
  key: ApiKey,
  version: number,
  definition: Definition,
  random: Random,
): void {
  const flexible = isFlexible(definition, version);
  const fields = layOut(definition, version);
  const message = sample(fields, random);
  const body = written(fields, message, flexible);
  const [correlationId, clientId] = [7, random.chance(0.5) ? "client" : null];
  const headerBytes = written(
    layOut(definitionOf("RequestHeader"), flexible ? 2 : 1),
    { requestApiKey: key, requestApiVersion: version, correlationId, clientId },
    flexible,
  );
  expect(decodeRequest(key, version, body)).toMatchObject(message);
  const given = message as RequestToWrite<ApiKey>;
  const { parts } = encodeRequest(key, version, { correlationId, clientId }, given);
  expect(joinBytes(parts)).toEqual(joinBytes([headerBytes, body]));
}

function responseMatches(
  key: ApiKey,
  version: number,
  definition: Definition,
  random: Random,
): void {
  const flexible = isFlexible(definition, version);
  const fields = layOut(definition, version);
  const message = sample(fields, random);
  // KIP-511: a client reads this answer before it knows which version it is.
  const flexibleHeader = flexible && key !== API_VERSIONS_KEY;
  const header = definitionOf("ResponseHeader");
  const correlationId = 7;
  const frame = joinBytes([
    written(layOut(header, flexibleHeader ? 1 : 0), { correlationId }, flexibleHeader),
    written(fields, message, flexible),
  ]);
  expect(decodeResponse(key, version, frame)).toMatchObject({ correlationId, response: message });
  const { parts } = encodeResponse(key, version, correlationId, message as Response<ApiKey>);
  expect(joinBytes(parts)).toEqual(frame);
}

function isFlexible(definition: Definition, version: number): boolean {
  return version >= Number.parseInt(definition.flexibleVersions, 10);
}

describe.each(jar === null ? [] : ([0, 1, 2, 3] as const))(
  "the consumers' protocol, version %i",
  (version) => {
    const versionBytes = Uint8Array.of(0, version);

    test("subscriptions", () => {
      const fields = layOut(definitionOf("ConsumerProtocolSubscription"), version);
      const random = new Random(version, "subscriptions");
      for (let i = 0; i < SAMPLES; i++) {
        const message = sample(fields, random);
        const bytes = joinBytes([versionBytes, written(fields, message, false)]);
        expect(decodeSubscription(bytes)).toMatchObject(message);
        const given = message as unknown as ConsumerSubscription;
        expect(encodeSubscription(given, version)).toEqual(bytes);
      }
    });

    test("assignments", () => {
      const fields = layOut(definitionOf("ConsumerProtocolAssignment"), version);
      const random = new Random(version, "assignments");
      for (let i = 0; i < SAMPLES; i++) {
        const message = sample(fields, random);
        const bytes = joinBytes([versionBytes, written(fields, message, false)]);
        expect(decodeAssignment(bytes)).toMatchObject(message);
        const given = message as unknown as ConsumerAssignment;
        expect(encodeAssignment(given, version)).toEqual(bytes);
      }
    });
  },
);

// Small messages of our own, so that these run where the jar is missing.
describe("a schema that differs from its definition is found out", () => {
  const fields = [
    { name: "Name", type: "string", versions: "0+", nullableVersions: "2+", default: "null" },
    { name: "Parts", type: "[]Part", versions: "1+" },
    { name: "Limit", type: "int32", versions: "2+", taggedVersions: "2+", tag: 4, default: "-1" },
  ];
  const part = { name: "Part", fields: [{ name: "Index", type: "int32", versions: "0+" }] };
  const about = { apiKey: 99, validVersions: "0-3", flexibleVersions: "2+" };
  const small = new Map<string, Definition>([
    ["MadeRequest", { ...about, name: "MadeRequest", fields, commonStructs: [part] }],
    ["MadeResponse", { ...about, name: "MadeResponse", fields: [] }],
  ]);
  const name = string({ nullable: 2, default: null });
  const parts = array(struct({ index: int32() }), { since: 1, default: [] });
  const limit = int32({ since: 2, default: -1, tag: 4 });
  const made = { key: 99, name: "Made", versions: [0, 2], flexibleFrom: 2 } as const;
  const differences = (request: Shape, changed: object = {}): readonly string[] =>
    apiDifferences(defineApi({ ...made, request, response: {}, ...changed }), small);

  test("one that agrees does not differ", () => {
    expect(differences({ name, parts, limit })).toEqual([]);
  });

  const cases: readonly [what: string, request: Shape, found: string][] = [
    ["a missing field", { name, limit }, "1: fields (name) here, (name, parts) in Kafka"],
    ["a field too many", { name, parts, limit, more: int16() }, "0: fields (name, more) here"],
    ["a wrong name", { title: name, parts, limit }, "0: fields (title) here, (name) in Kafka"],
    ["a wrong order", { parts, name, limit }, "1: fields (parts, name) here"],
    [
      "a wrong type",
      { name, parts, limit: int64({ since: 2, default: -1, tag: 4 }) },
      "type int64",
    ],
    ["a wrong type of an element", { name, parts: array(int32(), { since: 1 }), limit }, "[]int32"],
    [
      "a difference inside of an element",
      { name, parts: array(struct({ index: int16() }), { since: 1 }), limit },
      "parts index: type int16 here, int32 in Kafka",
    ],
    [
      "null in a version too early",
      { name: string({ nullable: 1, default: null }), parts, limit },
      "1 name: nullable true here, false in Kafka",
    ],
    [
      "a field in a version too early",
      { name, parts: array(struct({ index: int32() })), limit },
      "0",
    ],
    [
      "a field that ends too early",
      { name, parts: array(struct({ index: int32() }), { since: 1, until: 1 }), limit },
      "2: fields (name, limit) here, (name, parts, limit) in Kafka",
    ],
    ["a wrong default", { name: string({ nullable: 2 }), parts, limit }, 'default "" here, null'],
    ["a wrong tag", { name, parts, limit: int32({ since: 2, default: -1, tag: 3 }) }, "tag 3 here"],
    ["no tag", { name, parts, limit: int32({ since: 2, default: -1 }) }, "tag undefined here"],
  ];
  test.each(cases)("%s", (_, request, found) => {
    expect(differences(request).join("\n")).toContain(found);
  });

  test.each([
    ["a wrong key", { key: 98 }, "key 98 here, 99 in Kafka"],
    ["a message that Kafka does not have", { name: "Other" }, "Kafka has no such message"],
    ["a version that Kafka does not have", { versions: [0, 4] }, "4: Kafka has no such version"],
    ["flexible too late", { flexibleFrom: 3 }, "2: not flexible here only"],
    ["flexible too early", { flexibleFrom: 1 }, "1: flexible here only"],
  ])("%s", (_, changed, found) => {
    expect(differences({ name, parts, limit }, changed).join("\n")).toContain(found);
  });

  test("versions that are not served are told", () => {
    const api = defineApi({ ...made, request: {}, response: {}, minServed: 1 });
    expect(versionsNotServed(api, small.get("MadeRequest")!)).toEqual([0, 3]);
  });
});
