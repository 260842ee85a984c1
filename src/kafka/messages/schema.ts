/**
 * The vocabulary in which messages are described, and the TypeScript types that follow from it. A message is a
 * schema: its fields by name, in the order in which they are written. A field says in which versions it exists, from
 * which version on it may be null, its default, and its tag if it is a tagged field (KIP-482), as Kafka's own message
 * definitions do. Encoding and decoding are in `codec.ts`.
 */

export interface FieldOptions<Default> {
  /** The first and the last version that has the field; without: all versions. */
  readonly since?: number;
  readonly until?: number;
  /** The first version in which it may be null; without: none. */
  readonly nullable?: number;
  /**
   * Its value where a version does not have it, and where a writer leaves it out. Without a default: 0, false or
   * empty, and a writer has to give it unless `until` is set.
   */
  readonly default?: Default | null;
  /** Sent as a tagged field, and not at all while it has its default. */
  readonly tag?: number;
}

export type ScalarKind =
  | "bool"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uuid"
  | "string"
  | "bytes"
  | "records";

export type FieldType =
  | { readonly kind: Exclude<ScalarKind, "int64"> }
  | { readonly kind: "int64"; readonly isWide: boolean }
  | { readonly kind: "array"; readonly element: AnyField }
  | { readonly kind: "struct"; readonly shape: Shape };

export interface Field<Read, Write, Optional extends boolean> {
  readonly type: FieldType;
  readonly options: FieldOptions<unknown>;
  /** Exists in the types only; never set. */
  readonly "~types"?: { readonly read: Read; readonly write: Write; readonly optional: Optional };
}

export type AnyField = Field<unknown, unknown, boolean>;
export type Shape = Readonly<Record<string, AnyField>>;

type Types<F extends AnyField> = NonNullable<F["~types"]>;
type OptionalKeys<S extends Shape> = {
  [K in keyof S]: Types<S[K]>["optional"] extends true ? K : never;
}[keyof S];
type Flat<T> = { [K in keyof T]: T[K] };

/** A decoded message: every field, whatever the version. */
export type ReadShape<S extends Shape> = { readonly [K in keyof S]: Types<S[K]>["read"] };

/** A message to encode: fields that have a default, or that later versions dropped, may be left out. */
export type WriteShape<S extends Shape> = Flat<
  { readonly [K in Exclude<keyof S, OptionalKeys<S>>]: Types<S[K]>["write"] } & {
    readonly [K in OptionalKeys<S>]?: Types<S[K]>["write"] | undefined;
  }
>;

type OrNull<T, O> = O extends { readonly nullable: number } ? T | null : T;
type MayMiss<O> = O extends { readonly default: unknown }
  ? true
  : O extends { readonly until: number }
    ? true
    : false;
type FieldOf<Read, Write, O> = Field<OrNull<Read, O>, OrNull<Write, O>, MayMiss<O>>;

type ScalarBuilder<Read, Write, Default> = <const O extends FieldOptions<Default>>(
  options?: O,
) => FieldOf<Read, Write, O>;

const builder = <Read, Write = Read, Default = Read>(
  type: FieldType,
): ScalarBuilder<Read, Write, Default> => {
  return (options) => ({ type, options: options ?? {} });
};

const scalar = <Read, Write = Read, Default = Read>(
  kind: Exclude<ScalarKind, "int64">,
): ScalarBuilder<Read, Write, Default> => builder({ kind });

export const bool = scalar<boolean>("bool");
export const int8 = scalar<number>("int8");
export const int16 = scalar<number>("int16");
export const int32 = scalar<number>("int32");
/** Offsets, ids and timestamps that the service assigns: safe integers; others are malformed. */
export const int64 = builder<number>({ kind: "int64", isWide: false });
/** The same where a client chooses them: all 64 bits, as a bigint beyond the safe integers. */
export const wideInt64 = builder<number | bigint>({ kind: "int64", isWide: true });
/** A topic's id: 32 lower-case hexadecimal digits. */
export const uuid = scalar<string>("uuid");
export const string = scalar<string>("string");
/** Decoded as a view of the message's bytes. */
export const bytes = scalar<Uint8Array, Uint8Array, never>("bytes");
/** Record batches: as {@link bytes}, and what is written may come in parts. */
export const records = scalar<Uint8Array, Uint8Array | readonly Uint8Array[], never>("records");

export function array<R, W, B extends boolean, const O extends FieldOptions<readonly never[]>>(
  element: Field<R, W, B>,
  options?: O,
): FieldOf<readonly R[], readonly W[], O> {
  return { type: { kind: "array", element }, options: options ?? {} };
}

/** A group of fields: the elements of an array, or a field that may be null as a whole. */
export function struct<S extends Shape, const O extends FieldOptions<never>>(
  shape: S,
  options?: O,
): FieldOf<ReadShape<S>, WriteShape<S>, O> {
  return { type: { kind: "struct", shape }, options: options ?? {} };
}

/** One API: its request, its answer, and the versions that are served. */
export interface Api<K extends number, Q extends Shape, A extends Shape> {
  readonly key: K;
  readonly name: string;
  /** What ApiVersions advertises, both inclusive. */
  readonly versions: { readonly min: number; readonly max: number };
  /**
   * The lowest version that is really served. Lower ones are advertised for clients that draw wrong conclusions from
   * their absence; they can be decoded, and are answered with an error.
   */
  readonly minServed: number;
  /** The first version in the compact encoding with tagged fields; Infinity: none. */
  readonly flexibleFrom: number;
  readonly request: Q;
  readonly response: A;
}

export function defineApi<const K extends number, Q extends Shape, A extends Shape>(definition: {
  readonly key: K;
  readonly name: string;
  readonly versions: readonly [min: number, max: number];
  readonly minServed?: number;
  readonly flexibleFrom?: number;
  readonly request: Q;
  readonly response: A;
}): Api<K, Q, A> {
  const [min, max] = definition.versions;
  return {
    ...definition,
    versions: { min, max },
    minServed: definition.minServed ?? min,
    flexibleFrom: definition.flexibleFrom ?? Number.POSITIVE_INFINITY,
  };
}
