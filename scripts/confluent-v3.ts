/**
 * Compares a description of the API (`/openapi.json`) with the operations of Confluent's REST Proxy API v3, and prints
 * what is missing with its reason. Ends with 1 where an operation is missing without a reason, or a reason is out of
 * date. Takes the URL of a description: `npm run compare:confluent -- http://localhost:8787/openapi.json`.
 */
import { resolve } from "node:path";
import confluent from "./confluent-v3-operations.json" with { type: "json" };

const NO_ACLS = "There are no ACLs yet: whoever is let in may do everything.";
const FROM_ENVIRONMENT =
  "What all brokers have in common comes from the service's environment; a broker's own settings are altered at the broker.";

/** Why an operation is not there. */
const MISSING: Readonly<Record<string, string>> = {
  "POST /clusters/{cluster_id}/acls": NO_ACLS,
  "POST /clusters/{cluster_id}/acls:batch": NO_ACLS,
  "DELETE /clusters/{cluster_id}/acls": NO_ACLS,
  "POST /clusters/{cluster_id}/broker-configs:alter": FROM_ENVIRONMENT,
  "PUT /clusters/{cluster_id}/broker-configs/{name}": FROM_ENVIRONMENT,
  "DELETE /clusters/{cluster_id}/broker-configs/{name}": FROM_ENVIRONMENT,
};

export interface Comparison {
  readonly operations: number;
  /** What is not there, and the reason; null where none is known. */
  readonly missing: readonly { readonly operation: string; readonly reason: string | null }[];
  /** Operations with a reason for missing that are there, or that Confluent does not have. */
  readonly outdated: readonly string[];
}

interface Description {
  readonly paths: Readonly<Record<string, object>>;
}

/** Parameters are compared by their places, not by their names. */
function shapeOf(operation: string): string {
  return operation.replaceAll(/\{\w+\}/g, "{}");
}

export function compare({ paths }: Description): Comparison {
  const ours = new Set(
    Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) =>
        shapeOf(`${method.toUpperCase()} ${path.replace(/^\/v3/, "")}`),
      ),
    ),
  );
  const missing = confluent.operations
    .filter((operation) => !ours.has(shapeOf(operation)))
    .map((operation) => ({ operation, reason: MISSING[operation] ?? null }));
  const named = new Set(missing.map(({ operation }) => operation));
  return {
    operations: confluent.operations.length,
    missing,
    outdated: Object.keys(MISSING).filter((operation) => !named.has(operation)),
  };
}

if (process.argv[1] === resolve(import.meta.filename)) {
  const url = process.argv[2] ?? "http://localhost:8787/openapi.json";
  const description = (await (await fetch(url)).json()) as Description;
  const { operations, missing, outdated } = compare(description);
  console.log(`${operations - missing.length} of ${operations} operations of ${confluent.source}`);
  for (const { operation, reason } of missing) {
    console.log(`missing: ${operation}\n    ${reason ?? "NO REASON IS GIVEN"}`);
  }
  for (const operation of outdated)
    console.log(`not missing, though a reason is given: ${operation}`);
  if (outdated.length > 0 || missing.some(({ reason }) => reason === null)) process.exitCode = 1;
}
