/** Media types of the v2 routes of consumer instances: of the answers, and of the records that a poll asks for. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { json, V2_JSON } from "../answers.ts";
import { preferredType } from "../media-types.ts";
import type { Ctx, Outcome } from "../route.ts";
import { RECORD_FORMATS } from "../json/record-json.ts";
import type { RecordsFormat } from "../../objects/contracts/instances.ts";

const GENERIC = ["application/json", V2_JSON] as const;

const embeddedType = (format: RecordsFormat): string => `application/vnd.kafka.${format}.v2+json`;

export const RECORD_TYPES: readonly string[] = [...GENERIC, ...RECORD_FORMATS.map(embeddedType)];

/** A JSON answer in the media type that the caller accepts. NOT_ACCEPTABLE. */
export function answerV2(c: Ctx, value: unknown, status = 200): Outcome {
  const type = preferredType(acceptOf(c), [...GENERIC, "application/vnd.kafka+json"]);
  return type === null ? refuse("NOT_ACCEPTABLE") : json(value, status, type);
}

export function acceptOf(c: Ctx): string | null {
  return c.req.raw.headers.get("accept");
}

/**
 * The one format of records that the caller accepts; null where it accepts several, or leaves the
 * choice to the instance (`application/json`). NOT_ACCEPTABLE where it accepts none.
 */
export function formatAsked(accept: string | null): RecordsFormat | null | Refusal {
  if (preferredType(accept, GENERIC) !== null) return null;
  const formats = RECORD_FORMATS.filter((format) => isAccepted(accept, embeddedType(format)));
  if (formats.length === 0) return refuse("NOT_ACCEPTABLE");
  return formats.length === 1 ? formats[0]! : null;
}

/** The media type of an answer with records of this format. NOT_ACCEPTABLE. */
export function recordsType(accept: string | null, format: RecordsFormat): string | Refusal {
  const type = preferredType(accept, [...GENERIC, embeddedType(format)]);
  return type ?? refuse("NOT_ACCEPTABLE", `The instance reads records of the format ${format}.`);
}

function isAccepted(accept: string | null, type: string): boolean {
  return preferredType(accept, [type]) !== null;
}
