/** Values of paths and queries, read by hand and refused by the table. */
import { refuse, type Refusal } from "../base/errors.ts";
import { parseWhole } from "../base/ids.ts";
import type { Ctx } from "./route.ts";

/** A parameter of the path, percent-decoded once. The route's pattern has made sure of it. */
export function pathText(c: Ctx, name: string): string {
  return c.req.param(name) ?? "";
}

/** The path's `{partition_id}`; -1, which no topic has, for what is no number. */
export function pathPartition(c: Ctx): number {
  return parseWhole(c.req.param("partition_id") ?? "") ?? -1;
}

/** The number of a path's `{name}:verb`; -1, which nothing has, for what is no number. */
export function pathBeforeVerb(c: Ctx, name: string): number {
  const text = pathText(c, name);
  return parseWhole(text.slice(0, text.lastIndexOf(":"))) ?? -1;
}

/** A whole number of the query, `absent` when it is not given. INVALID_REQUEST. */
export function queryWhole<D>(c: Ctx, name: string, absent: D): number | D | Refusal {
  const text = c.req.query(name);
  if (text === undefined) return absent;
  return (
    parseWhole(text) ?? refuse("INVALID_REQUEST", `The query's ${name} is not a whole number.`)
  );
}
