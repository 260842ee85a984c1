/** Proves that the error table is one a client can rely on, and says of each error what api.md says. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import {
  assert,
  ERRORS,
  InvariantBroken,
  refuse,
  type ErrorName,
} from "../../../src/base/errors.ts";
import { CLUSTER_ERRORS } from "../../../src/base/errors/cluster.ts";
import { GROUP_ERRORS } from "../../../src/base/errors/groups.ts";
import { MISSING_ERRORS } from "../../../src/base/errors/missing.ts";
import { PRODUCER_ERRORS } from "../../../src/base/errors/producers.ts";
import { REQUEST_ERRORS } from "../../../src/base/errors/requests.ts";

const rows = Object.entries(ERRORS).map(([name, row]) => ({ name, ...row }));

/** HTTP status of each REST code: the API's contract with its callers. */
const CONTRACT: Readonly<Record<number, number>> = {
  400: 400,
  404: 404,
  405: 405,
  408: 408,
  413: 413,
  415: 415,
  40001: 400,
  40002: 400,
  40101: 401,
  40301: 403,
  40302: 403,
  40401: 404,
  40402: 404,
  40403: 404,
  40404: 404,
  40405: 404,
  40601: 406,
  40901: 409,
  40902: 409,
  40903: 409,
  40904: 409,
  40905: 409,
  40906: 409,
  40907: 409,
  41001: 410,
  41601: 416,
  42204: 422,
  42206: 422,
  42207: 422,
  42208: 422,
  42901: 429,
  50002: 500,
  50003: 500,
  50302: 503,
};

describe("the error table", () => {
  test("has no error in two of its parts", () => {
    const parts = [REQUEST_ERRORS, PRODUCER_ERRORS, MISSING_ERRORS, GROUP_ERRORS, CLUSTER_ERRORS];
    const names = parts.flatMap((part) => Object.keys(part));
    expect(names.toSorted()).toEqual(rows.map(({ name }) => name).toSorted());
  });

  test.for(rows)("$name has a status and a code of the contract", ({ http, rest }) => {
    expect(CONTRACT[rest]).toBe(http);
  });

  test.for(rows)("$name explains itself in a sentence", ({ text }) => {
    expect(text).toMatch(/^[A-Z].*\.$/);
  });

  test("calls retriable only what may pass by itself: no status below 500 but a stopped body, no leader, a rebalance and 429", () => {
    const odd = rows.filter(
      ({ http, rest, retriable }) =>
        retriable !==
        (http >= 500 || http === 408 || rest === 42901 || rest === 40404 || rest === 40905),
    );
    expect(odd).toEqual([]);
  });

  test("gives Kafka's own codes to Kafka's own names", () => {
    // From org.apache.kafka.common.protocol.Errors.
    const kafka: Partial<Record<ErrorName, number>> = {
      UNKNOWN_SERVER_ERROR: -1,
      OFFSET_OUT_OF_RANGE: 1,
      CORRUPT_MESSAGE: 2,
      UNKNOWN_TOPIC_OR_PARTITION: 3,
      LEADER_NOT_AVAILABLE: 5,
      NOT_LEADER_OR_FOLLOWER: 6,
      REQUEST_TIMED_OUT: 7,
      MESSAGE_TOO_LARGE: 10,
      OFFSET_METADATA_TOO_LARGE: 12,
      COORDINATOR_NOT_AVAILABLE: 15,
      NOT_COORDINATOR: 16,
      INVALID_TOPIC_EXCEPTION: 17,
      NOT_ENOUGH_REPLICAS: 19,
      INVALID_REQUIRED_ACKS: 21,
      ILLEGAL_GENERATION: 22,
      INCONSISTENT_GROUP_PROTOCOL: 23,
      INVALID_GROUP_ID: 24,
      UNKNOWN_MEMBER_ID: 25,
      INVALID_SESSION_TIMEOUT: 26,
      REBALANCE_IN_PROGRESS: 27,
      CLUSTER_AUTHORIZATION_FAILED: 31,
      INVALID_TIMESTAMP: 32,
      UNSUPPORTED_SASL_MECHANISM: 33,
      ILLEGAL_SASL_STATE: 34,
      UNSUPPORTED_VERSION: 35,
      TOPIC_ALREADY_EXISTS: 36,
      INVALID_PARTITIONS: 37,
      INVALID_REPLICATION_FACTOR: 38,
      INVALID_REPLICA_ASSIGNMENT: 39,
      INVALID_CONFIG: 40,
      INVALID_REQUEST: 42,
      UNSUPPORTED_FOR_MESSAGE_FORMAT: 43,
      OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
      INVALID_PRODUCER_EPOCH: 47,
      KAFKA_STORAGE_ERROR: 56,
      SASL_AUTHENTICATION_FAILED: 58,
      UNKNOWN_PRODUCER_ID: 59,
      NON_EMPTY_GROUP: 68,
      GROUP_ID_NOT_FOUND: 69,
      FETCH_SESSION_ID_NOT_FOUND: 70,
      INVALID_FETCH_SESSION_EPOCH: 71,
      FENCED_LEADER_EPOCH: 74,
      UNKNOWN_LEADER_EPOCH: 75,
      UNSUPPORTED_COMPRESSION_TYPE: 76,
      MEMBER_ID_REQUIRED: 79,
      GROUP_MAX_SIZE_REACHED: 81,
      FENCED_INSTANCE_ID: 82,
      GROUP_SUBSCRIBED_TO_TOPIC: 86,
      INVALID_RECORD: 87,
      THROTTLING_QUOTA_EXCEEDED: 89,
      UNKNOWN_TOPIC_ID: 100,
      INCONSISTENT_TOPIC_ID: 103,
      FETCH_SESSION_TOPIC_ID_ERROR: 106,
      REBOOTSTRAP_REQUIRED: 129,
    };
    for (const [name, code] of Object.entries(kafka)) {
      expect([name, ERRORS[name as ErrorName].kafka]).toEqual([name, code]);
    }
  });

  test("stands whole in the reference page", () => {
    const page = readFileSync(resolve(import.meta.dirname, "../../../docs/errors.md"), "utf8");
    for (const { name, http, rest } of rows) {
      expect(page).toContain(`| ${http} | ${rest} | \`${name}\` |`);
    }
  });
});

test("a refusal carries the table's text unless told more exactly", () => {
  expect(refuse("UNKNOWN_TOPIC")).toEqual({
    ok: false,
    error: "UNKNOWN_TOPIC",
    message: "The topic does not exist.",
  });
  expect(refuse("UNKNOWN_TOPIC", "No orders.").message).toBe("No orders.");
});

test("a broken assumption throws, a kept one does not", () => {
  expect(() => assert(rows.length > 0, "order")).not.toThrow();
  expect(() => assert(rows.length === 0, "order")).toThrow(new InvariantBroken("order"));
});
