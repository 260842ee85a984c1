/**
 * Turns a schema and a version into a reader and a writer: once, into closures, because every produce and fetch
 * passes through here. Which fields a version has is decided at that time.
 */
import { assert } from "../../base/errors.ts";
import { MalformedMessage, type Reader } from "./reader.ts";
import type { AnyField, ScalarKind, Shape } from "./schema.ts";
import { Writer } from "./writer.ts";

interface Codec {
  readonly read: (from: Reader) => unknown;
  readonly write: (out: Writer, value: unknown) => void;
  /** The fewest bytes that a value takes; bounds a count before anything is allocated. */
  readonly bytesMin: number;
}

export interface ShapeCodec extends Codec {
  readonly read: (from: Reader) => Record<string, unknown>;
}

interface VersionOf {
  readonly version: number;
  /** Compact lengths and tagged fields (KIP-482). */
  readonly flexible: boolean;
}

interface NamedCodec {
  readonly name: string;
  readonly codec: Codec;
  readonly whenMissing: unknown;
}

interface TaggedCodec extends NamedCodec {
  readonly tag: number;
}

const NOTHING = new Uint8Array(0);
const EMPTY: readonly unknown[] = Object.freeze([]);

const scalar = <T>(
  bytesMin: number,
  read: (from: Reader) => T,
  write: (out: Writer, value: T) => void,
): Codec => ({ bytesMin, read, write: write as Codec["write"] });

type FixedKind = Exclude<ScalarKind, "int64" | "string" | "bytes" | "records">;

const FIXED: Readonly<Record<FixedKind, Codec>> = {
  bool: scalar(
    1,
    (from) => from.bool(),
    (out, value) => out.bool(value),
  ),
  int8: scalar(
    1,
    (from) => from.int8(),
    (out, value) => out.int8(value),
  ),
  int16: scalar(
    2,
    (from) => from.int16(),
    (out, value) => out.int16(value),
  ),
  int32: scalar(
    4,
    (from) => from.int32(),
    (out, value) => out.int32(value),
  ),
  uuid: scalar(
    16,
    (from) => from.uuid(),
    (out, value) => out.uuid(value),
  ),
};

const INT64: Codec = scalar(
  8,
  (from) => from.int64(),
  (out, value) => out.int64(value),
);
const WIDE_INT64: Codec = scalar(
  8,
  (from) => from.wideInt64(),
  (out, value) => out.wideInt64(value),
);

/** The codec of a schema for every version, each made when it is first needed. */
export function codecsOf(shape: Shape, flexibleFrom: number): (version: number) => ShapeCodec {
  const made: ShapeCodec[] = [];
  return (version) =>
    (made[version] ??= shapeCodec(shape, { version, flexible: version >= flexibleFrom }));
}

function shapeCodec(shape: Shape, of: VersionOf): ShapeCodec {
  const plain: NamedCodec[] = [];
  const tagged: TaggedCodec[] = [];
  const absent: { readonly name: string; readonly whenMissing: unknown }[] = [];
  for (const [name, field] of Object.entries(shape)) {
    const { since = 0, until = Number.POSITIVE_INFINITY, tag } = field.options;
    const whenMissing = defaultOf(field);
    if (of.version < since || of.version > until) absent.push({ name, whenMissing });
    else if (tag === undefined) plain.push({ name, codec: fieldCodec(field, of), whenMissing });
    else tagged.push({ name, codec: fieldCodec(field, of), whenMissing, tag });
  }
  assert(of.flexible || tagged.length === 0, "tagged fields stand in flexible versions only");
  tagged.sort((a, b) => a.tag - b.tag);
  let bytesMin = of.flexible ? 1 : 0;
  for (const { codec } of plain) bytesMin += codec.bytesMin;

  const read = (from: Reader): Record<string, unknown> => {
    const value: Record<string, unknown> = {};
    for (const { name, codec } of plain) value[name] = codec.read(from);
    for (const { name, whenMissing } of absent) value[name] = whenMissing;
    if (of.flexible) readTagged(from, tagged, value);
    return value;
  };
  const write = (out: Writer, value: unknown): void => {
    const fields = value as Record<string, unknown>;
    for (const { name, codec, whenMissing } of plain) {
      const given = fields[name];
      codec.write(out, given === undefined ? whenMissing : given);
    }
    if (of.flexible) writeTagged(out, tagged, fields);
  };
  return { read, write, bytesMin };
}

