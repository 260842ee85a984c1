/** What a demo has to say, in whole lines: what came out on stdout, what is wrong on stderr. */

const PROBLEMS_SHOWN = 20;

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printProblems(problems: readonly string[]): void {
  for (const problem of problems.slice(0, PROBLEMS_SHOWN)) process.stderr.write(`${problem}\n`);
  const more = problems.length - PROBLEMS_SHOWN;
  if (more > 0) process.stderr.write(`… and ${more} more.\n`);
}
