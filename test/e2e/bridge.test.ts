/**
 * Proves that the bridge lets Kafka clients talk to a service that requires a key: what it refuses and with which
 * message, that a connection that breaks in the middle loses nothing acknowledged, and what a slow reader costs.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import kafkajs, { type Producer } from "kafkajs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { frameLength } from "../../src/kafka/frames.ts";
import { encodeRequest } from "../../src/kafka/messages/index.ts";
import { bridgeToEnd, startBridge, type Bridge } from "./support/bridge.ts";
import { Client, createTopic, endsOf } from "./support/client.ts";
import { residentBytes } from "./support/memory.ts";
import { until } from "./support/processes.ts";
import { startRelay, type Relay } from "./support/relay.ts";
import { startService, type Service } from "./support/service.ts";

const { Kafka, logLevel } = kafkajs;
const KEY = "the-key-of-the-bridge";
const WITH_KEY = { ODRADEK_KEY: KEY };
const WAIT_MS = 60_000;

let service: Service;
let http: Client;

beforeAll(async () => {
  service = await startService({ env: { API_KEYS: KEY } });
  http = new Client(service.url, 8, KEY);
});

afterAll(async () => {
  await http?.close();
  await service?.stop();
});

/** As `startBridge`; it ends with the test, whatever becomes of that. */
async function bridgeOfTest(...args: Parameters<typeof startBridge>): Promise<Bridge> {
  const bridge = await startBridge(...args);
  onTestFinished(() => bridge.kill());
  return bridge;
}

async function relayOfTest(...args: Parameters<typeof startRelay>): Promise<Relay> {
  const relay = await startRelay(...args);
  onTestFinished(() => relay.stop());
  return relay;
}

describe("starts", () => {
  test.each([
    ["no URL", [], {}, /One URL is needed/],
    ["what is none", ["ftp://127.0.0.1"], {}, /no http:\/\/ or https:\/\/ URL/],
    ["a port that is none", ["http://127.0.0.1:1", "--port", "70000"], {}, /--port must be/],
    ["no brokers", ["http://127.0.0.1:1", "--brokers", "0"], {}, /--brokers must be/],
    ["an address of nobody", ["http://127.0.0.1:1", "--host", "0.0.0.0"], {}, /--advertise/],
    [
      "an unknown option",
      ["http://127.0.0.1:1", "--ports", "1"],
      {},
      /^There is no option --ports; did you mean --port\?/,
    ],
    [
      "an address of another machine",
      ["http://127.0.0.1:1", "--host", "192.0.2.1"],
      {},
      /^--host 192\.0\.2\.1 is no address of this machine\.\n$/,
    ],
    ["no key file", ["http://127.0.0.1:1", "--key-file", "/nowhere"], {}, /cannot be read/],
    ["a key of two lines", ["http://127.0.0.1:1"], { ODRADEK_KEY: "a\nb" }, /one line/],
    ["a service that is not there", ["http://127.0.0.1:1", "--port", "0"], {}, /cannot be reached/],
  ])("refused: %s", async (_, args, env, said) => {
    const ended = await bridgeToEnd(args, env);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toBe("");
    expect(ended.stderr).toMatch(said);
  });

  test("refused: without a key, and with a wrong one, which is not told", async () => {
    const without = await bridgeToEnd([service.url, "--port", "0"]);
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining("wants a key") });
    const wrong = await bridgeToEnd([service.url, "--port", "0"], { ODRADEK_KEY: "wrong-key" });
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("does not accept") });
    expect(wrong.stdout + wrong.stderr).not.toContain("wrong-key");
  });

  test("refused: a URL of something else", async () => {
    const other = createHttpServer((_, response) => response.writeHead(404).end("nothing here"));
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const ended = await bridgeToEnd([`http://127.0.0.1:${port}`, "--port", "0"]);
    other.close();
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("answers 404") });
  });

  test("the key comes from a file too; SIGTERM ends it", async () => {
    const file = join(service.dataDir, "key");
    writeFileSync(file, `${KEY}\n`, { mode: 0o600 });
    const bridge = await bridgeOfTest(`${service.url}/`, {}, ["--port", "0", "--key-file", file]);
    expect(await listsTopics(bridge)).toBe(true);
    expect(await bridge.stop()).toBe(0);
  });

  test("who listens for others is warned of what it hands out", async () => {
    const args = ["--port", "0", "--host", "0.0.0.0", "--advertise", "127.0.0.1"];
    const bridge = await bridgeOfTest(service.url, WITH_KEY, args);
    expect(bridge.stderr).toContain("may do what the key allows");
    expect(bridge.kafka).toMatch(/^127\.0\.0\.1:/);
    expect(await listsTopics(bridge)).toBe(true);
  });

  test("help, of the command line and of the bridge", async () => {
    const help = await bridgeToEnd(["--help"]);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining("--key-file") });
    const odradek = join(import.meta.dirname, "../../bin/odradek");
    expect(execFileSync(odradek, ["--help"], { encoding: "utf8" })).toContain("bridge");
  });
});

function clientOf({ kafka }: Pick<Bridge, "kafka">): InstanceType<typeof Kafka> {
  return new Kafka({
    brokers: [kafka],
    logLevel: logLevel.NOTHING,
    retry: { retries: 60, initialRetryTime: 50, maxRetryTime: 500 },
  });
}

async function listsTopics(bridge: Bridge): Promise<boolean> {
  const admin = clientOf(bridge).admin();
  await admin.connect();
  const topics = await admin.listTopics();
  await admin.disconnect();
  return Array.isArray(topics);
}

