/**
 * Proves what the screen shows while a broker is lost: who leads, who is in sync, what has changed; and that it fits.
 */
import { describe, expect, test } from "vitest";
import type { Partition } from "../../../src/cli/demo/cluster.ts";
import {
  changesBetween,
  sceneInOneLine,
  sceneLines,
  sparkline,
  type Scene,
} from "../../../src/cli/demo/scene.ts";

const partition = (id: number, leader: number, inSync: readonly number[]): Partition => ({
  partition: id,
  leader,
  leaderEpoch: 4,
  replicas: [1, 2, 3],
  inSync,
  endOffset: 1_234,
});

const SCENE: Scene = {
  elapsedMs: 5_250,
  totalMs: 16_000,
  acknowledged: [1_000, 500],
  rates: [
    [100, 200],
    [100, 50],
  ],
  retries: 7,
  brokers: [
    { brokerId: 1, rack: "weur", state: "fenced" },
    { brokerId: 2, rack: "enam", state: "active" },
  ],
  partitions: [partition(0, 2, [2, 3]), partition(1, -1, [1, 2, 3])],
  events: ["first", "second", "third"],
};

describe("a sparkline", () => {
  test("shows the newest values against the largest of all", () => {
    expect(sparkline([8, 4, 0, 8], 4)).toBe("█▅▁█");
    expect(sparkline([16, 0, 8], 2)).toBe("▁▅");
  });

  test("of nothing at all is flat", () => {
    expect(sparkline([0, 0], 8)).toBe("▁▁");
  });
});

describe("a scene", () => {
  test("shows rate, leaders, and who is missing from the in-sync sets", () => {
    const lines = sceneLines(SCENE, 100, 40);
    const text = lines.map((line) => line.text).join("\n");
    expect(lines[0]!.text).toBe(
      "5.3 of 16 s: 250 records/s, 1,500 acknowledged, 7 requests repeated",
    );
    expect(text).toMatch(/broker 1 \(weur\) +fenced +leads 0/);
    expect(text).toMatch(/broker 2 \(enam\) +active +leads 1 ●/);
    expect(text).toMatch(/^ +0 +2 +4 +\(1\) 2 3 +1,234 +▅█$/m);
    expect(text).toMatch(/^ +1 +none +4 +1 2 3 +1,234/m);
    expect(text.endsWith("first\nsecond\nthird")).toBe(true);
  });

  test("never takes more rows or columns than there are, and lets the oldest events go", () => {
    const all = sceneLines(SCENE, 100, 40).length;
    for (let rows = 2; rows <= all; rows += 1) {
      const lines = sceneLines(SCENE, 20, rows);
      expect(lines.length).toBeLessThan(rows);
      expect(Math.max(...lines.map(({ text }) => text.length))).toBeLessThan(20);
    }
    const texts = sceneLines(SCENE, 100, all).map(({ text }) => text);
    expect(texts).not.toContain("first");
    expect(texts).toContain("third");
  });

  test("in one line", () => {
    expect(sceneInOneLine(SCENE)).toMatch(/; leaders 2 -; epochs 4 4; in sync 2 3$/);
  });
});

describe("what has changed", () => {
  test("is told once for all partitions that it happened to", () => {
    const before = [partition(0, 1, [1, 2, 3]), partition(1, 1, [1, 2]), partition(2, 3, [3])];
    const now = [partition(0, 2, [2, 3]), partition(1, 2, [2, 3]), partition(2, 3, [3])];
    expect(changesBetween(before, now)).toEqual([
      "Leaders move: partition 0 from 1 to 2, 1 from 1 to 2.",
      "Broker 1 leaves the in-sync set of partitions 0, 1.",
      "Broker 3 joins the in-sync set of partition 1.",
    ]);
  });

  test("is nothing where all is as it was", () => {
    expect(changesBetween(SCENE.partitions, SCENE.partitions)).toEqual([]);
  });
});
