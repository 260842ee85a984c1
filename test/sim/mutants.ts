/**
 * Rules switched off, one each, to see that the simulator notices: a snippet of a source file is
 * replaced as the file is loaded, so that the rules themselves know nothing of it. A snippet that is
 * not there exactly once is an error: the table has to keep up with the rules.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { MUTANTS, type Mutant } from "./mutant-table.ts";

const SOURCES = new URL("../../src/", import.meta.url);

export function mutantNamed(name: string): Mutant {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (!mutant) throw new Error(`no mutant is called ${name}`);
  return mutant;
}

/** The mutated source of its file. */
function mutate({ name, file, find, replace }: Mutant): string {
  const source = readFileSync(new URL(file, SOURCES), "utf8");
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new Error(`mutant ${name}: its snippet is ${parts.length - 1} times in ${file}`);
  }
  return parts.join(replace);
}

/** From here on the file is loaded as the mutant has it. */
export function applyMutant(name: string): void {
  const mutant = mutantNamed(name);
  const source = mutate(mutant);
  const { href } = new URL(mutant.file, SOURCES);
  registerHooks({
    load(url, context, nextLoad) {
      if (url !== href) return nextLoad(url, context);
      return { format: "module-typescript", source, shortCircuit: true };
    },
  });
}
