/**
 * Kafka's own definitions of its messages, as its Java client brings them: one JSON file for each message
 * in the jar, in the words of the generator (`README.md` in Kafka's `clients/src/main/resources/common/message`).
 * What they say of one version is laid out here as a list of fields, which `schema-differences.ts` compares
 * and `definition-writer.ts` writes.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { assert } from "../../../src/base/errors.ts";
import { JAVA_LIBS } from "./clients.ts";

/** One message as its file has it; version ranges are `none`, `3`, `3-7` or `3+`. */
export interface Definition {
  readonly apiKey?: number;
  readonly name: string;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly fields: readonly DefinedField[];
  readonly commonStructs?: readonly DefinedStruct[];
}

interface DefinedStruct {
  readonly name: string;
  readonly fields: readonly DefinedField[];
}

export interface DefinedField {
  readonly name: string;
  /** A primitive type, the name of a struct, or one of the two behind `[]`. */
  readonly type: string;
  readonly versions: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly flexibleVersions?: string;
  readonly tag?: number;
  readonly default?: string | number | boolean;
  readonly fields?: readonly DefinedField[];
}

/** A field in one version. */
export interface LaidField {
  readonly name: string;
  /** `int32`, `[]string`, `struct`, `[]struct`, … */
  readonly type: string;
  readonly nullable: boolean;
  /** As text: `0`, `""`, `null`, `[]`, `{}`, … */
  readonly default: string;
  /** undefined: it stands in its place, not among the tagged fields. */
  readonly tag: number | undefined;
  /** Never in the compact encoding, even where its message is. */
  readonly neverCompact: boolean;
  /** Of a struct, or of the structs in an array. */
  readonly fields: readonly LaidField[];
}

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

const GENERATION_ID = { GenerationIdOrMemberEpoch: "generationId" };

/** Fields whose names say what they are in versions that are not served, by message and Kafka's name. */
const NAMED_DIFFERENTLY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  OffsetCommitRequest: GENERATION_ID,
  TxnOffsetCommitRequest: GENERATION_ID,
  AddPartitionsToTxnRequest: {
    V3AndBelowTransactionalId: "transactionalId",
    V3AndBelowProducerId: "producerId",
    V3AndBelowProducerEpoch: "producerEpoch",
    V3AndBelowTopics: "topics",
  },
  AddPartitionsToTxnResponse: { ResultsByTopicV3AndBelow: "resultsByTopic" },
  ConsumerProtocolAssignment: { AssignedPartitions: "partitions" },
};

/** The jar that `install.sh` brings; null where it has not run. */
export function kafkaJar(): string | null {
  if (!existsSync(JAVA_LIBS)) return null;
  const jar = readdirSync(JAVA_LIBS).find((name) => /^kafka-clients-[\d.]+\.jar$/.test(name));
  return jar === undefined ? null : join(JAVA_LIBS, jar);
}

/** Every definition in the jar by its message's name. */
export function readDefinitions(jar: string): ReadonlyMap<string, Definition> {
  const definitions = new Map<string, Definition>();
  for (const { name, bytes } of zipEntries(readFileSync(jar))) {
    if (!/^common\/message\/\w+\.json$/.test(name)) continue;
    const definition = JSON.parse(withoutComments(bytes().toString())) as Definition;
    definitions.set(definition.name, definition);
  }
  return definitions;
}

/** The fields that `definition` has in `version`: those in their places, then the tagged ones by tag. */
export function layOut(definition: Definition, version: number): LaidField[] {
  const names = NAMED_DIFFERENTLY[definition.name];
  const structs = new Map(definition.commonStructs?.map(({ name, fields }) => [name, fields]));
  const lay = (fields: readonly DefinedField[]): LaidField[] => {
    const laid = fields
      .filter(({ versions }) => includes(versions, version))
      .map((field): LaidField => {
        const isArray = field.type.startsWith("[]");
        const element = isArray ? field.type.slice(2) : field.type;
        const inner = field.fields ?? structs.get(element);
        const kind = inner === undefined ? element : "struct";
        const type = isArray ? `[]${kind}` : kind;
        return {
          name: names?.[field.name] ?? lowerFirst(field.name),
          type,
          nullable: includes(field.nullableVersions ?? "none", version),
          default: defaultText(type, field.default),
          tag: includes(field.taggedVersions ?? "none", version) ? field.tag : undefined,
          neverCompact: field.flexibleVersions === "none",
          fields: inner === undefined ? [] : lay(inner),
        };
      });
    return inOrder(laid);
  };
  return lay(definition.fields);
}

/** Plain fields as they come, tagged ones behind them by their tags: as they are written. */
export function inOrder(fields: readonly LaidField[]): LaidField[] {
  const tagged = fields.filter(({ tag }) => tag !== undefined);
  return [
    ...fields.filter(({ tag }) => tag === undefined),
    ...tagged.toSorted((a, b) => (a.tag ?? 0) - (b.tag ?? 0)),
  ];
}

export function includes(range: string, version: number): boolean {
  if (range === "none") return false;
  const { min, max } = rangeOf(range);
  return version >= min && version <= max;
}

export function rangeOf(range: string): VersionRange {
  const parts = /^(\d+)(?:(\+)|-(\d+))?$/.exec(range);
  assert(parts, `a version range: ${range}`);
  const min = Number(parts[1]);
  if (parts[2] !== undefined) return { min, max: Number.POSITIVE_INFINITY };
  return { min, max: parts[3] === undefined ? min : Number(parts[3]) };
}

/** The default that a definition gives or, without one, that of the type. */
function defaultText(type: string, given: DefinedField["default"]): string {
  if (given === "null") return "null";
  if (type.startsWith("[]")) return "[]";
  switch (type) {
    case "bool":
      return String(given ?? false);
    case "string":
      return JSON.stringify(given ?? "");
    case "uuid":
      return "0".repeat(32);
    case "bytes":
    case "records":
      return "no bytes";
    case "struct":
      return "{}";
    case "float64":
      return String(Number(given ?? 0));
    default:
      return String(BigInt(given ?? 0));
  }
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** The files hold `//` comments, which JSON does not have. */
function withoutComments(text: string): string {
  return text.replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*/g, (_, quoted?: string) => quoted ?? "");
}

const END_OF_DIRECTORY = 0x0605_4b50;
const END_OF_DIRECTORY_BYTES = 22;
const DEFLATED = 8;

/** The files of an archive (APPNOTE.TXT 4.3: the central directory says where each lies). */
function* zipEntries(zip: Buffer): Iterable<{ name: string; bytes: () => Buffer }> {
  let end = zip.length - END_OF_DIRECTORY_BYTES;
  while (end >= 0 && zip.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  assert(end >= 0, "a zip archive ends with a directory");
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const method = zip.readUInt16LE(at + 10);
    const byteLength = zip.readUInt32LE(at + 20);
    const nameBytes = zip.readUInt16LE(at + 28);
    const behindName = zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    const header = zip.readUInt32LE(at + 42);
    const name = zip.toString("utf8", at + 46, at + 46 + nameBytes);
    const bytes = (): Buffer => {
      const from = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
      const stored = zip.subarray(from, from + byteLength);
      return method === DEFLATED ? inflateRawSync(stored) : stored;
    };
    yield { name, bytes };
    at += 46 + nameBytes + behindName;
  }
}
