/**
 * Decides when a long-running command ends: at SIGTERM and SIGINT, and, where npm started it, when npm has ended, so
 * that no service stays behind that nobody can end.
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
  // npm sets it for its scripts only; a service that was started otherwise may outlive its shell.
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const launcher = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === launcher) return;
    clearInterval(timer);
    gone();
  }, LOOK_MS);
  timer.unref();
}
