/** Every rule that src names is switched off by a mutant, and every mutant names rules of src. */
import { expect, test } from "vitest";
import { MUTANTS } from "./mutant-table.ts";
import { allRules, changedSources } from "./rules.ts";

test("each rule that src names has a mutant, and each mutant its rules", () => {
  const named = [...allRules().keys()].toSorted();
  const switchedOff = new Set(MUTANTS.flatMap(({ off }) => Object.keys(off)));
  expect([...switchedOff].toSorted()).toEqual(named);
});

test("mutants have names of their own", () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});

test("each mutant is noticed by a seed or by a test", () => {
  const odd = MUTANTS.filter(
    ({ seed, test: directed }) => (seed === undefined) !== (directed !== undefined),
  );
  expect(odd.map(({ name }) => name)).toEqual([]);
});

test("no two mutants make the same source", () => {
  const made = MUTANTS.map(({ off }) => JSON.stringify([...changedSources(off)]));
  expect(new Set(made).size).toBe(MUTANTS.length);
});

test("a rule that is not in src is an error", () => {
  expect(() => changedSources({ "of-no-source": { without: true } })).toThrow("no rule of src");
});

test("a change that does not fit the statement is an error", () => {
  const [rule] = Object.entries(MUTANTS.flatMap(({ off }) => Object.entries(off))).find(
    ([, [, change]]) => "value" in change,
  )!;
  const [name] = MUTANTS.flatMap(({ off }) => Object.entries(off))[Number(rule)]!;
  expect(() => changedSources({ [name]: { condition: "true" } })).toThrow("no such part");
});
