/**
 * Messages as Kafka's definitions say they are written: made up, and turned into bytes with nothing of
 * `src/kafka`, so that two readings of the same definition meet. Types are the protocol guide's "Protocol
 * Primitive Types", the compact encoding and tagged fields KIP-482.
 */
import type { Random } from "../../sim/random.ts";
import type { LaidField } from "./kafka-definitions.ts";

export type Message = Readonly<Record<string, unknown>>;

const INTEGERS: Readonly<Record<string, readonly [bytes: number, signed: boolean]>> = {
  int8: [1, true],
  int16: [2, true],
  uint16: [2, false],
  int32: [4, true],
  uint32: [4, false],
  int64: [8, true],
};

/** A message with every field; tagged ones are left out half of the time. */
export function sample(fields: readonly LaidField[], random: Random): Message {
  const message: Record<string, unknown> = {};
  for (const field of fields) {
    if (field.tag !== undefined && random.chance(0.5)) continue;
    // A tagged field that has its default is not sent.
    const mayBeNull = field.nullable && (field.tag === undefined || field.default !== "null");
    message[field.name] = mayBeNull && random.chance(0.3) ? null : valueOf(field, random);
  }
  return message;
}

/** The bytes of `message`, whose fields these are. */
export function written(
  fields: readonly LaidField[],
  message: Message,
  flexible: boolean,
): Uint8Array {
  return new Uint8Array(bytesOf(fields, message, flexible));
}

function valueOf(field: LaidField, random: Random): unknown {
  const { type } = field;
  if (!type.startsWith("[]")) return elementOf(type, field, random);
  // Nor is a tagged array that is empty.
  const from = field.tag === undefined ? 0 : 1;
  return Array.from({ length: random.between(from, 3) }, () =>
    elementOf(type.slice(2), field, random),
  );
}

function elementOf(type: string, { fields, tag }: LaidField, random: Random): unknown {
  switch (type) {
    case "struct":
      return sample(fields, random);
    case "bool":
      return tag !== undefined || random.chance(0.5);
    case "string":
      return ["a", "ä€", "topic.name-1", "x".repeat(200)][random.below(4)];
    case "uuid":
      return hex(randomBytes(16, random));
    case "bytes":
    case "records":
      return randomBytes(random.pick([0, 1, 150]), random);
    default:
      return integer(type, random);
  }
}

/** Any that the type has, but of int64 only those that a number holds exactly; never 0 or -1. */
function integer(type: string, random: Random): number {
  const [byteLength, signed] = sizeOf(type);
  const bits = Math.min(8 * byteLength - (signed ? 1 : 0), 53);
  const magnitude = 2 + random.below(2 ** Math.min(bits, 31) - 2);
  const value = bits > 31 ? magnitude * 2 ** (bits - 31) + 1 : magnitude;
  return signed && random.chance(0.3) ? -value : value;
}

function bytesOf(fields: readonly LaidField[], message: Message, flexible: boolean): number[] {
  const out: number[] = [];
  for (const field of fields) {
    if (field.tag === undefined) out.push(...fieldBytes(field, message[field.name], flexible));
  }
  if (!flexible) return out;
  const tagged = fields.filter(({ name, tag }) => tag !== undefined && name in message);
  out.push(...varint(tagged.length));
  for (const field of tagged) {
    const bytes = fieldBytes(field, message[field.name], flexible);
    out.push(...varint(field.tag ?? 0), ...varint(bytes.length), ...bytes);
  }
  return out;
}

function fieldBytes(field: LaidField, value: unknown, flexible: boolean): number[] {
  const compact = flexible && !field.neverCompact;
  const { type } = field;
  if (!type.startsWith("[]")) return elementBytes(type, field, value, compact);
  const elements = value as readonly unknown[] | null;
  const bytes = elements?.flatMap((each) => elementBytes(type.slice(2), field, each, compact));
  return [...length(elements?.length ?? null, 4, compact), ...(bytes ?? [])];
}

function elementBytes(type: string, field: LaidField, value: unknown, compact: boolean): number[] {
  switch (type) {
    case "struct": {
      // One that may be missing says first whether it is there.
      if (value === null) return [0xff];
      const bytes = bytesOf(field.fields, value as Message, compact);
      return field.nullable && !field.type.startsWith("[]") ? [1, ...bytes] : bytes;
    }
    case "bool":
      return [value === true ? 1 : 0];
    case "uuid":
      return [...Buffer.from(value as string, "hex")];
    case "string":
      return blob(value === null ? null : Buffer.from(value as string), 2, compact);
    case "bytes":
    case "records":
      return blob(value as Uint8Array | null, 4, compact);
    default:
      return bigEndian(value as number, sizeOf(type)[0]);
  }
}

function blob(bytes: Uint8Array | null, lengthBytes: number, compact: boolean): number[] {
  return [...length(bytes?.byteLength ?? null, lengthBytes, compact), ...(bytes ?? [])];
}

function length(count: number | null, lengthBytes: number, compact: boolean): number[] {
  if (compact) return varint(count === null ? 0 : count + 1);
  return bigEndian(count ?? -1, lengthBytes);
}

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  return [...out, rest];
}

function bigEndian(value: number, byteLength: number): number[] {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigInt64(0, BigInt(value));
  return [...new Uint8Array(bytes.buffer, 8 - byteLength)];
}

function sizeOf(type: string): readonly [bytes: number, signed: boolean] {
  const size = INTEGERS[type];
  if (!size) throw new Error(`a type that is not known here: ${type}`);
  return size;
}

function randomBytes(count: number, random: Random): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
