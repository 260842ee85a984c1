/** Pages of lists: where one begins, how long it is, and the link to the next one. */
import { wholeText } from "../text-schemas.ts";
import type { Refusal } from "../../base/errors.ts";
import { queryWhole } from "../params.ts";
import type { Ctx } from "../route.ts";

/** How many entries a page has: where nothing is asked, and at most. */
export interface PageSizes {
  readonly usual: number;
  readonly max: number;
}

export interface Page {
  readonly ok: true;
  /** Entries passed over. */
  readonly start: number;
  readonly limit: number;
}

/** The query's `limit`, within the bounds. INVALID_REQUEST. */
export function limitOf(c: Ctx, { usual, max }: PageSizes): number | Refusal {
  const limit = queryWhole(c, "limit", usual);
  return typeof limit === "object" ? limit : Math.min(Math.max(limit, 1), max);
}

/** The query's `start` and `limit`. INVALID_REQUEST. */
export function pageOf(c: Ctx, sizes: PageSizes): Page | Refusal {
  const start = queryWhole(c, "start", 0);
  if (typeof start === "object") return start;
  const limit = limitOf(c, sizes);
  return typeof limit === "object" ? limit : { ok: true, start, limit };
}

/** The entries of the page. */
export function entriesOf<T>({ start, limit }: Page, all: readonly T[]): readonly T[] {
  return all.slice(start, start + limit);
}

/** The URL of the next page of so many entries, null after the last; `more` are parameters that stay the same. */
export function nextOf(
  self: string,
  { start, limit }: Page,
  total: number,
  more: Readonly<Record<string, string>> = {},
): string | null {
  const next = start + limit;
  if (next >= total) return null;
  const query = new URLSearchParams({ ...more, start: String(next), limit: String(limit) });
  return `${self}?${query}`;
}

/** How the description shows `limit`. */
export const limitParameter = (what: string, { usual, max }: PageSizes) =>
  wholeText.optional().describe(`${what} of a page: ${usual} where it is absent, at most ${max}.`);

/** How the description shows `start` and `limit`. */
export const pageParameters = (what: string, sizes: PageSizes) => ({
  start: wholeText.optional().describe(`${what} that are passed over; 0 where it is absent.`),
  limit: limitParameter(what, sizes),
});
