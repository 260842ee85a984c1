/** The list of groups: registered groups are listed, and delayed requests change nothing. */
import { describe, expect, test } from "vitest";
import { applyChangeSet } from "../../../src/objects/controller/image/apply.ts";
import { emptyImage, type ClusterImage } from "../../../src/objects/controller/image/cluster.ts";
import {
  decideRegisterGroup,
  decideUnregisterGroup,
  listGroups,
} from "../../../src/objects/controller/groups.ts";

function registered(...groups: readonly (readonly [string, number])[]): ClusterImage {
  const image = emptyImage();
  for (const [groupId, sinceMs] of groups) {
    const decision = decideRegisterGroup(image, { groupId, sinceMs });
    if (!decision.ok) throw new Error(decision.message);
    applyChangeSet(image, { atMs: 0, changes: decision.changes });
  }
  return image;
}

describe("the list of groups", () => {
  test("is in order, in pages, and says how many there are", () => {
    const image = registered(["b", 1], ["ä/ö", 1], ["a", 1], ["c", 1]);
    expect(listGroups(image, "", 2)).toMatchObject({
      ok: true,
      hasMore: true,
      groupIds: ["a", "b"],
      total: 4,
    });
    expect(listGroups(image, "b", 9)).toMatchObject({
      ok: true,
      hasMore: false,
      groupIds: ["c", "ä/ö"],
      total: 4,
    });
  });

  test("records nothing for a group that is registered already", () => {
    const image = registered(["a", 5]);
    expect(decideRegisterGroup(image, { groupId: "a", sinceMs: 5 })).toEqual({
      ok: true,
      changes: [],
    });
  });

  test("keeps a group that began again when its former end comes late", () => {
    const image = registered(["a", 5], ["a", 9]);
    expect(decideUnregisterGroup(image, { groupId: "a", sinceMs: 5 }).changes).toEqual([]);
    expect(decideUnregisterGroup(image, { groupId: "a", sinceMs: 9 }).changes).toHaveLength(1);
  });

  test("has ids that are empty or long, as far as all of them together stay within the bound", () => {
    const long = (n: number) => `${n}-`.padEnd(32_767, "x");
    const { image, refused } = Array.from({ length: 800 }, (_, n) => long(n)).reduce(
      (so, groupId) => {
        const decision = decideRegisterGroup(so.image, { groupId, sinceMs: 1 });
        if (!decision.ok) return { ...so, refused: decision.error };
        so.image.groups.set(groupId, 1);
        return so;
      },
      { image: registered(["", 1]), refused: "" },
    );
    expect(refused).toBe("GROUP_MAX_SIZE_REACHED");
    expect(image.groups.size).toBe(1 + Math.floor(25_000_000 / 32_767));
    const page = listGroups(image, "", 1_000);
    expect(page.hasMore).toBe(true);
    expect(page.groupIds.join("").length).toBeLessThan(4_000_000);
  });

  test.for(["x".repeat(32_768), "ä".repeat(16_384), "\ud800"])("refuses the id %j", (groupId) => {
    expect(decideRegisterGroup(emptyImage(), { groupId, sinceMs: 1 })).toMatchObject({
      ok: false,
      error: "INVALID_GROUP_ID",
    });
  });
});
