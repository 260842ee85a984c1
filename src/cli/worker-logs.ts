/** The logs of the runtime and the worker, on stderr: stdout is for the line that says the service is ready. */
import { stripVTControlCharacters } from "node:util";
import { Log, LogLevel, type WorkerdStructuredLog } from "miniflare";

export function printWorkerLog({ timestamp, level, message }: WorkerdStructuredLog): void {
  const time = new Date(timestamp).toISOString();
  process.stderr.write(`${time} ${level} ${stripVTControlCharacters(message).trimEnd()}\n`);
}

/** Miniflare's own messages: warnings and errors. */
export class StderrLog extends Log {
  constructor() {
    super(LogLevel.WARN);
  }

  protected override log(message: string): void {
    process.stderr.write(`${stripVTControlCharacters(message)}\n`);
  }
}
