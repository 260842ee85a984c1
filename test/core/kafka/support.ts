/** What the tests of the wire protocol's messages share: bytes, and messages made from their shapes. */

import fc from "fast-check";

import { joinBytes } from "../../../src/base/bytes.ts";
import { APIS, type ApiKey, type EncodedMessage } from "../../../src/kafka/messages/index.ts";
import type { Api, AnyField, Shape } from "../../../src/kafka/messages/schema.ts";

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Bytes from hexadecimal digits; blanks between fields are for the reader. */
export const unhex = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** A message in one piece. */
export const whole = (message: EncodedMessage): Uint8Array => joinBytes(message.parts);

export type Message = Readonly<Record<string, unknown>>;

const signed = (bits: number): fc.Arbitrary<number> =>
  fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 });
/** What an int64 may be and a number does not hold. */
const beyondSafe = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .filter((value) => !Number.isSafeInteger(Number(value)));
const ids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(hex);
/** Both sides of the size from which bytes are passed on instead of copied. */
const blobs = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1_000, maxLength: 1_100 }) },
);

function typeArbitrary(field: AnyField, version: number): fc.Arbitrary<unknown> {
  const { type } = field;
  switch (type.kind) {
    case "bool":
      return fc.boolean();
    case "int8":
      return signed(8);
    case "int16":
      return signed(16);
    case "int32":
      return signed(32);
    case "int64":
      return type.isWide ? fc.oneof(fc.maxSafeInteger(), beyondSafe) : fc.maxSafeInteger();
    case "uuid":
      return ids;
    case "string":
      return fc.string({ unit: "grapheme", maxLength: 10 });
    case "bytes":
    case "records":
      return blobs;
    case "array":
      return fc.array(fieldArbitrary(type.element, version), { maxLength: 4 });
    case "struct":
      return messageArbitrary(type.shape, version);
  }
}

function fieldArbitrary(field: AnyField, version: number): fc.Arbitrary<unknown> {
  const value = typeArbitrary(field, version);
  if (version < (field.options.nullable ?? Number.POSITIVE_INFINITY)) return value;
  return fc.option(value, { nil: null });
}

function isPresent(field: AnyField, version: number): boolean {
  const { since = 0, until = Number.POSITIVE_INFINITY } = field.options;
  return version >= since && version <= until;
}

/** Messages with exactly the fields of `version`. */
export function messageArbitrary(shape: Shape, version: number): fc.Arbitrary<Message> {
  const present = Object.entries(shape).filter(([, field]) => isPresent(field, version));
  return fc.record(
    Object.fromEntries(present.map(([name, field]) => [name, fieldArbitrary(field, version)])),
  );
}

/** What a message looks like once it was read: with the defaults of what its version lacks. */
export function withDefaults(shape: Shape, version: number, message: Message): Message {
  return Object.fromEntries(
    Object.entries(shape).map(([name, field]) => [
      name,
      isPresent(field, version)
        ? nestedDefaults(field, version, message[name])
        : (field.options.default ?? defaultOf(field)),
    ]),
  );
}

function nestedDefaults(field: AnyField, version: number, value: unknown): unknown {
  const { type } = field;
  if (value === null) return null;
  if (type.kind === "struct") return withDefaults(type.shape, version, value as Message);
  if (type.kind !== "array") return value;
  return (value as unknown[]).map((item) => nestedDefaults(type.element, version, item));
}

function defaultOf(field: AnyField): unknown {
  if (field.options.default === null) return null;
  switch (field.type.kind) {
    case "bool":
      return false;
    case "string":
      return "";
    case "array":
      return [];
    case "uuid":
      return "0".repeat(32);
    default:
      return 0;
  }
}

/** Every API in every version, for `test.each`. */
export const EVERY: readonly {
  readonly api: Api<ApiKey, Shape, Shape>;
  readonly name: string;
  readonly version: number;
}[] = APIS.flatMap((api) => {
  const { min, max } = api.versions;
  return Array.from({ length: max - min + 1 }, (_, i) => ({
    api,
    name: api.name,
    version: min + i,
  }));
});
