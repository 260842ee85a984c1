/**
 * Proves that the layer rules are enforced: every way to break one is refused by the linter under the project's own
 * configuration, and what the layers allow is accepted.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");

interface Snippet {
  readonly file: string;
  readonly code: string;
}

const BROKEN: readonly Snippet[] = [
  { file: "src/base/a.ts", code: `import { x } from "../records/index.ts"; x();` },
  {
    file: "src/base/b.ts",
    code: `import type { X } from "../objects/runtime/env.ts"; export type Y = X;`,
  },
  { file: "src/base/c.ts", code: `import { Hono } from "hono"; export const app = new Hono();` },
  { file: "src/base/d.ts", code: `import { readFileSync } from "node:fs"; readFileSync("x");` },
  { file: "src/base/e.ts", code: `export const now = (): number => Date.now();` },
  {
    file: "src/base/config/f.ts",
    code: `import type { Y } from "../../objects/contracts/group.ts"; export type X = Y;`,
  },

  { file: "src/records/a.ts", code: `export * from "../objects/partition/log.ts";` },
  { file: "src/records/b.ts", code: `import { readFileSync } from "node:fs"; readFileSync("x");` },
  {
    file: "src/records/c.ts",
    code: `import { env } from "cloudflare:workers"; export default env;`,
  },
  { file: "src/records/d.ts", code: `export const now = (): number => Date.now();` },
  { file: "src/records/e.ts", code: `export const load = () => import("../worker/app.ts");` },
  { file: "src/kafka/messages/a.ts", code: `export const load = () => fetch("http://x");` },

  {
    file: "src/objects/partition/a.ts",
    code: `import { DurableObject } from "cloudflare:workers"; export class A extends DurableObject {}`,
  },
  {
    file: "src/objects/partition/b.ts",
    code: `import { Partition } from "./object.ts"; export default Partition;`,
  },
  {
    file: "src/objects/partition/c.ts",
    code: `import { storage } from "../runtime/storage.ts"; export default storage;`,
  },
  {
    file: "src/objects/partition/d.ts",
    code: `import { app } from "../../worker/app.ts"; export default app;`,
  },
  {
    file: "src/objects/partition/e.ts",
    code: `import { randomInt } from "node:crypto"; export default randomInt;`,
  },
  { file: "src/objects/partition/f.ts", code: `export const now = (): number => Date.now();` },
  {
    file: "src/objects/partition/g.ts",
    code: `export const now = (): number => new Date().getTime();`,
  },
  { file: "src/objects/partition/h.ts", code: `export const dice = (): number => Math.random();` },
  {
    file: "src/objects/partition/i.ts",
    code: `export const dice = (): number => Math["random"]();`,
  },
  { file: "src/objects/partition/j.ts", code: `setTimeout(() => 1, 1);` },
  { file: "src/objects/partition/k.ts", code: `setInterval(() => 1, 1);` },
  { file: "src/objects/partition/l.ts", code: `export const call = () => fetch("http://x");` },
  {
    file: "src/objects/partition/m.ts",
    code: `export const call = () => globalThis.fetch("http://x");`,
  },
  {
    file: "src/objects/partition/n.ts",
    code: `export const id = (): string => crypto.randomUUID();`,
  },
  {
    file: "src/objects/partition/o.ts",
    code: `export const now = (): number => performance.now();`,
  },
  {
    file: "src/objects/partition/deep/p.ts",
    code: `import { Partition } from "../object.ts"; export default Partition;`,
  },
  {
    file: "src/objects/partition/q.ts",
    code: `export const load = (name: string) => import(name);`,
  },
  { file: "src/objects/partition/r.ts", code: `export type P = import("./object.ts").Partition;` },
  {
    file: "src/objects/contracts/transfer.ts",
    code: `import { Log } from "../partition/log/log.ts"; export default Log;`,
  },
  {
    file: "src/objects/contracts/controller.ts",
    code: `import type { Partition } from "../partition/object.ts"; export type X = Partition;`,
  },
  {
    file: "src/objects/controller/object.ts",
    code: `import { app } from "../../worker/app.ts"; export default app;`,
  },

  {
    file: "src/worker/a.ts",
    code: `import { Log } from "../objects/partition/log.ts"; export default Log;`,
  },
  {
    file: "src/worker/b.ts",
    code: `import { Partition } from "../objects/partition/object.ts"; export default Partition;`,
  },
  {
    file: "src/worker/d.ts",
    code: `import { Connection } from "../kafka/connection.ts"; export default Connection;`,
  },
  {
    file: "src/kafka/a.ts",
    code: `import { answer } from "../worker/frame.ts"; export default answer;`,
  },
  {
    file: "src/gateway/a.ts",
    code: `import { answer } from "../worker/frame.ts"; export default answer;`,
  },
  {
    file: "src/gateway/b.ts",
    code: `import { Session } from "../kafka/session.ts"; export default Session;`,
  },
  {
    file: "src/objects/runtime/journal.ts",
    code: `import { storage } from "./storage.ts"; export default storage;`,
  },
  { file: "src/worker/c.ts", code: `import { main } from "../cli/start.ts"; export default main;` },
  { file: "src/worker/index.ts", code: `export { Log } from "../objects/partition/log.ts";` },
];

const SOUND: readonly Snippet[] = [
  {
    file: "src/base/ok.ts",
    code: `import { INT_MAX } from "./limits.ts"; export const x = INT_MAX;`,
  },
  {
    file: "src/records/ok.ts",
    code: `import { gzipSync } from "node:zlib"; import { x } from "../base/ok.ts"; export default [gzipSync, x];`,
  },
  {
    file: "src/objects/coordinator/log.ts",
    code: `import { x } from "../../records/index.ts"; import type { Y } from "../contracts/group.ts"; import { z } from "../partition/log/log.ts"; import { j } from "../runtime/journal.ts"; export const y: Y = [x, z, j];`,
  },
  {
    file: "src/objects/coordinator/crypto.ts",
    code: `export const f = (crypto: { fetch(): number }): number => crypto.fetch();`,
  },
  {
    file: "src/objects/coordinator/object.ts",
    code: `import { DurableObject } from "cloudflare:workers"; import { z } from "./log.ts"; export class A extends DurableObject { now = Date.now(); z = z; }`,
  },
  { file: "src/objects/runtime/storage.ts", code: `export const now = (): number => Date.now();` },
  {
    file: "src/gateway/calls.ts",
    code: `import { send } from "../objects/contracts/transfer.ts"; export default send;`,
  },
  {
    file: "src/worker/routes/ok.ts",
    code: `import { Hono } from "hono"; import type { Env } from "../../objects/runtime/env.ts"; import type { P } from "../../objects/contracts/partition.ts"; export const app = new Hono<Env & P>(); app.fetch(new Request("http://x"));`,
  },
  {
    file: "src/worker/kafka-route.ts",
    code: `import { acceptWebSocket } from "../kafka/accept-websocket.ts"; export default acceptWebSocket;`,
  },
  {
    file: "src/cli/ok.ts",
    code: `import { x } from "../base/ok.ts"; console.log(x, Date.now(), Math.random());`,
  },
];

/** A circle of type imports only. */
const CIRCLE: readonly Snippet[] = [
  {
    file: "src/base/circle-a.ts",
    code: `import type { B } from "./circle-b.ts"; export interface A { readonly b?: B }`,
  },
  {
    file: "src/base/circle-b.ts",
    code: `import type { A } from "./circle-a.ts"; export interface B { readonly a?: A }`,
  },
];

