/**
 * When a command that goes on by itself is to end: at SIGTERM and SIGINT, and when npm, where npm started it, is
 * gone: a service that nobody can end must not stay.
 */

const LOOK_MS = 500;

/** Aborts once this process is asked to end. */
export function askedToEnd(): AbortSignal {
  const asked = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => asked.abort());
  watchLauncher(() => asked.abort());
  return asked.signal;
}

/** Calls `gone` once when the process that launched this one through `npm run` has ended. */
function watchLauncher(gone: () => void): void {
  // Set by npm for its scripts only; started otherwise, the service may well outlive its shell.
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const launcher = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === launcher) return;
    clearInterval(timer);
    gone();
  }, LOOK_MS);
  timer.unref();
}
