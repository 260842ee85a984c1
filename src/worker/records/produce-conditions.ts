/** The conditions of an append, and the fencing token that it sets: their headers, where they are understood. */
import { refuse, type Refusal } from "../../base/errors.ts";
import { parseWhole } from "../../base/ids.ts";
import { FENCING_TOKEN_BYTES_MAX } from "../../base/limits.ts";
import type { FencingCondition } from "../../objects/contracts/partition.ts";

/** As an append takes them; absent where the request has none. */
export interface Conditions {
  /** The records are written only where the log ends there. */
  readonly expectedOffset?: number;
  readonly fencing?: FencingCondition;
}

const NONE: Conditions = {};

const ONE_PARTITION =
  "understood where all records of a request go to one partition or none does: POST …/partitions/{partition_id}/records:batch.";
const OFFSET_RULE = `Expected-Offset is a whole number, and is ${ONE_PARTITION}`;
const TOKEN_RULE = `Fencing-Token and New-Fencing-Token are ${ONE_PARTITION}`;

/** Visible ASCII; nothing stands for no token. */
const TOKEN = new RegExp(`^[\\x21-\\x7e]{0,${FENCING_TOKEN_BYTES_MAX}}$`);

/** @param isUnderstood whether the route takes conditions */
export function conditionsOf(headers: Headers, isUnderstood: boolean): Conditions | Refusal {
  const offset = headers.get("expected-offset");
  const expected = headers.get("fencing-token");
  const next = headers.get("new-fencing-token");
  if (offset === null && expected === null && next === null) return NONE;
  const expectedOffset = offset === null ? null : parseWhole(offset);
  if (offset !== null && (expectedOffset === null || !isUnderstood)) {
    return refuse("INVALID_REQUEST", OFFSET_RULE);
  }
  if (!isUnderstood) return refuse("INVALID_REQUEST", TOKEN_RULE);
  for (const [name, token] of [
    ["Fencing-Token", expected],
    ["New-Fencing-Token", next],
  ] as const) {
    if (token === null || TOKEN.test(token)) continue;
    const text = `${name} has at most ${FENCING_TOKEN_BYTES_MAX} characters of visible ASCII, or is empty for no token.`;
    return refuse("INVALID_FENCING_TOKEN", text);
  }
  const isFenced = expected !== null || next !== null;
  return {
    ...(expectedOffset !== null && { expectedOffset }),
    ...(isFenced && {
      fencing: { ...(expected !== null && { expected }), ...(next !== null && { next }) },
    }),
  };
}
