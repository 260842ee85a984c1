/**
 * Makes sure that the runtime does not outlive this process: killed with SIGKILL, this process cannot end its child,
 * and workerd does not notice by itself. A shell that holds the other end of a pipe does: when the pipe closes, for
 * whatever reason, it kills the last runtime it was told of.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { tracingChannel } from "node:diagnostics_channel";
import { once } from "node:events";

// The last line read is the runtime's process id, or empty when none runs.
const GUARD = 'while read -r line; do pid=$line; done; [ -z "$pid" ] || kill -9 "$pid"';

export interface RuntimeGuard {
  /** Ends the guard; to be called when the runtime has ended. */
  stop(): Promise<void>;
}

interface SpawnEvent {
  readonly process: ChildProcess;
}

/**
 * Guards every workerd that this process starts from now on (miniflare starts another when one crashes). `started` is
 * called for each before it has opened any data.
 */
export function guardRuntime(started: (pid: number) => void): RuntimeGuard {
  // Detached: the terminal sends an interrupt to the whole foreground group, and the guard must live until this
  // process has ended.
  const guard = spawn("sh", ["-c", GUARD], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  const tell = (pid: string): void => void guard.stdin.write(`${pid}\n`);
  const spawned = tracingChannel<"child_process.spawn", SpawnEvent>("child_process.spawn");
  const subscriber = {
    end({ process: child }: SpawnEvent): void {
      if (child.spawnargs[1] !== "serve") return;
      child.once("spawn", () => {
        tell(String(child.pid));
        started(child.pid!);
      });
      child.once("exit", () => tell(""));
    },
  };
  spawned.end.subscribe(subscriber.end as (message: unknown) => void);
  return {
    async stop() {
      spawned.end.unsubscribe(subscriber.end as (message: unknown) => void);
      guard.stdin.end();
      if (guard.exitCode === null && guard.signalCode === null) await once(guard, "exit");
    },
  };
}
