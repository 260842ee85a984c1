/** Proves the rules for every file: size, names, opening comments, nothing left unfinished. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const LINES_MAX = 350;
/** How a longer file says why, in its opening comment. */
const REASON = /\blonger than\b/i;

/** Files under version control, and those that are about to be. */
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)));

const read = (file: string): string => readFileSync(join(root, file), "utf8");
const sources = files.filter((file) => /^src\/.*\.tsx?$/.test(file));
const code = files.filter((file) => /^(src|test|bench|scripts)\/.*\.(ts|tsx|js|mjs)$/.test(file));
const texts = files.filter((file) => !/\.(png|ico|jpe?g|gif|woff2?|bin|gz)$/.test(file));

/** `file:line` of every line that matches. */
function linesWith(pattern: RegExp, among: readonly string[]): string[] {
  return among.flatMap((file) =>
    read(file)
      .split("\n")
      .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1} ${line.trim()}`] : [])),
  );
}

// Each is spelled so that it does not match itself.
const UNFINISHED = /\b(T[O]DO|F[I]XME|X[X]X)\b|not [i]mplemented/;
const SINGLED_OUT = /\b(it|test|describe|bench|suite)\.(on[l]y|sk[i]p|to[d]o)\b/;
const MACHINE_PATH = /[\s"'(`=]\/(w[o]rk|r[o]ot|h[o]me|U[s]ers)\//;
const DOWNLOAD_ADDRESS = /"resolved": *"http/;

describe("the house", () => {
  test("sees the files it judges", () => {
    expect(sources).toContain("src/base/errors.ts");
    expect(code).toContain("test/core/house/tidy.test.ts");
  });

  test(`has no source file over ${LINES_MAX} lines that does not say why`, () => {
    const long = sources.filter((file) => {
      const text = read(file);
      const opening = text.slice(0, text.indexOf("\nimport "));
      return text.split("\n").length > LINES_MAX + 1 && !REASON.test(opening);
    });
    expect(long).toEqual([]);
  });

  test("opens every source file with a comment that says what it is for", () => {
    const mute = sources.filter((file) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(read(file)));
    expect(mute).toEqual([]);
  });

  test("names files in kebab-case", () => {
    const odd = code.filter((file) => {
      const name = file.slice(file.lastIndexOf("/") + 1);
      return !/^(\d\d_)?[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|d))?\.(ts|tsx|js|mjs)$/.test(name);
    });
    expect(odd).toEqual([]);
  });

  test("switches no test off and singles none out", () => {
    expect(linesWith(SINGLED_OUT, code)).toEqual([]);
  });

  test("leaves nothing unfinished behind", () => {
    expect(linesWith(UNFINISHED, code)).toEqual([]);
  });

  test("names no path of a developer's machine", () => {
    expect(linesWith(MACHINE_PATH, texts)).toEqual([]);
  });

  test("names no download address in the lock file", () => {
    expect(linesWith(DOWNLOAD_ADDRESS, ["package-lock.json"])).toEqual([]);
  });
});
