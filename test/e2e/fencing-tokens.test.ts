/**
 * Proves that a fencing token is kept with its log: killed and restarted, with another leader, on other brokers, the service
 * takes appends of the writer who has it, and refuses the one who had it before. Every record that was acknowledged, and
 * no other, can be read.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  changeBroker,
  partitionOf,
  partitionPath,
  reassign,
  registerBroker,
  settled,
} from "./support/brokers.ts";
import { Client, createTopic, eventually, type Answer } from "./support/client.ts";
import { startService, type Service } from "./support/service.ts";

const PLACE = { topic: "ledger", partition: 0 };

let service: Service;
let client: Client;
const written: string[] = [];

beforeAll(async () => {
  service = await startService();
  client = new Client(service.url);
});

afterAll(async () => {
  await client.close();
  await service.stop();
});

interface Tokens {
  readonly given?: string;
  readonly next?: string;
}

/** Appends under a token, as often as the service says that it may be tried again. */
function append(value: string, { given, next }: Tokens): Promise<Answer> {
  const headers = {
    "content-type": "application/json",
    ...(given !== undefined && { "fencing-token": given }),
    ...(next !== undefined && { "new-fencing-token": next }),
  };
  const body = JSON.stringify({ records: [{ value: { type: "STRING", data: value } }] });
  const path = `${partitionPath(PLACE)}/records:batch`;
  return eventually(`an answer to ${value}`, async () => {
    const answer = await client.ask(path, { method: "POST", headers, body });
    return answer.status === 200 || answer.status === 409 ? answer : undefined;
  });
}

async function writes(value: string, tokens: Tokens): Promise<void> {
  const answer = await append(value, tokens);
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  written.push(value);
}

async function isRefused(value: string, tokens: Tokens, inForce: string): Promise<void> {
  const answer = await append(value, tokens);
  expect(answer.status).toBe(409);
  expect(answer.json()).toMatchObject({ error_code: 40907, fencing_token: inForce });
}

async function killAndRestart(): Promise<void> {
  await service.kill();
  await service.restart();
  await client.close();
  client = new Client(service.url);
}

test("the writer who has the token writes on after everything was killed, another one is refused", async () => {
  await createTopic(client, PLACE.topic, { partitions: 1, replicas: 3 });
  await settled(client, PLACE, [1, 2, 3]);
  await writes("a1", { given: "", next: "writer-a" });
  await killAndRestart();
  await isRefused("b0", { given: "", next: "writer-b" }, "writer-a");
  await writes("a2", { given: "writer-a" });
});

test("who was fenced stays fenced under another leader", async () => {
  await writes("b1", { given: "writer-a", next: "writer-b" });
  const { leader_id: leader } = await partitionOf(client, PLACE);
  await changeBroker(client, leader!, "fence");
  await isRefused("a3", { given: "writer-a" }, "writer-b");
  await writes("b2", { given: "writer-b" });
  expect((await partitionOf(client, PLACE)).leader_id).not.toBe(leader);
  await changeBroker(client, leader!, "unfence");
  await settled(client, PLACE, [1, 2, 3]);
});

test("and on a broker that has copied the log, killed and restarted", async () => {
  await registerBroker(client, 4, "oc");
  await reassign(client, PLACE, [4]);
  await settled(client, PLACE, [4]);
  await killAndRestart();
  await isRefused("a4", { given: "writer-a" }, "writer-b");
  await writes("b3", { given: "writer-b", next: "" });
  await isRefused("b4", { given: "writer-b" }, "");
  await writes("c1", { given: "" });
});

test("what was acknowledged can be read, and nothing that was refused", async () => {
  const path = `/topics/${PLACE.topic}/partitions/${PLACE.partition}/records?offset=0`;
  const headers = { accept: "application/vnd.kafka.string.v2+json" };
  const answer = await client.ask(path, { headers });
  expect(answer.json<{ value: string }[]>().map(({ value }) => value)).toEqual(written);
});
