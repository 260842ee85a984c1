/**
 * Prints `N passed, N failed` from reports of vitest's JSON reporter: of all of them together, over all their projects.
 * A test file that could not even be loaded has no tests to count and counts as one failure; so does
 * a report that says failure without naming one, and a run that proved nothing.
 */
import { readFileSync } from "node:fs";

interface Report {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

function totals(path: string): { passed: number; failed: number } {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(path, "utf8")) as Report;
  } catch {
    return { passed: 0, failed: 1 };
  }
  const passed = report.numPassedTests;
  const unloadable = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  );
  const failed = report.numFailedTests + unloadable.length;
  const isSound = report.success && passed > 0;
  return { passed, failed: failed === 0 && !isSound ? 1 : failed };
}

const reports = process.argv.slice(2).map(totals);
const passed = reports.reduce((sum, one) => sum + one.passed, 0);
// Without a report nothing was proved.
const failed = reports.length === 0 ? 1 : reports.reduce((sum, one) => sum + one.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
