/**
 * Which tests `npm test` leaves to `npm run test:all`: those that take long, and those that need more than npm (real
 * clients, a registry). Run by itself, it says so: `pretest` does.
 */
import { globSync } from "node:fs";

/** What takes long: faults for minutes, large logs, whole demos, a package that is packed and installed. */
export const LONG: readonly string[] = [
  "test/e2e/bridge.test.ts",
  "test/e2e/damaged-file.test.ts",
  "test/e2e/demo-group.test.ts",
  "test/e2e/demo-lose-a-broker.test.ts",
  "test/e2e/durability.test.ts",
  "test/e2e/full-disk.test.ts",
  "test/e2e/group-run.test.ts",
  "test/e2e/group-scale.test.ts",
  "test/e2e/histories.test.ts",
  "test/e2e/kafka-hostile.test.ts",
  "test/e2e/moved-replicas.test.ts",
  "test/e2e/new-replica.test.ts",
  "test/e2e/package.test.ts",
  "test/e2e/replication.test.ts",
  "test/e2e/woken-leader.test.ts",
];

/** What is in both: in `npm test` it does a part of what it does in the long run. */
export const SCALED: readonly string[] = [
  "test/core/kafka-broker/fuzz.test.ts",
  "test/e2e/fuzz.test.ts",
  "test/e2e/kafka-fuzz.test.ts",
  "test/sim/mutants.test.ts",
  "test/sim/seeds.test.ts",
];

/** What needs clients that npm does not bring. */
export const CLIENTS = "test/clients/**/*.test.ts";

if (import.meta.main) {
  const clients = globSync(CLIENTS).length;
  console.log(
    `npm test leaves out ${LONG.length} long test files and ${clients} of real Kafka clients, and shortens ${SCALED.length}:\n` +
      "npm run test:all runs everything (bash test/clients/install.sh installs the clients).\n",
  );
}
