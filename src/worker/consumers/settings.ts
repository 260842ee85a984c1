/**
 * The one table of a consumer instance's settings: names, types, defaults, bounds and texts. Requests are read by it,
 * and the schema in the API's description is made from it. Numbers and booleans may be strings, because many clients of
 * v2 send them so.
 */
import * as z from "zod";
import type { EffectiveConfig } from "../../base/config.ts";
import { refuse, type Refusal } from "../../base/errors.ts";
import { groupNameProblem } from "../../base/ids.ts";
import { didYouMean } from "../../base/nearest-name.ts";
import {
  FETCH_BYTES_MAX,
  FETCH_WAIT_MS_MAX,
  GROUP_NAME_LENGTH_MAX,
  INT_MAX,
  REQUEST_RECORDS_MAX,
} from "../../base/limits.ts";
import { RECORD_FORMATS } from "../json/record-json.ts";
import type { InstanceSpec } from "../../objects/contracts/instances.ts";

type Bound = number | ((config: EffectiveConfig) => number);

/** `also`: names that other proxies have for the same setting. */
type Setting = { readonly doc: string; readonly also?: string } & (
  | { readonly kind: "text"; readonly fallback: string; readonly isName?: true }
  | { readonly kind: "boolean"; readonly fallback: boolean }
  | { readonly kind: "whole"; readonly fallback: number; readonly min: Bound; readonly max: Bound }
  | { readonly kind: "choice"; readonly fallback: string; readonly choices: readonly string[] }
  | {
      readonly kind: "choices";
      readonly fallback: readonly string[];
      readonly choices: readonly string[];
    }
);

/** Longest timeout: the largest that the runtime's timers take. */
const TIMEOUT_MS_MAX = 2_147_483_647;

export const INSTANCE_SETTINGS = {
  name: {
    kind: "text",
    fallback: "",
    isName: true,
    also: "id",
    doc: "The instance's name, unique in the group; made where none is given.",
  },
  format: {
    kind: "choice",
    fallback: "binary",
    choices: RECORD_FORMATS,
    doc: "How keys and values are read: base64, JSON or strings.",
  },
  "auto.offset.reset": {
    kind: "choice",
    fallback: "latest",
    choices: ["earliest", "latest", "none"],
    doc: "Where a partition begins of which nothing is committed, or whose committed offset is out of range; none: a poll is refused then.",
  },
  "auto.commit.enable": {
    kind: "boolean",
    fallback: true,
    doc: "Whether a poll commits what the polls before it have delivered, when the interval has passed.",
  },
  "auto.commit.interval.ms": {
    kind: "whole",
    fallback: 5_000,
    min: 0,
    max: TIMEOUT_MS_MAX,
    doc: "How often that is.",
  },
  "fetch.min.bytes": {
    kind: "whole",
    fallback: 1,
    min: -1,
    max: FETCH_BYTES_MAX,
    also: "responseMinBytes",
    doc: "A poll waits for so many bytes of record batches, until its timeout; -1 is the default.",
  },
  "consumer.request.timeout.ms": {
    kind: "whole",
    fallback: 1_000,
    min: 0,
    max: FETCH_WAIT_MS_MAX,
    also: "requestWaitMs",
    doc: "How long a poll waits that names no timeout.",
  },
  "partition.assignment.strategy": {
    kind: "choices",
    fallback: ["cooperative-sticky", "range", "roundrobin", "sticky"],
    choices: ["cooperative-sticky", "range", "roundrobin", "sticky"],
    doc: "How partitions are shared, in order of preference, as a list or comma-separated; all members of a group must have one in common.",
  },
  "session.timeout.ms": {
    kind: "whole",
    fallback: 45_000,
    min: (config) => config["group.min.session.timeout.ms"],
    max: (config) => config["group.max.session.timeout.ms"],
    doc: "An instance that has not been heard of for so long is gone, and its partitions move on. A poll is heard of while it waits.",
  },
  "max.poll.interval.ms": {
    kind: "whole",
    fallback: 300_000,
    min: 1,
    max: TIMEOUT_MS_MAX,
    doc: "The longest time between two polls; also how long a rebalance waits for the instance to poll.",
  },
  "max.poll.records": {
    kind: "whole",
    fallback: 500,
    min: 1,
    max: REQUEST_RECORDS_MAX,
    doc: "Records in the answer of one poll at most.",
  },
  "isolation.level": {
    kind: "choice",
    fallback: "read_uncommitted",
    choices: ["read_uncommitted", "read_committed"],
    doc: "Whether records of open and aborted transactions are read.",
  },
  "topic.metadata.refresh.interval.ms": {
    kind: "whole",
    fallback: 5_000,
    min: -1,
    max: TIMEOUT_MS_MAX,
    doc: "Taken because other proxies know it, and of no effect: a poll has topics looked up that were last looked up 5 seconds ago.",
  },
  "client.id": {
    kind: "text",
    fallback: "http",
    doc: "What descriptions of the group show of the client.",
  },
} as const satisfies Readonly<Record<string, Setting>>;

