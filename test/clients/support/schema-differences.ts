/**
 * Compares a schema of `src/kafka/messages` with Kafka's definition of the same message, field by field,
 * in one version after the other: order, name, type, where it may be null, default, tag, and all of that
 * again inside of structs and arrays. Each difference is a line of text.
 */
import type { AnyField, Api, Shape } from "../../../src/kafka/messages/schema.ts";
import {
  includes,
  inOrder,
  layOut,
  rangeOf,
  type Definition,
  type LaidField,
} from "./kafka-definitions.ts";

type AnyApi = Api<number, Shape, Shape>;

/** Of the request and of the answer, over all versions that are served. */
export function apiDifferences(
  api: AnyApi,
  definitions: ReadonlyMap<string, Definition>,
): readonly string[] {
  return (["Request", "Response"] as const).flatMap((side) => {
    const name = api.name + side;
    const definition = definitions.get(name);
    if (!definition) return [`${name}: Kafka has no such message`];
    return messageDifferences(api, definition, side === "Request" ? api.request : api.response);
  });
}

/** The versions that are Kafka's too and are not served here. */
export function versionsNotServed(api: AnyApi, definition: Definition): readonly number[] {
  const { min, max } = rangeOf(definition.validVersions);
  return versionsFrom(min, max).filter(
    (version) => version < api.minServed || version > api.versions.max,
  );
}

function messageDifferences(api: AnyApi, definition: Definition, shape: Shape): string[] {
  const differences: string[] = [];
  if (definition.apiKey !== api.key) {
    differences.push(`${definition.name}: key ${api.key} here, ${definition.apiKey} in Kafka`);
  }
  for (const version of versionsFrom(api.minServed, api.versions.max)) {
    const path = `${definition.name} ${version}`;
    if (!includes(definition.validVersions, version)) {
      differences.push(`${path}: Kafka has no such version`);
      continue;
    }
    const flexible = version >= api.flexibleFrom;
    if (flexible !== includes(definition.flexibleVersions, version)) {
      differences.push(`${path}: ${flexible ? "" : "not "}flexible here only`);
    }
    compare(path, layOutShape(shape, version), layOut(definition, version), differences);
  }
  return differences;
}

function compare(
  path: string,
  here: readonly LaidField[],
  kafka: readonly LaidField[],
  differences: string[],
): void {
  const ours = here.map(({ name }) => name).join(", ");
  const theirs = kafka.map(({ name }) => name).join(", ");
  if (ours !== theirs) {
    differences.push(`${path}: fields (${ours}) here, (${theirs}) in Kafka`);
    return;
  }
  for (const [i, field] of here.entries()) {
    const other = kafka[i];
    if (!other) continue;
    const inside = `${path} ${field.name}`;
    for (const part of ["type", "nullable", "default", "tag", "neverCompact"] as const) {
      if (field[part] === other[part]) continue;
      differences.push(`${inside}: ${part} ${field[part]} here, ${other[part]} in Kafka`);
    }
    compare(inside, field.fields, other.fields, differences);
  }
}

/** As {@link layOut} does with a definition. */
function layOutShape(shape: Shape, version: number): LaidField[] {
  const laid = Object.entries(shape)
    .filter(([, { options }]) => {
      const { since = 0, until = Number.POSITIVE_INFINITY } = options;
      return version >= since && version <= until;
    })
    .map(([name, field]) => layOutField(name, field, version));
  return inOrder(laid);
}

function layOutField(name: string, { type, options }: AnyField, version: number): LaidField {
  const isArray = type.kind === "array";
  const element = isArray ? type.element.type : type;
  const laidType = isArray ? `[]${element.kind}` : element.kind;
  const laid = {
    name,
    type: laidType,
    tag: options.tag,
    neverCompact: false,
    fields: element.kind === "struct" ? layOutShape(element.shape, version) : [],
  };
  // A tagged struct that is null here is one that is not sent, which to Kafka has its defaults.
  if (laidType === "struct" && options.tag !== undefined) {
    return { ...laid, nullable: false, default: "{}" };
  }
  return {
    ...laid,
    nullable: version >= (options.nullable ?? Number.POSITIVE_INFINITY),
    default: defaultText(laidType, options.default),
  };
}

function defaultText(type: string, given: unknown): string {
  if (given === null) return "null";
  if (type.startsWith("[]")) return "[]";
  switch (type) {
    case "bool":
      return String(given ?? false);
    case "string":
      return JSON.stringify(given ?? "");
    case "uuid":
      return String(given ?? "0".repeat(32));
    case "bytes":
    case "records":
      return "no bytes";
    case "struct":
      return "{}";
    default:
      return String(given ?? 0);
  }
}

function versionsFrom(min: number, max: number): number[] {
  return Array.from({ length: max - min + 1 }, (_, i) => min + i);
}
