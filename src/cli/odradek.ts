/** The command line: finds the command that is asked for. Each reads its own arguments and has a `--help`. */
import process from "node:process";

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

const USAGE = `Usage: odradek COMMAND [OPTIONS]

${Object.entries(COMMANDS)
  .map(([name, { doc }]) => `  ${name.padEnd(8)}${doc}`)
  .join("\n")}

odradek COMMAND --help says more.
`;

const [name = "", ...rest] = process.argv.slice(2);
if (name === "--help" || name === "-h") process.stdout.write(USAGE);
else if (Object.hasOwn(COMMANDS, name)) {
  process.argv.splice(2, Infinity, ...rest);
  await COMMANDS[name]!.run();
} else {
  process.stderr.write(name === "" ? USAGE : `There is no command ${name}.\n\n${USAGE}`);
  process.exitCode = 1;
}
