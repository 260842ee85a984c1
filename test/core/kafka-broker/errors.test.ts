/** Proves that clients get only codes that they handle, and that they repeat what may be repeated. */
import { describe, expect, test } from "vitest";
import { ERRORS, refuse, type ErrorName, type Refusal } from "../../../src/base/errors.ts";
import {
  codeOfDeleteRecords,
  codeOfFetch,
  codeOfGroup,
  codeOfListOffsets,
  codeOfProduce,
  codeOfRefusal,
} from "../../../src/kafka/errors.ts";

const NAMES = Object.keys(ERRORS) as ErrorName[];
const unanswered = (error: ErrorName): Refusal =>
  ({ ...refuse(error), unanswered: true }) as Refusal;

/** Codes of a produce that kafkajs, librdkafka and the Java client all retry. */
const REPEATED_PRODUCE = [6, 7, 19, 20, 56];

/** What the Java consumer accepts as an error of a fetched partition (FetchCollector). */
const KNOWN_FETCH = [-1, 1, 2, 3, 6, 9, 56, 74, 75, 78, 100, 103];

describe("produce", () => {
  test.each(["REQUEST_TIMED_OUT", "KAFKA_STORAGE_ERROR", "UNKNOWN_SERVER_ERROR"] as const)(
    "a call that was not answered is repeated: %s",
    (error) => {
      expect(REPEATED_PRODUCE).toContain(codeOfProduce(unanswered(error)));
    },
  );

  test.each([
    "THROTTLING_QUOTA_EXCEEDED",
    "LEADER_NOT_AVAILABLE",
    "NOT_LEADER_OR_FOLLOWER",
    "NOT_ENOUGH_REPLICAS",
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
    "REPLICA_NOT_AVAILABLE",
  ] as const)("what passes is repeated: %s", (error) => {
    expect(REPEATED_PRODUCE).toContain(codeOfProduce(refuse(error)));
  });

  test.each([
    ["MESSAGE_TOO_LARGE", 10],
    ["OUT_OF_ORDER_SEQUENCE_NUMBER", 45],
    ["INVALID_PRODUCER_EPOCH", 47],
    ["UNKNOWN_PRODUCER_ID", 59],
    ["CORRUPT_MESSAGE", 2],
    ["INVALID_RECORD", 87],
    ["UNKNOWN_PARTITION", 3],
    ["UNSUPPORTED_FOR_MESSAGE_FORMAT", 43],
  ] as const)("%s is told as it is", (error, code) => {
    expect(codeOfProduce(refuse(error))).toBe(code);
  });
});

test("a producer is not told that a repeat was not written where that is not known", () => {
  const written = { ...refuse("NOT_LEADER_OR_FOLLOWER"), written: true } as const;
  for (const refusal of [refuse("THROTTLING_QUOTA_EXCEEDED"), written]) {
    expect(codeOfProduce(refusal)).toBe(7);
  }
});

test("the end of a log that is not known yet is told as each version knows it (KIP-207)", () => {
  const unknown = refuse("OFFSET_NOT_AVAILABLE");
  expect([1, 4, 5, 10].map((version) => codeOfListOffsets(unknown, version))).toEqual([
    5, 5, 78, 78,
  ]);
  expect(codeOfDeleteRecords(unknown)).toBe(5);
});

test("a fetch is answered with nothing that would break the Java consumer", () => {
  for (const name of NAMES) expect(KNOWN_FETCH).toContain(codeOfFetch(refuse(name)));
});

test("a group that does not answer is looked for again", () => {
  for (const error of [
    "REQUEST_TIMED_OUT",
    "KAFKA_STORAGE_ERROR",
    "UNKNOWN_SERVER_ERROR",
  ] as const) {
    expect(codeOfGroup(unanswered(error))).toBe(15);
  }
  expect(codeOfGroup(refuse("REBALANCE_IN_PROGRESS"))).toBe(27);
});

test("administration is told the table's codes", () => {
  for (const name of NAMES) expect(codeOfRefusal(refuse(name))).toBe(ERRORS[name].kafka);
});
