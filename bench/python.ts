/** Debian's Python, which has Debian's packages; another one on the path may not have them. */
import { execFileSync } from "node:child_process";

export const PYTHON = "/usr/bin/python3";

/** Null where the package is installed; else what is missing. */
export function missingPackage(name: string): string | null {
  try {
    execFileSync(PYTHON, ["-c", `import ${name}`], { stdio: "ignore" });
    return null;
  } catch {
    return `${PYTHON} has no package ${name}`;
  }
}
