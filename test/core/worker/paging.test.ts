/** Pages of lists: bounded, whatever is asked for, and linked until the last. */
import { expect, test } from "vitest";
import { entriesOf, limitOf, nextOf, pageOf } from "../../../src/worker/admin/paging.ts";
import type { Ctx } from "../../../src/worker/route.ts";

const SIZES = { usual: 10, max: 100 };

const asking = (query: Readonly<Record<string, string>>): Ctx =>
  ({ req: { query: (name: string) => query[name] } }) as unknown as Ctx;

test("a page never has more entries than its list allows, nor fewer than one", () => {
  expect(limitOf(asking({}), SIZES)).toBe(10);
  expect(limitOf(asking({ limit: "7" }), SIZES)).toBe(7);
  expect(limitOf(asking({ limit: "2000" }), SIZES)).toBe(100);
  expect(limitOf(asking({ limit: "0" }), SIZES)).toBe(1);
});

test("what is no whole number is refused", () => {
  for (const query of [{ limit: "x" }, { start: "-1" }, { start: "1e3" }, { limit: "" }]) {
    expect(pageOf(asking(query), SIZES)).toMatchObject({ error: "INVALID_REQUEST" });
  }
});

test("the links lead through all entries once", () => {
  const all = Array.from({ length: 25 }, (_, i) => i);
  const seen: number[] = [];
  let query: Record<string, string> = { limit: "10" };
  for (let next: string | null = ""; next !== null;) {
    const page = pageOf(asking(query), SIZES);
    if (!page.ok) throw new Error(page.message);
    seen.push(...entriesOf(page, all));
    next = nextOf("http://list", page, all.length, { offsets: "true" });
    query = Object.fromEntries(new URL(next ?? "http://list").searchParams);
    if (next !== null) expect(query["offsets"]).toBe("true");
  }
  expect(seen).toEqual(all);
});
