/** Notices that npm, when npm started this process, is gone: a service that nobody can end must not stay. */

const LOOK_MS = 500;

/** Calls `gone` once when the process that launched this one through `npm run` has ended. */
export function watchLauncher(gone: () => void): void {
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
