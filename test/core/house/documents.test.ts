/** Proves that the documents name only what is in the tree: paths, files, commands and links. */
import { globSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] as const;

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const found = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map((match) => match[1]!)),
];

const tree = globSync(["*", ".ci/*", "{src,test,bench,scripts,docs}/**"], { cwd: root });
const paths = new Set(tree.map((path) => path.replaceAll("\\", "/")));
const names = new Set(tree.map((path) => basename(path)));
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

describe.for(DOCUMENTS)("%s", (document) => {
  const text = read(document);

  test("names only paths that exist", () => {
    const named = found(text, /\b((?:src|test|bench|scripts|docs)\/[\w./-]*\w)/g);
    const exact = named.filter((path) => !path.includes("*"));
    expect(exact.filter((path) => !paths.has(path))).toEqual([]);
  });

  test("names only source files that exist", () => {
    expect(found(text, /([\w-][\w.-]*\.ts)\b/g).filter((name) => !names.has(name))).toEqual([]);
  });

  test("names only commands that exist", () => {
    const commands = found(text, /npm run ([\w:-]*\w)/g);
    expect(commands.filter((command) => scripts[command] === undefined)).toEqual([]);
  });

  test("links only to files that exist", () => {
    const links = found(text, /\]\((?!https?:)([^)#]+)/g);
    expect(links.filter((link) => !paths.has(link))).toEqual([]);
  });
});

test("the tree of ARCHITECTURE.md leaves out no folder of src", () => {
  const drawn = read("ARCHITECTURE.md").split("## The tree")[1]!.split("\n## ")[0]!;
  const folders = globSync("src/**/", { cwd: root })
    .map((folder) => basename(folder))
    .filter((folder) => folder !== "src" && folder !== "");
  expect(folders.length).toBeGreaterThan(5);
  expect(folders.filter((folder) => !drawn.includes(`${folder}/`))).toEqual([]);
});

test("every task of ARCHITECTURE.md's “Where is …?” names a file that exists", () => {
  const section = read("ARCHITECTURE.md").split("## Where is …?")[1]!.split("\n## ")[0]!;
  const tasks = section.split("\n").filter((line) => /^\| (?!Task|-)/.test(line));
  expect(tasks.length).toBeGreaterThanOrEqual(10);
  for (const task of tasks) {
    const files = found(task, /`((?:src|test|scripts)\/[^`]+\.ts)`/g);
    expect([task, files.length > 0]).toEqual([task, true]);
    expect([task, files.filter((file) => !paths.has(file))]).toEqual([task, []]);
  }
});
