/** Rules switched off, as a process loads the source: the rules themselves know nothing of it. */
import { registerHooks } from "node:module";
import { MUTANTS, type Mutant } from "./mutant-table.ts";
import { changedSources, SOURCES } from "./rules.ts";

export function mutantNamed(name: string): Mutant {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (!mutant) throw new Error(`no mutant is called ${name}`);
  return mutant;
}

/** From here on its files are loaded as the mutant has them. */
export function applyMutant(name: string): void {
  const changed = new Map<string, string>();
  for (const [file, source] of changedSources(mutantNamed(name).off)) {
    changed.set(new URL(file, SOURCES).href, source);
  }
  registerHooks({
    load(url, context, nextLoad) {
      const source = changed.get(url);
      if (source === undefined) return nextLoad(url, context);
      return { format: "module-typescript", source, shortCircuit: true };
    },
  });
}
