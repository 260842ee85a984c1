/**
 * The real clients, and how their drivers are started. What a machine does not have is left out of a run
 * there, and said loudly; where everything must be there (`CI=true`) it fails the run instead.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../../..");
export const DRIVERS = join(ROOT, "test/clients/drivers");
export const NODE = join(ROOT, "node_modules/.bin/node");
export const PYTHON = "/usr/bin/python3";
export const JAVA = "java";
const JAVA_TARGET = join(DRIVERS, "java/target");
/** The Java client and what it needs, as jars. */
export const JAVA_LIBS = join(JAVA_TARGET, "libs");

export interface ClientProgram {
  /** As its users call it. */
  readonly name: string;
  readonly command: readonly string[];
  /** How it is installed where it is missing. */
  readonly install: string;
  readonly isThere: () => boolean;
}

export const INSTALL = "bash test/clients/install.sh";

const ALL: readonly ClientProgram[] = [
  {
    name: "kcat",
    command: [NODE, join(DRIVERS, "kcat.ts")],
    install: INSTALL,
    isThere: () => runs("kcat", "-V"),
  },
  {
    name: "confluent-kafka",
    command: [PYTHON, join(DRIVERS, "confluent_kafka_driver.py")],
    install: INSTALL,
    isThere: () => runs(PYTHON, "-c", "import confluent_kafka"),
  },
  {
    name: "kafka-python",
    command: [PYTHON, join(DRIVERS, "kafka_python_driver.py")],
    install: INSTALL,
    isThere: () => runs(PYTHON, "-c", "import kafka"),
  },
  {
    name: "kafkajs",
    command: [NODE, join(DRIVERS, "kafkajs.ts")],
    install: "npm install",
    isThere: () => true,
  },
  {
    name: "@platformatic/kafka",
    command: [NODE, join(DRIVERS, "platformatic.ts")],
    install: "npm install",
    isThere: () => true,
  },
  {
    name: "kafka-clients (Java)",
    command: [
      JAVA,
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Xmx256m",
      "-cp",
      `${join(JAVA_TARGET, "classes")}:${JAVA_LIBS}/*`,
      "odradek.Driver",
    ],
    install: INSTALL,
    isThere: () => existsSync(JAVA_LIBS) && runs(JAVA, "-version"),
  },
];

export const CLIENTS: readonly ClientProgram[] = ALL.filter((client) => client.isThere());

/** Clients that a run here leaves out. */
export const MISSING: readonly ClientProgram[] = ALL.filter((client) => !CLIENTS.includes(client));

/** One of those that are there; undefined: a run here is without it. */
export function clientNamed(name: string): ClientProgram | undefined {
  return CLIENTS.find((client) => client.name === name);
}

export function runs(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore", timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}
