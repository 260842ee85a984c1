/** Every route that takes a body takes it in gzip, and says the same to it as to the plain one. */
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { routes } from "../../src/worker/app.ts";
import type { Route } from "../../src/worker/route.ts";
import { call, CLUSTER, newTopic } from "./admin-support.ts";

const taking = routes.filter(({ body }) => body !== undefined);

/** The route's path to something that is there. */
function pathTo(route: Route, named: Readonly<Record<string, string>>): string {
  return route.path.replace(/\{(\w+)\}/g, (_, name: string) => named[name] ?? "1");
}

async function answered(
  route: Route,
  path: string,
  body: Uint8Array,
  encoding: string,
): Promise<string> {
  const type = Object.keys(route.body!)[0]!;
  const headers = { "content-type": type, "content-encoding": encoding };
  const response = await call(path, { method: route.method, headers, body });
  return `${response.status} ${await response.text()}`;
}

it("bodies in gzip, on every route (issue 11)", async () => {
  expect(taking.length).toBeGreaterThan(15);
  const topic = await newTopic();
  const made = await call("/consumers/bodies", { method: "POST", json: { name: "i" } });
  expect(made.status).toBe(200);
  const named = {
    cluster_id: "odradek",
    topic,
    partition_id: "0",
    broker_id: "1",
    group: "bodies",
    instance: "i",
    name: "retention.ms",
  };
  const broken = new TextEncoder().encode("{");
  const members = new Uint8Array([...gzipSync(broken), ...gzipSync(new Uint8Array(0))]);
  for (const route of taking) {
    const path = pathTo(route, named);
    const plain = await answered(route, path, broken, "identity");
    expect(plain, path).toMatch(/^4\d\d /);
    expect(await answered(route, path, members, "GZip"), path).toBe(plain);
    // Only what was refused without a look at the body is refused for another reason.
    const other = await answered(route, path, broken, "br");
    if (plain.startsWith("400 ")) expect(other, path).toMatch(/^415 /);
  }
  const created = await call(`${CLUSTER}/topics`, {
    method: "POST",
    headers: { "content-type": "application/json", "content-encoding": "gzip" },
    body: gzipSync(new TextEncoder().encode('{"topic_name":"zipped"}')),
  });
  expect(created.status).toBe(201);
});
