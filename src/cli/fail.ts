/** How a command ends that cannot begin. */

/** Says why on stderr, and ends the process with 1. */
export function fail(problem: string): never {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}