type SettingName = keyof typeof INSTANCE_SETTINGS;
type ValueOf<S extends Setting> = S extends { kind: "boolean" }
  ? boolean
  : S extends { kind: "whole" }
    ? number
    : S extends { kind: "choice"; choices: readonly (infer C)[] }
      ? C
      : S extends { kind: "choices" }
        ? readonly string[]
        : string;
type Values = { readonly [N in SettingName]: ValueOf<(typeof INSTANCE_SETTINGS)[N]> };

const NAMES = Object.keys(INSTANCE_SETTINGS) as SettingName[];

/** The table's name by every name that a request may give a setting. */
const BY_WRITTEN_NAME: ReadonlyMap<string, SettingName> = new Map(
  NAMES.flatMap((name): [string, SettingName][] => {
    const { also }: Setting = INSTANCE_SETTINGS[name];
    return also === undefined
      ? [[name, name]]
      : [
          [name, name],
          [also, name],
        ];
  }),
);

/** Longest name of an unknown setting that an answer repeats, in UTF-16 units. */
const SHOWN_LENGTH_MAX = 64;

/** Where a request comes from, as descriptions of the group show it. */
type Client = Pick<InstanceSpec, "clientHost">;

export type ReadSpec = { readonly ok: true; readonly spec: InstanceSpec } | Refusal;

/**
 * The settings of a request's body. INVALID_REQUEST (no object), INVALID_CONSUMER_CONFIG (an unknown name, one
 * setting by two names, a value of a wrong type, out of bounds, or that is no choice).
 */
export function readInstanceSpec(body: unknown, config: EffectiveConfig, client: Client): ReadSpec {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return refuse("INVALID_REQUEST", "The settings of an instance are an object.");
  }
  const values: Record<string, unknown> = {};
  for (const [written, given] of Object.entries(body)) {
    const name = BY_WRITTEN_NAME.get(written);
    if (name === undefined) return unknownSetting(written);
    if (given === null) continue;
    if (Object.hasOwn(values, name)) {
      return refuse("INVALID_CONSUMER_CONFIG", `${name} is given by two names.`);
    }
    const read = readSetting(written, INSTANCE_SETTINGS[name], given, config);
    if (!read.ok) return read;
    values[name] = read.value;
  }
  for (const name of NAMES) values[name] ??= INSTANCE_SETTINGS[name].fallback;
  return { ok: true, spec: specOf(values as Values, client) };
}

function unknownSetting(written: string): Refusal {
  const hint = didYouMean(written, [...BY_WRITTEN_NAME.keys()]);
  const shown = written.length <= SHOWN_LENGTH_MAX ? `: ${written}${hint}` : "";
  return refuse("INVALID_CONSUMER_CONFIG", `There is no such setting of an instance${shown}`);
}

function specOf(values: Values, client: Client): InstanceSpec {
  return {
    name: values.name,
    format: values.format,
    offsetReset: values["auto.offset.reset"],
    autoCommit: values["auto.commit.enable"],
    autoCommitIntervalMs: values["auto.commit.interval.ms"],
    fetchMinBytes: Math.max(values["fetch.min.bytes"], 1),
    requestTimeoutMs: values["consumer.request.timeout.ms"],
    sessionTimeoutMs: values["session.timeout.ms"],
    maxPollIntervalMs: values["max.poll.interval.ms"],
    maxPollRecords: values["max.poll.records"],
    assignors: values["partition.assignment.strategy"],
    isolation: values["isolation.level"],
    clientId: values["client.id"],
    clientHost: client.clientHost,
  };
}

type ReadValue = { readonly ok: true; readonly value: unknown } | Refusal;

