/** Every feature with its test, and the suite of them for every client that is there. */
import { describe, test } from "vitest";
import { startAll } from "../support/all.ts";
import { CLIENTS, MISSING, type ClientProgram } from "../support/clients.ts";
import { Driver } from "../support/driver.ts";
import { FEATURES, type Feature } from "../support/protocol.ts";
import { WAYS, type Place, type WayName } from "../support/ways.ts";
import { configs, deleteRecords, partitions, topics } from "./admin.ts";
import { commit, group, groupAdmin } from "./groups.ts";
import * as records from "./records.ts";
import type { Run } from "./run.ts";

/** SASL is the way itself: whoever is let in has shown a key. */
const TESTS: Readonly<Record<Feature, (run: Run) => Promise<void>>> = {
  metadata: records.metadata,
  produce: records.produce,
  acks: records.acks,
  idempotence: records.idempotence,
  gzip: records.codec("gzip"),
  snappy: records.codec("snappy"),
  lz4: records.codec("lz4"),
  zstd: records.codec("zstd"),
  fetch: records.fetch,
  "seek by time": records.seekByTime,
  group,
  commit,
  topics,
  configs,
  partitions,
  "delete records": deleteRecords,
  "group admin": groupAdmin,
  SASL: records.produce,
};

declare module "vitest" {
  interface TaskMeta {
    /** Of which client, at which version, a feature was seen to work, and over which way. */
    ran?: {
      readonly client: string;
      readonly version: string;
      readonly feature: Feature;
      readonly way: WayName;
    };
  }
}

/** Registers the tests of some features, for every client, over one way to a service of its own. */
export async function testFeatures(
  way: WayName,
  chosen: readonly Feature[] = FEATURES,
): Promise<void> {
  test.each(requiredButMissing())("$name is there", ({ name, install }) => {
    throw new Error(`${name} is not installed: ${install}`);
  });
  const place = await WAYS[way]();
  const drivers = await startAll(place);
  describe.each(CLIENTS)("$name", (client) => {
    const driver = drivers.get(client)!;
    const { version, features } = driver;
    test.for(chosen.filter((feature) => features.has(feature)))("%s", async (feature, { task }) => {
      await runFeature(feature, way, client, driver, place);
      task.meta.ran = { client: client.name, version, feature, way };
    });
  });
}

/** Says loudly which clients a run goes without; where all must be there, those are failures. */
function requiredButMissing(): readonly ClientProgram[] {
  if (process.env["CI"] === "true") return MISSING;
  for (const { name, install } of MISSING) {
    console.warn(`NOT TESTED: ${name} is not installed here. To test it: ${install}`);
  }
  return [];
}

async function runFeature(
  feature: Feature,
  way: WayName,
  client: ClientProgram,
  driver: Driver,
  { target, http }: Place,
): Promise<void> {
  const others: Driver[] = [];
  const name = `${way}.${client.name}.${feature}`.replaceAll(/[^a-zA-Z0-9.]+/g, "-");
  try {
    await TESTS[feature]({
      client,
      driver,
      target,
      http,
      name,
      async another() {
        const other = await Driver.start(client, target);
        others.push(other);
        return other;
      },
    });
  } finally {
    await Promise.all(others.map((other) => other.kill()));
  }
}
