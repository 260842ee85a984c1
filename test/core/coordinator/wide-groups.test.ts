/**
 * Groups with very many topics: they join and are assigned, within a bound for each member and one for the group, and
 * none of their rows is larger than the platform allows.
 */
import { describe, expect, test } from "vitest";
import { GROUP_METADATA_BYTES_MAX, MEMBER_METADATA_BYTES_MAX } from "../../../src/base/limits.ts";
import {
  encodeAssignment,
  encodeSubscription,
} from "../../../src/kafka/messages/consumer-protocol.ts";
import { GroupHarness } from "../../support/group.ts";

/** The platform refuses larger rows; the local runtime does not. */
const ROW_BYTES_MAX = 2_000_000;
const TOPICS = Array.from({ length: 1_000 }, (_, i) => `${"t".repeat(80)}-${i}`.padEnd(85, "x"));
/** {@link GROUP_PARTITIONS_MAX} of them. */
const PARTITIONS = TOPICS.map((topic) => ({
  topic,
  partitions: Array.from({ length: 20 }, (_, i) => i),
}));

const says = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    name: `assignor-${i}`,
    metadata: encodeSubscription({
      ...{ topics: TOPICS, userData: null, ownedPartitions: PARTITIONS },
      ...{ generationId: 1, rackId: null },
    }),
  }));

const ofBytes = (bytes: number) => ({
  protocols: [{ name: "range", metadata: new Uint8Array(bytes - "range".length) }],
});

function largestRow(h: GroupHarness): number {
  const sizes = ["change AS text FROM changes", "image AS text FROM snapshot"].flatMap((columns) =>
    h.storage.all<{ text: string }>(`SELECT ${columns}`).map(({ text }) => Buffer.byteLength(text)),
  );
  return Math.max(...sizes);
}

describe("wide groups", () => {
  test("1,000 topics of long names and all partitions that a member may have, under three protocols", async () => {
    const h = new GroupHarness();
    const joined = await h.outcome(h.join("", { protocols: says(3) }));
    if (joined === "waiting" || !joined.ok) throw new Error(JSON.stringify(joined));
    const { memberId, generationId } = joined;
    const assignment = encodeAssignment({ partitions: PARTITIONS, userData: null });
    const synced = await h.group.syncGroup({
      ...{ memberId, generationId, groupInstanceId: null, protocolType: null, protocolName: null },
      assignments: [{ memberId, assignment }],
    });
    expect(synced).toMatchObject({ ok: true, assignment });
    h.restart();
    const { members } = await h.group.describeGroup();
    expect(members[0]!.partitions).toHaveLength(20_000);
    const beat = { memberId, generationId, groupInstanceId: null };
    for (let beats = 0; beats < 3; beats++) expect((await h.group.heartbeat(beat)).ok).toBe(true);
    expect(largestRow(h)).toBeLessThan(ROW_BYTES_MAX);
  });

  test("what a member says is bounded, and so is what all of them say", async () => {
    const h = new GroupHarness();
    const more = await h.outcome(h.join("", ofBytes(MEMBER_METADATA_BYTES_MAX + 1)));
    expect(more).toMatchObject({ error: "INVALID_REQUEST" });
    const members = GROUP_METADATA_BYTES_MAX / MEMBER_METADATA_BYTES_MAX;
    const joins = Array.from({ length: members }, () =>
      h.join("", ofBytes(MEMBER_METADATA_BYTES_MAX)),
    );
    const first = await h.outcome(joins[0]!);
    if (first === "waiting" || !first.ok) throw new Error(JSON.stringify(first));
    expect(await h.outcome(h.join("", ofBytes(10)))).toMatchObject({
      error: "GROUP_MAX_SIZE_REACHED",
    });
    // The present members can join again: none is counted twice.
    void h.join(first.memberId, ofBytes(MEMBER_METADATA_BYTES_MAX));
    await h.settle();
    const { members: all, generationId } = await h.group.describeGroup();
    expect([all.length, generationId]).toEqual([members, 2]);
    expect(largestRow(h)).toBeLessThan(ROW_BYTES_MAX);
  });
});
