/** Proves that misspelt options and variables are recognized, with the one that was meant, and others left alone. */
import { describe, expect, test } from "vitest";
import { readArguments } from "../../../src/cli/arguments.ts";
import { misspeltVariables } from "../../../src/cli/environment.ts";

const options = {
  port: { type: "string" },
  "lose-a-broker": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

describe("options", () => {
  test.for([
    [["--prot", "1"], "There is no option --prot; did you mean --port?"],
    [["--prot=1"], "There is no option --prot; did you mean --port?"],
    [["--loose-a-broker"], "There is no option --loose-a-broker; did you mean --lose-a-broker?"],
    [["--verbose"], "There is no option --verbose"],
    [["-x"], "There is no option -x"],
  ] as const)("%j", ([args, problem]) => {
    expect(readArguments({ args: [...args], options })).toEqual({ ok: false, problem });
  });

  test("a value that is missing is told in a sentence", () => {
    const read = readArguments({ args: ["--port"], options });
    expect(read.ok ? "" : read.problem).toMatch(/^Option '--port .*\.$/s);
  });

  test("legal ones are read", () => {
    expect(readArguments({ args: ["--port", "1", "-h"], options })).toMatchObject({
      ok: true,
      values: { port: "1", help: true },
    });
  });
});

describe("variables", () => {
  test.for([
    ["AUTO_CREATE_TOPIC_ENABLE", "AUTO_CREATE_TOPICS_ENABLE"],
    ["API_KEY", "API_KEYS"],
    ["DATADIR", "DATA_DIR"],
    ["KAFKA_PROT", "KAFKA_PORT"],
  ])("%s is a slip of %s", ([name, meant]) => {
    const [line] = misspeltVariables({ [name!]: "1" });
    expect(line).toBe(`Warning: ${name} is no setting of this service; did you mean ${meant}?`);
  });

  test("those of other programs are left alone", () => {
    const env = { HOME: "/", PATH: "/bin", HOSTNAME: "x", PWD: "/", LANG: "C", NODE_ENV: "test" };
    expect(misspeltVariables(env)).toEqual([]);
  });

  test("a slip beside the right one is left alone, and so is an empty one", () => {
    expect(misspeltVariables({ API_KEY: "1", API_KEYS: "2" })).toEqual([]);
    expect(misspeltVariables({ API_KEY: "" })).toEqual([]);
  });
});
