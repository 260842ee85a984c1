/** How a command ends that cannot start. */

/** Prints the problem on stderr, and ends the process with exit code 1. */
export function fail(problem: string): never {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