/** Sends `0`, `1`, … one after the other until stopped; resolves with those that were acknowledged. */
async function sendOn(producer: Producer, topic: string, isOver: () => boolean): Promise<number> {
  let sent = 0;
  while (!isOver()) {
    const messages = Array.from({ length: 10 }, (_, i) => ({ value: String(sent + i) }));
    await producer.send({ topic, messages });
    sent += messages.length;
  }
  return sent;
}

async function valuesOf(topic: string): Promise<string[]> {
  const { latest_offset } = await endsOf(http, topic, 0);
  const values: string[] = [];
  while (values.length < latest_offset) {
    const path = `/topics/${topic}/partitions/0/records?offset=${values.length}`;
    const answer = await http.ask(path, {
      headers: { accept: "application/vnd.kafka.string.v2+json" },
    });
    values.push(...answer.json<{ value: string }[]>().map(({ value }) => value));
  }
  return values;
}

/** A producer through a bridge is interrupted repeatedly, each time in the middle of its writing. */
async function expectAllThere(
  topic: string,
  bridge: Bridge,
  times: number,
  disturb: () => Promise<void>,
): Promise<void> {
  await createTopic(http, topic);
  const producer = clientOf(bridge).producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  let disturbances = 0;
  const sending = sendOn(producer, topic, () => disturbances === times);
  while (disturbances < times) {
    const { latest_offset: before } = await endsOf(http, topic, 0);
    await until(
      async () => (await endsOf(http, topic, 0)).latest_offset > before + 50,
      WAIT_MS,
      () => `nothing is written after ${disturbances} disturbances`,
    );
    await disturb();
    disturbances += 1;
  }
  const sent = await sending;
  await producer.disconnect();
  expect(await valuesOf(topic)).toEqual(counted(sent));
}

const counted = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

describe("what breaks in mid-flight", () => {
  test("the connection to the service is cut again and again: all is there, once, in order", async () => {
    const { hostname, port } = new URL(service.url);
    const relay = await relayOfTest(hostname, Number(port));
    const bridge = await bridgeOfTest(`http://127.0.0.1:${relay.port}`, WITH_KEY);
    await expectAllThere("cut", bridge, 5, async () => {
      expect(relay.open).toBeGreaterThan(0);
      relay.cut();
    });
  });

  test("the bridge is killed and started again: all is there, once, in order", async () => {
    let bridge = await bridgeOfTest(service.url, WITH_KEY);
    const port = bridge.kafka.split(":")[1]!;
    await expectAllThere("killed", bridge, 3, async () => {
      await bridge.kill();
      bridge = await bridgeOfTest(service.url, WITH_KEY, ["--port", port]);
    });
  });

  test("clients wait for a service that is away for a moment, and are ended when it stays away", async () => {
    const { hostname, port } = new URL(service.url);
    const first = await relayOfTest(hostname, Number(port));
    const bridge = await bridgeOfTest(`http://127.0.0.1:${first.port}`, WITH_KEY);
    await first.stop();
    const isSaid = (): Promise<void> =>
      until(
        () => bridge.stderr.includes("cannot be reached"),
        WAIT_MS,
        () => "nothing is said of it",
      );
    const listing = listsTopics(bridge);
    await isSaid();
    const again = await relayOfTest(hostname, Number(port), first.port);
    expect(await listing).toBe(true);
    await again.stop();
    const waiting = connect(Number(bridge.kafka.split(":")[1]), "127.0.0.1");
    await once(waiting, "connect");
    await once(waiting, "close");
    // Each time printed once, however often it was retried.
    expect(bridge.stderr.match(/cannot be reached/g)).toHaveLength(2);
  });
});

describe("a client that does not read", () => {
  test("costs the bridge a window, and others nothing", async () => {
    const bridge = await bridgeOfTest(service.url, WITH_KEY);
    const topic = "unread";
    await createTopic(http, topic);
    const producer = clientOf(bridge).producer();
    await producer.connect();
    const value = Buffer.alloc(900_000, "x");
    for (let i = 0; i < 12; i++) await producer.send({ topic, messages: [{ value }] });
    const request = encodeRequest(
      1,
      4,
      { correlationId: 1, clientId: "deaf" },
      {
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes: 8_000_000,
        isolationLevel: 0,
        topics: [
          {
            topic,
            partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 8_000_000 }],
          },
        ],
      },
    );
    const frame = Buffer.concat([frameLength(request.byteLength), ...request.parts]);
    const before = residentBytes(bridge.pid);
    const [host, port] = bridge.kafka.split(":") as [string, string];
    const deaf = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const socket = connect(Number(port), host);
        socket.on("error", () => {});
        await once(socket, "connect");
        socket.pause();
        for (let i = 0; i < 20; i++) socket.write(frame);
        return socket;
      }),
    );
    // While they are blocked, others are served, by the same way.
    for (let i = 0; i < 20; i++) {
      await producer.send({ topic, messages: [{ value: "small" }] });
    }
    const grown = residentBytes(bridge.pid) - before;
    console.log(
      `ten deaf clients asked for 1.6 GB: the bridge grew by ${Math.round(grown / 1e6)} MB`,
    );
    // Ten windows of 4 MiB, what the system holds beside, and the garbage of the runtime.
    expect(grown).toBeLessThan(150_000_000);
    for (const socket of deaf) socket.destroy();
    await producer.disconnect();
  });
});
