/** The list of groups: what is registered is listed, and what comes late changes nothing. */
import { describe, expect, test } from "vitest";
import { applyChangeSet } from "../../../src/objects/controller/apply.ts";
import { emptyImage, type ClusterImage } from "../../../src/objects/controller/cluster.ts";
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
    expect(listGroups(image, "", 2)).toEqual({ ok: true, groupIds: ["a", "b"], total: 4 });
    expect(listGroups(image, "b", 9)).toEqual({ ok: true, groupIds: ["c", "ä/ö"], total: 4 });
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

  test.for(["", "x".repeat(256), "\ud800"])("refuses the id %j", (groupId) => {
    expect(decideRegisterGroup(emptyImage(), { groupId, sinceMs: 1 })).toMatchObject({
      ok: false,
      error: "INVALID_GROUP_ID",
    });
  });
});
