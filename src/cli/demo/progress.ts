/** Progress on stderr: bars on a terminal, a plain line at every quarter elsewhere. */
import { MultiBar, Presets } from "cli-progress";

export interface Progress {
  /** Counts of all tasks so far, by their names. */
  update(name: string, done: number): void;
  stop(): void;
}

export function showProgress(names: readonly string[], total: number): Progress {
  return process.stderr.isTTY ? bars(names, total) : lines(total);
}

function bars(names: readonly string[], total: number): Progress {
  const format = "{name} {bar} {value}/{total}";
  const all = new MultiBar({ format, hideCursor: true }, Presets.shades_classic);
  const width = Math.max(...names.map((name) => name.length));
  const bar = new Map(
    names.map((name) => [name, all.create(total, 0, { name: name.padEnd(width) })]),
  );
  return {
    update: (name, done) => bar.get(name)!.update(done),
    stop: () => all.stop(),
  };
}

function lines(total: number): Progress {
  const quarters = new Map<string, number>();
  return {
    update(name, done) {
      const quarter = Math.floor((4 * done) / total);
      if (quarter === (quarters.get(name) ?? 0)) return;
      quarters.set(name, quarter);
      process.stderr.write(`${name} ${done}/${total}\n`);
    },
    stop() {},
  };
}
