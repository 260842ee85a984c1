/** Switches rules off while the source is loaded; the source itself knows nothing of mutants. */
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { MUTANTS } from "./mutant-table.ts";
import { changedSources, SOURCES } from "./rules.ts";
import type { Mutant } from "./mutant.ts";

export function mutantNamed(name: string): Mutant {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (!mutant) throw new Error(`no mutant is called ${name}`);
  return mutant;
}

/** The sources that the mutant changes, by file path. */
export function mutatedFiles(name: string): ReadonlyMap<string, string> {
  const mutated = new Map<string, string>();
  for (const [file, source] of changedSources(mutantNamed(name).off)) {
    mutated.set(fileURLToPath(new URL(file, SOURCES)), source);
  }
  return mutated;
}

/** From here on this process loads the source as the mutant changes it. */
export function applyMutant(name: string): void {
  const mutated = new Map(
    [...mutatedFiles(name)].map(([path, source]) => [pathToFileURL(path).href, source]),
  );
  registerHooks({
    load(url, context, nextLoad) {
      const source = mutated.get(url);
      if (source === undefined) return nextLoad(url, context);
      return { format: "module-typescript", source, shortCircuit: true };
    },
  });
}
