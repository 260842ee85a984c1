/** JSON bodies of administration and of consumer instances take the fields that they have, and no other. */
import { describe, expect, it } from "vitest";
import { routes } from "../../src/worker/app.ts";
import { bodyOf, call, CLUSTER, expectError, newTopic } from "./admin-support.ts";

const TOPICS = `${CLUSTER}/topics`;

const post = (path: string, json: unknown, method = "POST") => call(path, { method, json });

describe("a field that is not known", () => {
  it("creates no topic of another size than was meant (issue 11)", async () => {
    const refused = await post(TOPICS, { topic_name: "misspelt", partition_count: 1 });
    expect(await expectError(refused, "INVALID_REQUEST")).toBe(
      "The body has no field partition_count; did you mean partitions_count?",
    );
    await expectError(await call(`${TOPICS}/misspelt`), "UNKNOWN_TOPIC");
  });

  it("is named where it stands, with the nearest that there is", async () => {
    const topic = await newTopic();
    const cases: [string, string, unknown, string][] = [
      [
        "POST",
        TOPICS,
        { topic_name: "t", configs: [{ name: "a", value: "b" }, { nmae: "a" }] },
        "configs.1 has no field nmae; did you mean name?",
      ],
      [
        "PATCH",
        `${TOPICS}/${topic}`,
        { partitions_count: 3, replicas: 2 },
        "The body has no field replicas.",
      ],
      [
        "POST",
        `${TOPICS}/${topic}/configs:alter`,
        { data: [{ name: "retention.ms", operation: "DELETE", vlaue: "1" }] },
        "data.0 has no field vlaue; did you mean value?",
      ],
      [
        "PUT",
        `${TOPICS}/${topic}/configs/retention.ms`,
        { value: "1", name: "x" },
        "The body has no field name.",
      ],
      [
        "POST",
        `${CLUSTER}/brokers`,
        { rack: "x", locationHint: "weur" },
        "The body has no field locationHint; did you mean location_hint?",
      ],
      [
        "POST",
        `${TOPICS}/${topic}/partitions/0:elect-leader`,
        { election: "unclean" },
        "The body has no field election.",
      ],
      [
        "POST",
        `${CLUSTER}/reassignments`,
        { data: [{ topic_name: topic, partition_id: 0, broker_ids: [2], brokers: [3] }] },
        "data.0 has no field brokers.",
      ],
      [
        "POST",
        `${CLUSTER}/consumer-groups/g/offsets`,
        { reset: { to: "latest", topics: [{ topic: topic, topic_name: topic }] } },
        "reset.topics.0 has no field topic.",
      ],
      [
        "POST",
        "/consumers/g/instances/i/subscription",
        { topics: [topic], pattern: "a" },
        "The body has no field pattern.",
      ],
      [
        "POST",
        "/consumers/g/instances/i/offsets",
        { offsets: [{ topic, partition: 0, ofset: 1, offset: 1 }] },
        "offsets.0 has no field ofset; did you mean offset?",
      ],
    ];
    for (const [method, path, json, message] of cases) {
      const refused = await post(path, json, method);
      expect(await expectError(refused, "INVALID_REQUEST"), path).toBe(message);
    }
    const still = await bodyOf(await call(`${TOPICS}/${topic}`));
    expect(still.partitions_count).toBe(1);
  });

  it("of any length and name is refused without being repeated at length", async () => {
    const long = await post(TOPICS, { topic_name: "t", ["x".repeat(10_000)]: 1 });
    expect((await expectError(long, "INVALID_REQUEST")).length).toBeLessThan(100);
    const headers = { "content-type": "application/json" };
    const body = '{"topic_name":"t","__proto__":{"a":1}}';
    await expectError(await call(TOPICS, { method: "POST", body, headers }), "INVALID_REQUEST");
  });
});

describe("the description", () => {
  it("says of every JSON body whether it takes other fields", async () => {
    const document = await bodyOf(await call("/openapi.json"));
    const schemas = document.components.schemas as Record<string, object>;
    // Records are parsed by hand.
    const isRecords = new Set(["Records", "v2"]);
    const produces = new Set(routes.filter(({ tag }) => isRecords.has(tag)).map(({ id }) => id));
    const operations = Object.values(document.paths as Record<string, object>).flatMap((path) =>
      Object.values(path),
    );
    for (const { operationId, requestBody } of operations) {
      if (requestBody === undefined || produces.has(operationId)) continue;
      const { schema } = requestBody.content["application/json"] ?? {};
      if (schema === undefined) continue;
      const name = /[^/]+$/.exec(schema.$ref ?? "")?.[0] ?? "";
      expect(schemas[name] ?? schema, operationId).toMatchObject({ additionalProperties: false });
    }
  });
});
