/** What a worker's start may cost: the modules that the entry imports statically, which are compiled and evaluated then. */

interface Module {
  readonly path: string;
  readonly contents: string;
}

/** Bytes of minified JavaScript. As one module, everything took 1,149,000. */
export const START_BYTES_MAX = 380_000;

/** The entry and what it imports, directly or not, but for `import()`. */
export function modulesAtStart<M extends Module>(modules: readonly M[], entry: string): M[] {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const found = new Set<M>();
  const visit = (path: string): void => {
    const module = byPath.get(path);
    if (module === undefined || found.has(module)) return;
    found.add(module);
    // esbuild writes `import{a as b}from"./x.js"`, `import"./x.js"` and `export{a}from"./x.js"`.
    for (const [, imported] of module.contents.matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g)) {
      visit(imported!);
    }
  };
  visit(entry);
  return [...found];
}

export function bytesOf(modules: readonly Module[]): number {
  return modules.reduce((sum, { contents }) => sum + Buffer.byteLength(contents), 0);
}
