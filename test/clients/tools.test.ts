/**
 * Proves that Kafka's own command-line tools do here what they do with Kafka: topics, settings, reassignment with a
 * throttle, log directories, offsets, deletion of records, elections, groups. Each run is a process of its own.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { until } from "../e2e/support/processes.ts";
import { JavaProgram, platformUnlessMissing } from "./support/platform.ts";
import { WAYS } from "./support/ways.ts";

const TOOLS = "org.apache.kafka.tools";
const VERIFIED_WITHIN_MS = 60_000;

const place = await WAYS.TCP();
const folder = mkdtempSync(join(tmpdir(), "odradek-tools-"));
afterAll(async () => {
  await place.stop();
  rmSync(folder, { recursive: true, force: true });
});

function tool(name: string, ...args: readonly string[]): Promise<string> {
  const bootstrap = ["--bootstrap-server", place.target.bootstrap];
  return new JavaProgram(`${TOOLS}.${name}`, [...bootstrap, ...args]).ended();
}

function fileOf(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

function createTopic(topic: string, ...args: readonly string[]): Promise<string> {
  return tool("TopicCommand", "--create", "--topic", topic, ...args);
}

describe.runIf(platformUnlessMissing().length > 0)("Kafka's tools", () => {
  test("kafka-topics and kafka-configs: settings are set, described with their types, and reset", async () => {
    await createTopic("set", "--partitions", "1", "--config", "cleanup.policy=compact");
    const topic = ["--entity-type", "topics", "--entity-name", "set"];
    const lists = "cleanup.policy=[compact,delete],flush.ms=9223372036854775807";
    await tool("ConfigCommand", "--alter", ...topic, "--add-config", lists);
    const described = await tool("TopicCommand", "--describe", "--topic", "set");
    expect(described).toContain("cleanup.policy=compact,delete");
    const all = await tool("ConfigCommand", "--describe", "--all", ...topic);
    expect(all).toContain("retention.ms=604800000");
    await tool("ConfigCommand", "--alter", ...topic, "--delete-config", "cleanup.policy");
    const after = await tool("ConfigCommand", "--describe", ...topic);
    expect(after).not.toContain("cleanup.policy");
    const broker = ["--entity-type", "brokers", "--entity-name", "1"];
    const ofBroker = await tool("ConfigCommand", "--describe", "--all", ...broker);
    expect(ofBroker).toContain("log.retention.ms=604800000");
    expect(ofBroker).toContain("num.partitions=1");
  });

  test("kafka-reassign-partitions: generated, executed with a throttle, verified, the throttle removed", async () => {
    await createTopic("moved", "--replica-assignment", "1,2");
    const reassign = (...args: readonly string[]): Promise<string> =>
      tool("reassign.ReassignPartitionsCommand", ...args);
    const topics = fileOf("topics.json", { version: 1, topics: [{ topic: "moved" }] });
    const brokers = ["--broker-list", "1,2,3"];
    const generated = await reassign(
      "--generate",
      "--topics-to-move-json-file",
      topics,
      ...brokers,
    );
    expect(generated).toContain('"topic":"moved","partition":1,"replicas":[2]');
    const partitions = [
      { topic: "moved", partition: 0, replicas: [3] },
      { topic: "moved", partition: 1, replicas: [1] },
    ];
    const plan = ["--reassignment-json-file", fileOf("plan.json", { version: 1, partitions })];
    const executed = await reassign("--execute", "--throttle", "1000000", ...plan);
    expect(executed).toContain("Successfully started partition reassignments");
    const throttled = ["--describe", "--entity-type", "brokers", "--entity-name", "1"];
    expect(await tool("ConfigCommand", ...throttled)).toContain("throttled.rate=1000000");
    let verified = "";
    await until(
      async () => {
        verified = await reassign("--verify", ...plan);
        return verified.includes("moved-1 is completed");
      },
      VERIFIED_WITHIN_MS,
      () => verified,
    );
    expect(verified).toContain("moved-0 is completed");
    expect(verified).toContain("Clearing topic-level throttles");
    expect(await tool("ConfigCommand", ...throttled)).not.toContain("throttled.rate");
    const described = await tool("TopicCommand", "--describe", "--topic", "moved");
    expect(described).toMatch(/Partition: 0\s+Leader: 3\s+Replicas: 3/);
    const held = await tool("LogDirsCommand", "--describe", "--topic-list", "moved");
    expect(held).toContain('"partition":"moved-0"');
  });

  test("kafka-get-offsets, -delete-records, -leader-election, -consumer-groups: none prints an error", async () => {
    await createTopic("read", "--partitions", "2");
    expect(await tool("GetOffsetShell", "--topic", "read")).toContain("read:1:0");
    const partitions = [{ topic: "read", partition: 0, offset: -1 }];
    const offsets = fileOf("offsets.json", { version: 1, partitions });
    const deleted = await tool("DeleteRecordsCommand", "--offset-json-file", offsets);
    expect(deleted).toMatch(/read-0\s+low_watermark: 0/);
    const all = ["--election-type", "preferred", "--all-topic-partitions"];
    expect(await tool("LeaderElectionCommand", ...all)).not.toContain("Error");
    expect(await tool("consumer.group.ConsumerGroupCommand", "--list")).not.toContain("Error");
  });
});