/** `name`: as the request has it, for the text of a refusal. */
function readSetting(
  name: string,
  setting: Setting,
  given: unknown,
  config: EffectiveConfig,
): ReadValue {
  switch (setting.kind) {
    case "text":
      return readText(name, setting.isName === true, given);
    case "boolean": {
      const text = String(given).toLowerCase();
      if (text !== "true" && text !== "false") return illegal(name, "true or false");
      return { ok: true, value: text === "true" };
    }
    case "whole":
      return readWhole(name, boundOf(setting.min, config), boundOf(setting.max, config), given);
    case "choice": {
      // Other proxies take `JSON` and `Earliest` too.
      const value = typeof given === "string" ? given.toLowerCase() : "";
      const isLegal = setting.choices.includes(value);
      return isLegal ? { ok: true, value } : illegal(name, oneOf(setting.choices));
    }
    case "choices":
      return readChoices(name, setting.choices, given);
  }
}

function readText(name: string, isName: boolean, given: unknown): ReadValue {
  if (typeof given !== "string") return illegal(name, "a string");
  if (given === "") return { ok: true, value: given };
  const problem = groupNameProblem(given);
  if (problem !== null) return refuse("INVALID_CONSUMER_CONFIG", `${name}: ${problem}`);
  // A path cannot have them as a segment, however they are encoded (RFC 3986, section 5.2.4).
  if (isName && (given === "." || given === "..")) return illegal(name, "neither . nor ..");
  return { ok: true, value: given };
}

function readWhole(name: string, min: number, max: number, given: unknown): ReadValue {
  const isNumber =
    typeof given === "number" || (typeof given === "string" && /^\s*-?\d{1,16}\s*$/.test(given));
  const value = isNumber ? Number(given) : Number.NaN;
  if (!Number.isInteger(value) || Math.abs(value) > INT_MAX) return illegal(name, "a whole number");
  if (value >= min && value <= max) return { ok: true, value };
  return refuse("INVALID_CONSUMER_CONFIG", `${name} is from ${min} to ${max}.`);
}

function readChoices(name: string, choices: readonly string[], given: unknown): ReadValue {
  const list: unknown =
    typeof given === "string" ? given.split(",").map((one) => one.trim()) : given;
  const isLegal =
    Array.isArray(list) &&
    list.length > 0 &&
    new Set(list).size === list.length &&
    list.every((one) => choices.includes(one as string));
  if (!isLegal) return illegal(name, `one or several of ${choices.join(", ")}`);
  return { ok: true, value: list };
}

function illegal(name: string, expected: string): Refusal {
  return refuse("INVALID_CONSUMER_CONFIG", `${name}: ${expected} expected.`);
}

function oneOf(choices: readonly string[]): string {
  return `one of ${choices.join(", ")}`;
}

function boundOf(bound: Bound, config: EffectiveConfig): number {
  return typeof bound === "number" ? bound : bound(config);
}

/** The table as a schema. Describes; does not validate. */
export const instanceSchema = z
  .strictObject(
    Object.fromEntries(
      [...BY_WRITTEN_NAME].map(([written, name]) => [written, schemaOf(written, name)]),
    ),
  )
  .meta({ id: "ConsumerInstanceRequest" });

function schemaOf(written: string, name: SettingName): z.ZodType {
  const setting: Setting = INSTANCE_SETTINGS[name];
  const description =
    written === name
      ? `${setting.doc} Default: ${defaultText(setting)}.${boundsText(setting)}`
      : `The same as \`${name}\`.`;
  return typeOf(setting).nullable().optional().describe(description);
}

function typeOf(setting: Setting): z.ZodType {
  switch (setting.kind) {
    case "text":
      return z.string().max(GROUP_NAME_LENGTH_MAX);
    case "boolean":
      return z.union([z.boolean(), z.enum(["true", "false"])]);
    case "whole":
      return z.union([z.int(), z.string()]);
    case "choice":
      return z.enum(setting.choices);
    case "choices":
      return z.union([z.array(z.enum(setting.choices)), z.string()]);
  }
}

function defaultText({ fallback }: Setting): string {
  const text = Array.isArray(fallback) ? fallback.join(",") : String(fallback);
  return text === "" ? "none" : text;
}

function boundsText(setting: Setting): string {
  if (setting.kind !== "whole") return "";
  const { min, max } = setting;
  if (typeof min === "number" && typeof max === "number") return ` From ${min} to ${max}.`;
  return " Its bounds are settings of the service.";
}
