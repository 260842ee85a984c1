/**
 * Proves that a worker of Kafka Connect starts in distributed mode and makes its three topics itself; that connectors copy
 * a file into a topic and a topic into a file; and that a worker which was killed goes on where it was.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { Client, CLUSTER } from "../e2e/support/client.ts";
import { JavaProgram, platformUnlessMissing } from "./support/platform.ts";
import { WAYS } from "./support/ways.ts";

const TOPICS = { config: "connect-configs", offset: "connect-offsets", status: "connect-status" };
const STRINGS = "org.apache.kafka.connect.storage.StringConverter";

const there = platformUnlessMissing();
const place = await WAYS.TCP();
const folder = mkdtempSync(join(tmpdir(), "odradek-connect-"));
afterAll(async () => {
  await place.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Worker {
  readonly program: JavaProgram;
  readonly http: Client;
}

/** Answers once it has joined its group and serves its API. */
async function startWorker(): Promise<Worker> {
  const port = await freePort();
  const settings = {
    "bootstrap.servers": place.target.bootstrap,
    "group.id": "connect",
    listeners: `http://127.0.0.1:${port}`,
    "key.converter": STRINGS,
    "value.converter": STRINGS,
    "offset.flush.interval.ms": "500",
    "scheduled.rebalance.max.delay.ms": "0",
    ...Object.fromEntries(
      Object.entries(TOPICS).flatMap(([what, topic]) => [
        [`${what}.storage.topic`, topic],
        [`${what}.storage.replication.factor`, "1"],
      ]),
    ),
  };
  const file = join(folder, "worker.properties");
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(file, lines.join(""));
  const program = new JavaProgram("org.apache.kafka.connect.cli.ConnectDistributed", [file]);
  const http = new Client(`http://127.0.0.1:${port}`);
  onTestFinished(async () => {
    await program.kill();
    await http.close();
  });
  await program.until("its API answers", () =>
    http.ask("/connectors").then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  return { program, http };
}

async function create({ program, http }: Worker, name: string, config: object): Promise<void> {
  // While the group is forming it answers 409, and is asked again.
  await program.until(`${name} is created`, async () => {
    const { status, text } = await http.post("/connectors", { name, config });
    if (status !== 201 && status !== 409) throw new Error(`${name}: ${status} ${text}`);
    return status === 201;
  });
}

const copied = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

test.runIf(there.length > 0)(
  "a file becomes a topic and a file again, also after a kill",
  async () => {
    const [from, to] = [join(folder, "from.txt"), join(folder, "to.txt")];
    writeFileSync(from, "one\ntwo\nthree\n");
    const first = await startWorker();
    await create(first, "source", {
      "connector.class": "odradek.LineSource",
      ...{ file: from, topic: "lines", "tasks.max": "1" },
      ...{ "topic.creation.default.partitions": "1" },
      ...{ "topic.creation.default.replication.factor": "1" },
    });
    await create(first, "sink", {
      "connector.class": "odradek.LineSink",
      ...{ file: to, topics: "lines", "tasks.max": "1" },
    });
    // The topics exist once a connector could be created.
    for (const topic of Object.values(TOPICS)) {
      const path = `${CLUSTER}/topics/${topic}/configs/cleanup.policy`;
      expect((await place.http.get<{ value: string }>(path)).value).toBe("compact");
    }
    await first.program.until("three lines are copied", () => copied(to) === "one\ntwo\nthree\n");
    const offsets = "/connectors/source/offsets";
    await first.program.until("the source's position is committed", async () =>
      (await first.http.ask(offsets)).text.includes('"lines":3'),
    );

    await first.program.kill();
    appendFileSync(from, "four\n");
    const second = await startWorker();
    await second.program.until("the fourth follows", () => copied(to).endsWith("four\n"));
    // The sink may be given again what its last commit was before; the source has committed.
    expect(new Set(copied(to).split("\n"))).toEqual(new Set(["one", "two", "three", "four", ""]));
    const ends = await place.http.get<{ latest_offset: number }>(
      `${CLUSTER}/topics/lines/partitions/0/offset`,
    );
    expect(ends.latest_offset).toBe(4);
  },
);
