/** JSON bodies of administration and of consumer instances: read, held to their schema, and refused by the error table. */
import * as z from "zod";
import { refuse, type ErrorName, type Refusal } from "../base/errors.ts";
import { didYouMean } from "../base/nearest-name.ts";
import { readBytes } from "./body.ts";
import { bareType } from "./media-types.ts";

/** Largest such body, in bytes. */
export const ADMIN_BODY_BYTES_MAX = 1_048_576;

/** Longest name of an unknown field that an answer repeats, in UTF-16 units. */
const SHOWN_LENGTH_MAX = 64;

/** What a route that reads a body may be refused with because of it. */
export const BODY_ERRORS: readonly ErrorName[] = [
  "INVALID_REQUEST",
  "UNSUPPORTED_MEDIA_TYPE",
  "MESSAGE_TOO_LARGE",
  "REQUEST_BODY_TIMED_OUT",
];

/** A JSON body in the shape that the schema asks for, wrapped so that any value can be told from a refusal. */
export type ReadJson<T> = { readonly ok: true; readonly value: T } | Refusal;

/**
 * Reads and validates a JSON body. Not for produce requests: a schema library is too slow for a thousand records.
 * `absent` is what an empty body stands for, where it may be empty. Errors: {@link BODY_ERRORS}.
 */
export async function readJson<S extends z.ZodType>(
  request: Request,
  schema: S,
  absent?: z.output<S>,
): Promise<ReadJson<z.output<S>>> {
  const type = bareType(request.headers.get("content-type"));
  if (type !== "" && type !== "application/json" && !type.endsWith("+json")) {
    return refuse("UNSUPPORTED_MEDIA_TYPE", "The body must be application/json.");
  }
  const bytes = await readBytes(request, ADMIN_BODY_BYTES_MAX);
  if (!(bytes instanceof Uint8Array)) return bytes;
  if (bytes.length === 0 && absent !== undefined) return { ok: true, value: absent };
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return refuse("INVALID_REQUEST", "The body is not JSON in UTF-8.");
  }
  const checked = schema.safeParse(parsed);
  if (checked.success) return { ok: true, value: checked.data };
  return refuse("INVALID_REQUEST", problemOf(checked.error, schema));
}

/** The first thing that is wrong, and where. An unknown field is named first: the others may follow from it. */
function problemOf({ issues }: z.ZodError, schema: z.ZodType): string {
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!;
  const where = issue.path.length === 0 ? "The body" : issue.path.join(".");
  // zod's texts do not repeat values.
  if (issue.code !== "unrecognized_keys") return `${where}: ${issue.message}`;
  const [written] = issue.keys;
  if (written!.length > SHOWN_LENGTH_MAX) return `${where} has a field that is not known.`;
  const hint = didYouMean(written!, fieldsAt(schema, issue.path));
  return `${where} has no field ${written}${hint === "" ? "." : hint}`;
}

/** The names of the fields that the schema has at a path. */
function fieldsAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  let at = unwrapped(schema);
  for (const step of path) {
    if (at instanceof z.ZodObject) at = unwrapped(at.shape[step as string]);
    else if (at instanceof z.ZodArray) at = unwrapped(at.element);
    else return [];
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  let at = schema;
  while (at instanceof z.ZodOptional || at instanceof z.ZodNullable) at = at.unwrap();
  return at;
}
