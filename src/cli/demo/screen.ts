/** Where a scene is shown, on stderr: redrawn in place on a terminal, a line a second elsewhere. */
import { styleText } from "node:util";
import { sceneInOneLine, sceneLines, type Line, type Scene } from "./scene.ts";

export interface Screen {
  show(scene: Scene): void;
  /** Leaves what is there; nothing is shown afterwards. */
  stop(): void;
}

const LINE_EVERY_MS = 1_000;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

const HIDE_CURSOR = "\u001B[?25l";
const SHOW_CURSOR = "\u001B[?25h";
const TO_LINE_START = "\r";
const CLEAR_LINE = "\u001B[K";
const CLEAR_BELOW = "\u001B[J";
const up = (lines: number): string => (lines === 0 ? "" : `\u001B[${lines}A`);

export function openScreen(): Screen {
  return process.stderr.isTTY ? redrawn() : plain();
}

function redrawn(): Screen {
  const { stderr } = process;
  let drawn = 0;
  stderr.write(HIDE_CURSOR);
  return {
    show(scene) {
      const { columns = DEFAULT_COLUMNS, rows = DEFAULT_ROWS } = stderr;
      const lines = sceneLines(scene, columns, rows);
      const text = lines.map((line) => `${styled(line)}${CLEAR_LINE}\n`).join("");
      stderr.write(up(drawn) + TO_LINE_START + text + CLEAR_BELOW);
      drawn = lines.length;
    },
    stop: () => void stderr.write(SHOW_CURSOR),
  };
}

const TONES = { loud: "bold", quiet: "dim", bad: "red", good: "green" } as const;

function styled({ text, tone }: Line): string {
  return tone === undefined ? text : styleText(TONES[tone], text, { stream: process.stderr });
}

function plain(): Screen {
  let told = 0;
  let nextMs = 0;
  return {
    show(scene) {
      for (const event of scene.events.slice(told)) process.stderr.write(`${event}\n`);
      told = scene.events.length;
      if (scene.elapsedMs < nextMs) return;
      nextMs = (Math.floor(scene.elapsedMs / LINE_EVERY_MS) + 1) * LINE_EVERY_MS;
      process.stderr.write(`${sceneInOneLine(scene)}\n`);
    },
    stop() {},
  };
}
