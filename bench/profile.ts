/**
 * Profiles a runtime through its inspector while something runs, and sums the time up by function. Time spent outside
 * of JavaScript (SQLite, copying, HTTP) counts as `(program)`.
 */
import { once } from "node:events";

const TOP = 30;
const SAMPLING_US = 200;

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly scriptId: string;
      readonly url: string;
      /** From 0. */
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
}

/** Runs `work` under the profiler of each isolate of the runtime; returns a readable list. */
export async function profiled<T>(
  inspectorUrl: string,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly text: string }> {
  const targets = (await (await fetch(new URL("/json", inspectorUrl))).json()) as {
    id: string;
    webSocketDebuggerUrl: string;
  }[];
  const user = targets.find(({ id }) => id.startsWith("core:user:"))!;
  const inspector = await connect(user.webSocketDebuggerUrl);
  await inspector.send("Profiler.enable");
  await inspector.send("Profiler.setSamplingInterval", { interval: SAMPLING_US });
  await inspector.send("Profiler.start");
  const result = await work();
  const { profile } = (await inspector.send("Profiler.stop")) as { profile: Profile };
  const lines = await sourceLines(inspector, profile);
  inspector.close();
  return { result, text: topFunctions(profile, lines) };
}

/** The lines of the bundled worker, by script id. */
async function sourceLines(inspector: Inspector, profile: Profile): Promise<Map<string, string[]>> {
  await inspector.send("Debugger.enable");
  const lines = new Map<string, string[]>();
  for (const { callFrame } of profile.nodes) {
    const { scriptId, url } = callFrame;
    if (url === "" || lines.has(scriptId)) continue;
    const source = await inspector.send("Debugger.getScriptSource", { scriptId });
    lines.set(scriptId, (source as { scriptSource?: string }).scriptSource?.split("\n") ?? []);
  }
  return lines;
}

function topFunctions(profile: Profile, lines: ReadonlyMap<string, readonly string[]>): string {
  const named = new Map(
    profile.nodes.map(({ id, callFrame }) => [
      id,
      nameOf(callFrame, lines.get(callFrame.scriptId)),
    ]),
  );
  const samples = new Map<string, number>();
  const busy = profile.samples.filter((id) => named.get(id) !== "(idle)");
  for (const id of busy) samples.set(named.get(id)!, (samples.get(named.get(id)!) ?? 0) + 1);
  return [...samples]
    .sort(([, a], [, b]) => b - a)
    .slice(0, TOP)
    .map(([name, count]) => `${((count / busy.length) * 100).toFixed(1).padStart(5)} %  ${name}`)
    .join("\n");
}

/** A function by its source file, as esbuild notes it in the bundle, and by its first line. */
function nameOf(
  { functionName, lineNumber }: Profile["nodes"][number]["callFrame"],
  lines: readonly string[] = [],
): string {
  const file = lines.slice(0, lineNumber).findLast((line) => /^\/\/ \S+\.\w+$/.test(line));
  const line = lines[lineNumber];
  if (file === undefined || line === undefined) return functionName || "(native)";
  return `${file.slice(3)}  ${line.trim().slice(0, 80)}`;
}

interface Inspector {
  send(method: string, params?: object): Promise<unknown>;
  close(): void;
}

async function connect(url: string): Promise<Inspector> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(data as string) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  await once(socket, "open");
  let last = 0;
  return {
    send(method, params = {}) {
      const id = (last += 1);
      const answered = new Promise<unknown>((answer) => waiting.set(id, answer));
      socket.send(JSON.stringify({ id, method, params }));
      return answered;
    },
    close: () => socket.close(),
  };
}