let findings: Map<string, string[]>;
let circles: readonly string[];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "layers-"));
  cpSync(join(root, "scripts/lint"), join(folder, "scripts/lint"), { recursive: true });
  cpSync(join(root, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
  writeFileSync(join(folder, "package.json"), `{"type":"module"}`);
  for (const { file, code } of [...BROKEN, ...SOUND, ...CIRCLE]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${code}\n`);
  }
  const diagnostics = lint();
  findings = ofLayers(diagnostics);
  circles = diagnostics.flatMap(({ code, filename }) =>
    code === "import(no-cycle)" ? [filename] : [],
  );
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Diagnostic {
  readonly filename: string;
  readonly code?: string;
  readonly message: string;
}

/** Everything that the project's own configuration finds. */
function lint(): readonly Diagnostic[] {
  let output: string;
  try {
    const oxlint = join(root, "node_modules/oxlint/bin/oxlint");
    const args = [oxlint, "--format=json", "src"];
    output = execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  } catch (error) {
    output = (error as { stdout: string }).stdout;
  }
  return (JSON.parse(output) as { diagnostics: Diagnostic[] }).diagnostics;
}

/** Findings of the layer rules, by file. */
function ofLayers(diagnostics: readonly Diagnostic[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { filename, code, message } of diagnostics) {
    if (!code?.startsWith("layers(")) continue;
    found.set(filename, [...(found.get(filename) ?? []), message]);
  }
  return found;
}

describe("the layer rules", () => {
  test.for(BROKEN)("refuse in $file: $code", ({ file }) => {
    expect(findings.get(file)).toHaveLength(1);
  });

  test.for(SOUND)("let through in $file: $code", ({ file }) => {
    expect(findings.get(file)).toBeUndefined();
  });

  test("see a circle of imports, types included", () => {
    expect(circles.toSorted()).toEqual(CIRCLE.map(({ file }) => file));
  });
});
