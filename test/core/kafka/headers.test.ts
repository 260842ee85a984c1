/** What requests begin with: known and unknown APIs, tagged fields, what is malformed. */

import { expect, test } from "vitest";

import { decodeRequest, decodeRequestHeader } from "../../../src/kafka/messages/index.ts";
import { unhex } from "./support.ts";

test("an unknown API, or version of one, is told by its header and has no body", () => {
  const unknown = decodeRequestHeader(unhex("03e7 0000 00000007 00026d65 ffffff"));
  const about = { correlationId: 7, clientId: "me", body: null };
  expect(unknown).toEqual({ apiKey: 999, apiVersion: 0, ...about });
  // A client newer than this: answered in version 0, so the header must do.
  const newer = decodeRequestHeader(unhex("0012 0063 00000007 00026d65 ff"));
  expect(newer).toEqual({ apiKey: 18, apiVersion: 99, ...about });
  const older = decodeRequestHeader(unhex("0001 0003 00000007 00026d65 00"));
  expect(older).toEqual({ apiKey: 1, apiVersion: 3, ...about });
});

test("a client need not name itself", () => {
  expect(decodeRequestHeader(unhex("0012 0000 00000007 ffff"))?.clientId).toBeNull();
});

test("tagged fields of the header and of the body are skipped where nothing is known of them", () => {
  const header = decodeRequestHeader(
    unhex("0012 0003 00000007 00026d65 01 05 02 aabb 0261 0262 00"),
  );
  const plain = {
    clientSoftwareName: "a",
    clientSoftwareVersion: "b",
    clusterId: null,
    nodeId: -1,
  };
  expect(decodeRequest(18, 3, header!.body!)).toEqual(plain);
  expect(decodeRequest(18, 3, unhex("0261 0262 02 00 01 ff 8001 00"))).toEqual(plain);
});

test("tagged fields must lie within the message, and a known one fills its size", () => {
  expect(decodeRequestHeader(unhex("0012 0003 00000007 00026d65 01 05 09 aabb"))).toBeNull();
  expect(decodeRequestHeader(unhex("0012 0003 00000007 00026d65 ffffffff0f"))).toBeNull();
  const fetch = "ffffffff 00000000 00000000 00000000 00 00000000 ffffffff 01 01 01";
  expect(decodeRequest(1, 12, unhex(`${fetch} 01 00 02 0263`))?.clusterId).toBe("c");
  expect(decodeRequest(1, 12, unhex(`${fetch} 01 00 03 0263 00`))).toBeNull();
  expect(decodeRequest(1, 12, unhex(`${fetch} 01 00 01 0263`))).toBeNull();
});

test("malformed headers", () => {
  for (const text of [
    "",
    "0012",
    "0012 0000 0000",
    "0012 0000 00000007",
    "0012 0000 00000007 0005",
  ]) {
    expect(decodeRequestHeader(unhex(text)), text).toBeNull();
  }
  expect(decodeRequestHeader(unhex("0012 0000 00000007 fffe")), "a length of -2").toBeNull();
  expect(decodeRequestHeader(unhex("0012 0000 00000007 0001 ff")), "not UTF-8").toBeNull();
});

test("null where a version does not allow it", () => {
  expect(decodeRequest(3, 0, unhex("ffffffff"))).toBeNull();
  expect(decodeRequest(3, 1, unhex("ffffffff"))?.topics).toBeNull();
});

test("a number beyond 2^53 - 1 that a client has chosen is a bigint", () => {
  const deletion = (offset: string): Uint8Array =>
    unhex(`00000001 000174 00000001 00000000 ${offset} 00000000`);
  const read = decodeRequest(21, 0, deletion("001fffffffffffff"));
  expect(read?.topics[0]?.partitions[0]?.offset).toBe(Number.MAX_SAFE_INTEGER);
  const beyond = decodeRequest(21, 0, deletion("0020000000000000"));
  expect(beyond?.topics[0]?.partitions[0]?.offset).toBe(2n ** 53n);
});

test("bytes behind a request are not looked at, as in Kafka", () => {
  expect(decodeRequest(3, 1, unhex("ffffffff 0102"))).toEqual({
    topics: null,
    allowAutoTopicCreation: true,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  });
});

test("a version that is not spoken is not read", () => {
  expect(decodeRequest(3, 14, unhex("01 00 00 00"))).toBeNull();
});
