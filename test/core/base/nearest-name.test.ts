/** Proves that the name is found that was meant, and none where nothing is near. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CONFIG_NAMES, TOPIC_CONFIG_NAMES } from "../../../src/base/config.ts";
import { didYouMean, nearestName } from "../../../src/base/nearest-name.ts";

describe("the nearest name", () => {
  test.each([
    ["retention.mss", "retention.ms"],
    ["retention.sm", "retention.ms"],
    ["retenton.ms", "retention.ms"],
    ["retention_ms", "retention.ms"],
    ["Cleanup.Policy", "cleanup.policy"],
    ["min.insync.replica", "min.insync.replicas"],
    ["unclean.leader.election", "unclean.leader.election.enable"],
    ["compression.typ", "compression.type"],
    ["x", null],
    ["", null],
    ["something.else.altogether", null],
    ["r".repeat(100_000), null],
  ])("to %s is %s", (written, meant) => {
    expect(nearestName(written, TOPIC_CONFIG_NAMES)).toBe(meant);
  });

  test("is the name itself, and after one slip one that is no further away", () => {
    const slip = fc.tuple(
      fc.constantFrom(...CONFIG_NAMES),
      fc.nat(),
      fc.constantFrom("", "x", ".."),
    );
    fc.assert(
      fc.property(slip, ([name, n, by]) => {
        expect(nearestName(name, CONFIG_NAMES)).toBe(name);
        const at = n % name.length;
        const written = name.slice(0, at) + by + name.slice(at + 1);
        expect(nearestName(written, CONFIG_NAMES)).not.toBeNull();
      }),
    );
  });

  test("stands behind the refusal, or nothing does", () => {
    expect(didYouMean("retention.mss", TOPIC_CONFIG_NAMES)).toBe("; did you mean retention.ms?");
    expect(didYouMean("y", TOPIC_CONFIG_NAMES)).toBe("");
  });
});
