/** Features of administration: topics, their settings, partitions and records. */
import { expect } from "vitest";
import { newTopic, produceOverHttp } from "../support/http.ts";
import { numbered, type Run } from "./run.ts";

const topicOf = (topic: string) => ({
  topic,
  partitions: 2,
  replicationFactor: 3,
  configs: { "retention.ms": "3600000" },
});

/** Created and deleted; what is there is not created again, what is not there is not deleted. */
export async function topics({ driver, name }: Run): Promise<void> {
  await driver.ask("createTopic", topicOf(name));
  expect((await driver.ask("metadata", {})).topics[name]).toBe(2);
  await expect(driver.ask("createTopic", topicOf(name))).rejects.toMatchObject({
    code: "TOPIC_ALREADY_EXISTS",
  });
  await driver.ask("deleteTopic", { topic: name });
  expect((await driver.ask("metadata", {})).topics).not.toHaveProperty(name);
  await expect(driver.ask("deleteTopic", { topic: name })).rejects.toMatchObject({
    code: "UNKNOWN_TOPIC_OR_PARTITION",
  });
}

export async function configs({ driver, name }: Run): Promise<void> {
  await driver.ask("createTopic", topicOf(name));
  const before = (await driver.ask("describeTopic", { topic: name })).configs;
  expect(before).toMatchObject({ "retention.ms": "3600000" });
  await driver.ask("alterTopic", {
    topic: name,
    configs: { "retention.ms": "7200000", "min.insync.replicas": "2" },
  });
  const after = (await driver.ask("describeTopic", { topic: name })).configs;
  expect(after).toMatchObject({ "retention.ms": "7200000", "min.insync.replicas": "2" });
  await expect(
    driver.ask("alterTopic", { topic: name, configs: { "retention.ms": "soon" } }),
  ).rejects.toMatchObject({ code: "INVALID_CONFIG" });
}

export async function partitions({ driver, http, name }: Run): Promise<void> {
  await newTopic(http, name, 2);
  await driver.ask("createPartitions", { topic: name, total: 5 });
  expect((await driver.ask("metadata", {})).topics[name]).toBe(5);
  await expect(driver.ask("createPartitions", { topic: name, total: 3 })).rejects.toMatchObject({
    code: "INVALID_PARTITIONS",
  });
}

export async function deleteRecords({ driver, http, name }: Run): Promise<void> {
  await newTopic(http, name);
  await produceOverHttp(http, name, numbered(10));
  await driver.ask("deleteRecords", { topic: name, partition: 0, before: 4 });
  const ends = await driver.ask("watermarks", { topic: name, partition: 0 });
  expect(ends).toMatchObject({ low: 4, high: 10 });
}
