/** Every link in an answer leads to a route that there is, and what it leads to answers. */
import { describe, expect, it } from "vitest";
import { append, bodyOf, call, CLUSTER, newTopic, ORIGIN } from "./admin-support.ts";

/** The values of all `related`, `self` and `next` in an answer. */
function linksIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === "string"
      ? ["related", "self", "next"].includes(name)
        ? [inner]
        : []
      : linksIn(inner),
  );
}

/** A group with a member, a loose commit and partitions. */
async function newGroup(topic: string): Promise<string> {
  const group = `links of ${topic}`;
  const path = `/consumers/${encodeURIComponent(group)}`;
  const json = { name: "reader/1", "auto.offset.reset": "earliest" };
  const { base_uri } = await bodyOf(await call(path, { method: "POST", json }));
  const subscription = { method: "POST", json: { topics: [topic] } };
  expect((await call(`${base_uri}/subscription`, subscription)).status).toBe(204);
  await bodyOf(await call(`${base_uri}/records?timeout=2000`));
  expect((await call(`${base_uri}/offsets`, { method: "POST" })).status).toBe(204);
  return `${CLUSTER}/consumer-groups/${encodeURIComponent(group)}`;
}

describe("a link", () => {
  it("leads to something, wherever one begins (issue 11: acls, broker-configs, configs, partition-replicas)", async () => {
    const topic = await newTopic({ partitions_count: 2, replication_factor: 2 });
    await append(topic);
    const group = await newGroup(topic);
    const idle = `${CLUSTER}/consumer-groups/nobody-${topic}`;
    const set = { offsets: [{ topic_name: topic, partition_id: 0, offset: 0 }] };
    await bodyOf(await call(`${idle}/offsets`, { method: "POST", json: set }));

    const seen = new Set<string>();
    const open = [
      `${ORIGIN}/v3/clusters`,
      ...[group, `${group}/lags`, `${group}/lag-summary`, `${idle}/lag-summary`].map(
        (path) => ORIGIN + path,
      ),
    ];
    // Of the many configs and groups of other tests one of each kind is enough.
    const kinds = new Map<string, number>();
    const isEnough = (url: string): boolean => {
      const kind = url
        .replace(/\/configs\/.*$/, "/configs/*")
        .replace(/\/broker-configs\/.*$/, "/*");
      const count = (kinds.get(kind) ?? 0) + 1;
      kinds.set(kind, count);
      return count > 2;
    };
    for (let url = open.pop(); url !== undefined; url = open.pop()) {
      if (seen.has(url)) continue;
      seen.add(url);
      if (isEnough(url)) continue;
      const response = await call(url);
      const body = await response.json<{ error_code?: number; message?: string }>();
      // A reassignment is under way or not; its route is there in any case.
      const isIdle =
        url.endsWith("/reassignment") && body.message?.includes("not being reassigned");
      expect(response.status, `${url} ${JSON.stringify(body).slice(0, 200)}`).toBe(
        isIdle ? 404 : 200,
      );
      open.push(...linksIn(body));
    }
    for (const part of ["/acls", "/broker-configs", "/brokers/1/configs", "/partition-replicas"]) {
      expect(
        [...seen].some((url) => url.endsWith(part)),
        part,
      ).toBe(true);
    }
    expect([...seen].some((url) => /reader%2F1/.test(url))).toBe(true);
  });

  it("to a group's coordinator is the broker that Kafka's clients are sent to", async () => {
    const group = `${CLUSTER}/consumer-groups/coordinated`;
    const topic = await newTopic();
    const set = { offsets: [{ topic_name: topic, partition_id: 0, offset: 0 }] };
    await bodyOf(await call(`${group}/offsets`, { method: "POST", json: set }));
    const { coordinator } = await bodyOf(await call(group));
    expect(coordinator.related).toMatch(/\/brokers\/[123]$/);
    const list = await bodyOf(await call(`${CLUSTER}/consumer-groups?after=coordinate&limit=1`));
    expect(list.data[0]).toMatchObject({ consumer_group_id: "coordinated", coordinator });
  });
});
