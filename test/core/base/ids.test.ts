/** Proves that names of objects and topics are read exactly, and that no text makes a parser throw. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  parseReplicaObjectName,
  parseWhole,
  replicaObjectName,
  topicNameProblem,
} from "../../../src/base/ids.ts";

const replicaName = fc.record({
  topicId: fc.string({
    unit: fc.constantFrom(..."0123456789abcdef"),
    minLength: 32,
    maxLength: 32,
  }),
  partition: fc.nat(),
  brokerId: fc.nat(),
  generation: fc.nat(),
});

describe("a replica's object name", () => {
  test("comes back as it went in", () => {
    fc.assert(
      fc.property(replicaName, (name) => {
        expect(parseReplicaObjectName(replicaObjectName(name))).toEqual(name);
      }),
    );
  });

  test("is nothing else", () => {
    const id = "0123456789abcdef0123456789abcdef";
    for (const text of [
      "",
      id,
      `${id}/0/1`,
      `${id}/0/1/2/3`,
      `${id}/-1/0/0`,
      `${id.toUpperCase()}/0/1/2`,
      ` ${id}/0/1/2`,
    ]) {
      expect(parseReplicaObjectName(text)).toBeNull();
    }
  });
});

describe("a topic name", () => {
  test.for(["a", "orders.v2_eu-west", "A".repeat(249), "...", "__consumer_offsets"])(
    "%s is legal",
    (name) => {
      expect(topicNameProblem(name)).toBeNull();
    },
  );

  test.for(["", ".", "..", "A".repeat(250), "a b", "a/b", "ö", "a\n", "話題"])(
    "%j is not",
    (name) => {
      expect(topicNameProblem(name)).toMatch(/^A topic name .*\.$/);
    },
  );
});

describe("a whole number", () => {
  test("is read exactly up to 2^53 - 1", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (n) => {
        expect(parseWhole(String(n))).toBe(n);
      }),
    );
    expect(parseWhole("9007199254740991")).toBe(Number.MAX_SAFE_INTEGER);
  });

  test.for([
    "",
    "-1",
    "+1",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "0x1",
    "9007199254740992",
    "99999999999999999999",
    "١",
  ])("is not read from %j", (text) => {
    expect(parseWhole(text)).toBeNull();
  });
});
