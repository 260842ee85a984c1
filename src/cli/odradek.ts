/** The command line: finds the command that is asked for. Each reads its own arguments and has a `--help`. */
import process from "node:process";
import { didYouMean } from "../base/nearest-name.ts";
import { fail } from "./fail.ts";
import { programVersion } from "./version.ts";

interface Command {
  readonly doc: string;
  readonly run: () => Promise<unknown>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  start: {
    doc: "serves on this machine and keeps its data",
    run: () => import("./start.ts"),
  },
  bridge: {
    doc: "lets Kafka clients on this machine talk to a deployment",
    run: () => import("./bridge.ts"),
  },
  demo: {
    doc: "shows the service at work",
    run: () => import("./demo.ts"),
  },
};

/** What is answered here, with the ways to ask for it. */
const HELP: ReadonlySet<string> = new Set(["help", "--help", "-h"]);
const VERSION: ReadonlySet<string> = new Set(["version", "--version", "-v", "-V"]);

const USAGE = `Usage: odradek COMMAND [OPTIONS]

${Object.entries(COMMANDS)
  .map(([name, { doc }]) => `  ${name.padEnd(9)}${doc}`)
  .join("\n")}
  help     prints this; odradek help COMMAND says more of one
  version  prints the version
`;

await main(process.argv.slice(2));

async function main([name = "", ...rest]: readonly string[]): Promise<void> {
  const [topic] = rest;
  if (HELP.has(name) && topic !== undefined) return run(topic, ["--help"]);
  if (HELP.has(name)) process.stdout.write(USAGE);
  else if (VERSION.has(name)) process.stdout.write(`odradek ${programVersion()}\n`);
  else await run(name, rest);
}

async function run(name: string, args: readonly string[]): Promise<void> {
  if (name === "") return fail(USAGE.trimEnd());
  if (!Object.hasOwn(COMMANDS, name)) {
    const names = [...Object.keys(COMMANDS), "help", "version", "--help", "--version"];
    return fail(`There is no command ${name}${didYouMean(name, names)}\n\n${USAGE.trimEnd()}`);
  }
  process.argv.splice(2, Infinity, ...args);
  await COMMANDS[name]!.run();
}