function readTagged(
  from: Reader,
  tagged: readonly TaggedCodec[],
  value: Record<string, unknown>,
): void {
  for (const { name, whenMissing } of tagged) value[name] = whenMissing;
  from.taggedFields((tag) => {
    const known = tagged.find((field) => field.tag === tag);
    if (known) value[known.name] = known.codec.read(from);
    return known !== undefined;
  });
}

function writeTagged(
  out: Writer,
  tagged: readonly TaggedCodec[],
  fields: Record<string, unknown>,
): void {
  const present = tagged.filter(({ name, whenMissing }) => {
    const given = fields[name];
    if (given === undefined || given === whenMissing) return false;
    return !(Array.isArray(given) && given.length === 0);
  });
  out.uvarint(present.length);
  for (const { name, codec, tag } of present) {
    // The size is written first, and is known only once the field is encoded.
    const apart = new Writer();
    codec.write(apart, fields[name]);
    const message = apart.finish();
    out.uvarint(tag);
    out.uvarint(message.byteLength);
    out.message(message);
  }
}

function fieldCodec(field: AnyField, of: VersionOf): Codec {
  const { type } = field;
  const nullable = of.version >= (field.options.nullable ?? Number.POSITIVE_INFINITY);
  switch (type.kind) {
    case "int64":
      return type.isWide ? WIDE_INT64 : INT64;
    case "string":
      return stringCodec(of.flexible, nullable);
    case "bytes":
    case "records":
      return blobCodec(of.flexible, nullable);
    case "array":
      return arrayCodec(fieldCodec(type.element, of), of.flexible, nullable);
    case "struct":
      // A tagged field with its default is not sent.
      return nullable && field.options.tag === undefined
        ? optionalCodec(shapeCodec(type.shape, of))
        : shapeCodec(type.shape, of);
    default:
      return FIXED[type.kind];
  }
}

/** One byte says whether the value is present. */
function optionalCodec(codec: ShapeCodec): Codec {
  return {
    read: (from) => (from.int8() < 0 ? null : codec.read(from)),
    write: (out, value) => {
      out.int8(value === null ? -1 : 1);
      if (value !== null) codec.write(out, value as Record<string, unknown>);
    },
    bytesMin: 1,
  };
}

function stringCodec(compact: boolean, nullable: boolean): Codec {
  return scalar(
    compact ? 1 : 2,
    (from) => orMalformed(from.string(compact), nullable),
    (out, value: string | null) => out.string(orBroken(value, nullable), compact),
  );
}

function blobCodec(compact: boolean, nullable: boolean): Codec {
  return scalar(
    compact ? 1 : 4,
    (from) => orMalformed(from.blob(compact), nullable),
    (out, value: Uint8Array | readonly Uint8Array[] | null) => {
      const given = orBroken(value, nullable);
      if (given === null || given instanceof Uint8Array) out.blob(given, compact);
      else out.blobParts(given, compact);
    },
  );
}

function arrayCodec(element: Codec, compact: boolean, nullable: boolean): Codec {
  const elementBytesMin = Math.max(element.bytesMin, 1);
  return scalar(
    compact ? 1 : 4,
    (from) => {
      const count = orMalformed(from.count(compact, elementBytesMin), nullable);
      if (count === null) return null;
      const values: unknown[] = [];
      for (let i = 0; i < count; i++) values.push(element.read(from));
      return values;
    },
    (out, value: readonly unknown[] | null) => {
      const given = orBroken(value, nullable);
      out.count(given === null ? null : given.length, compact);
      if (given !== null) for (const item of given) element.write(out, item);
    },
  );
}

function orMalformed<T>(value: T | null, nullable: boolean): T | null {
  if (value === null && !nullable) throw new MalformedMessage("null where it is not allowed");
  return value;
}

function orBroken<T>(value: T | null, nullable: boolean): T | null {
  assert(value !== null || nullable, "a field is null only in versions that allow it");
  return value;
}

/** Shared by all messages, which is why decoded values are readonly. */
function defaultOf(field: AnyField): unknown {
  const given = field.options.default;
  if (given !== undefined) return Array.isArray(given) ? EMPTY : given;
  switch (field.type.kind) {
    case "bool":
      return false;
    case "string":
      return "";
    case "uuid":
      return "0".repeat(32);
    case "bytes":
    case "records":
      return NOTHING;
    case "array":
      return EMPTY;
    case "struct":
      return null;
    default:
      return 0;
  }
}
