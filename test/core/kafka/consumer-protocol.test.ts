/** The consumer protocol: against its definition byte by byte, against kafkajs, and round trips. */

import fc from "fast-check";
import { expect, test } from "vitest";

import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type ConsumerAssignment,
  type ConsumerProtocolVersion,
  type ConsumerSubscription,
} from "../../../src/kafka/messages/consumer-protocol.ts";
import { kafkajs } from "../records/support.ts";
import { hex, unhex } from "./support.ts";

const { MemberMetadata, MemberAssignment } = kafkajs<{
  MemberMetadata: {
    encode(metadata: object): Buffer;
    decode(bytes: Buffer): { version: number; topics: string[]; userData: Buffer };
  };
  MemberAssignment: {
    encode(assignment: object): Buffer;
    decode(bytes: Buffer): { assignment: Record<string, number[]>; userData: Buffer } | null;
  };
}>("consumer/assignerProtocol");

const VERSIONS: readonly ConsumerProtocolVersion[] = [0, 1, 2, 3];
const version = fc.constantFrom(...VERSIONS);
const int32 = fc.integer({ min: -2_147_483_648, max: 2_147_483_647 });
const name = fc.string({ unit: "grapheme", maxLength: 12 });
const userData = fc.option(fc.uint8Array({ maxLength: 2_000 }), { nil: null });
const topicPartitions = fc.array(
  fc.record({ topic: name, partitions: fc.array(int32, { maxLength: 8 }) }),
  { maxLength: 6 },
);
const subscriptions: fc.Arbitrary<ConsumerSubscription> = fc.record({
  topics: fc.array(name, { maxLength: 6 }),
  userData,
  ownedPartitions: topicPartitions,
  generationId: int32,
  rackId: fc.option(name, { nil: null }),
});
const assignments: fc.Arbitrary<ConsumerAssignment> = fc.record({
  partitions: topicPartitions,
  userData,
});

test("a subscription comes back, but for what its version does not have", () => {
  fc.assert(
    fc.property(subscriptions, version, (subscription, v) => {
      expect(decodeSubscription(encodeSubscription(subscription, v))).toEqual({
        ...subscription,
        ownedPartitions: v >= 1 ? subscription.ownedPartitions : [],
        generationId: v >= 2 ? subscription.generationId : -1,
        rackId: v >= 3 ? subscription.rackId : null,
      });
    }),
    { numRuns: 500 },
  );
});

test("an assignment comes back in every version", () => {
  fc.assert(
    fc.property(assignments, version, (assignment, v) => {
      expect(decodeAssignment(encodeAssignment(assignment, v))).toEqual(assignment);
    }),
    { numRuns: 500 },
  );
});

test("a subscription's bytes, version by version", () => {
  const subscription: ConsumerSubscription = {
    topics: ["ab"],
    userData: Uint8Array.of(9),
    ownedPartitions: [{ topic: "c", partitions: [1, 2] }],
    generationId: 5,
    rackId: "r",
  };
  const topics = "00000001 00026162 0000000109";
  const owned = "00000001 000163 00000002 00000001 00000002";
  expect(encodeSubscription(subscription, 0)).toEqual(unhex("0000" + topics));
  expect(encodeSubscription(subscription, 1)).toEqual(unhex("0001" + topics + owned));
  expect(encodeSubscription(subscription, 2)).toEqual(unhex("0002" + topics + owned + "00000005"));
  const latest = topics + owned + "00000005 000172";
  expect(encodeSubscription(subscription)).toEqual(unhex("0003" + latest));
  // What a later version appends is not looked at.
  expect(decodeSubscription(unhex("0007" + latest + "ffff"))).toEqual(subscription);
});

test("an assignment's bytes", () => {
  const assignment = { partitions: [{ topic: "c", partitions: [7] }], userData: null };
  const bytes = "0003 00000001 000163 00000001 00000007 ffffffff";
  expect(encodeAssignment(assignment)).toEqual(unhex(bytes));
  expect(decodeAssignment(unhex(bytes))).toEqual(assignment);
});

test("no bytes are an empty assignment, and no subscription", () => {
  expect(decodeAssignment(new Uint8Array(0))).toEqual({ partitions: [], userData: null });
  expect(decodeSubscription(new Uint8Array(0))).toBeNull();
});

test("fields that the bytes end before have their defaults", () => {
  const missing = { ownedPartitions: [], generationId: -1, rackId: null };
  const short = decodeSubscription(unhex("0003 00000001 00026162 ffffffff"));
  expect(short).toEqual({ topics: ["ab"], userData: null, ...missing });
  expect(decodeAssignment(unhex("0000 00000000"))).toEqual({ partitions: [], userData: null });
});

test("kafkajs reads ours and we read kafkajs", () => {
  const data = Buffer.from([1, 2, 3]);
  const metadata = MemberMetadata.encode({ version: 1, topics: ["t", "ü"], userData: data });
  const read = decodeSubscription(metadata);
  expect(read?.topics).toEqual(["t", "ü"]);
  expect(hex(read!.userData!)).toBe("010203");
  const ours = MemberMetadata.decode(Buffer.from(encodeSubscription(read!)));
  expect(ours).toEqual({ version: 3, topics: ["t", "ü"], userData: data });

  const assigned = MemberAssignment.encode({
    version: 0,
    assignment: { t: [0, 2] },
    userData: data,
  });
  const assignment = decodeAssignment(assigned);
  expect(assignment?.partitions).toEqual([{ topic: "t", partitions: [0, 2] }]);
  const theirs = MemberAssignment.decode(Buffer.from(encodeAssignment(assignment!)));
  expect(theirs?.assignment).toEqual({ t: [0, 2] });
});

test("random, truncated and mutated bytes are null or a value, and never more than they hold", () => {
  const probe = (bytes: Uint8Array): void => {
    const subscription = decodeSubscription(bytes);
    expect(subscription?.topics.length ?? 0).toBeLessThanOrEqual(bytes.length / 2);
    const assignment = decodeAssignment(bytes);
    expect(assignment?.partitions.length ?? 0).toBeLessThanOrEqual(bytes.length / 6);
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), probe), { numRuns: 2000 });
  fc.assert(
    fc.property(subscriptions, assignments, fc.nat(), fc.nat(255), (s, a, at, byte) => {
      for (const bytes of [encodeSubscription(s), encodeAssignment(a)]) {
        probe(bytes.subarray(0, at % bytes.length));
        bytes[at % bytes.length] = byte;
        probe(bytes);
      }
    }),
    { numRuns: 1000 },
  );
});

test("a count or a length without the bytes for it is refused before anything is made of it", () => {
  expect(decodeAssignment(unhex("0003 7fffffff"))).toBeNull();
  expect(decodeAssignment(unhex("0003 00000001 000163 7fffffff"))).toBeNull();
  expect(decodeAssignment(unhex("0003 00000000 7fffffff"))).toBeNull();
  expect(decodeSubscription(unhex("0003 7fffffff 00".repeat(50)))).toBeNull();
  expect(decodeSubscription(unhex("ffff 00000000 ffffffff"))).toBeNull();
});
