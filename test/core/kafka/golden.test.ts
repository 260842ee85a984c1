/** Messages written down byte by byte from the protocol's definition, plain and compact. */

import { describe, expect, test } from "vitest";

import {
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type ApiKey,
  type RequestToWrite,
  type Response,
} from "../../../src/kafka/messages/index.ts";
import { unhex, whole } from "./support.ts";

const CLIENT = { correlationId: 7, clientId: "me" };

function expectRequest<K extends ApiKey>(
  key: K,
  version: number,
  request: RequestToWrite<K>,
  text: string,
): void {
  const frame = unhex(text);
  expect(whole(encodeRequest(key, version, CLIENT, request))).toEqual(frame);
  const header = decodeRequestHeader(frame)!;
  expect(header).toMatchObject({ ...CLIENT, apiKey: key, apiVersion: version });
  expect(decodeRequest(key, version, header.body!)).toMatchObject(request);
}

function expectResponse<K extends ApiKey>(
  key: K,
  version: number,
  response: Response<K>,
  text: string,
): void {
  const frame = unhex(text);
  expect(whole(encodeResponse(key, version, 7, response))).toEqual(frame);
  const read = decodeResponse(key, version, frame);
  expect(read).toMatchObject({ correlationId: 7, response });
}

describe("ApiVersions", () => {
  const apiKeys = [{ apiKey: 18, minVersion: 0, maxVersion: 3 }];

  test("0, whose request is empty", () => {
    expectRequest(18, 0, {}, "0012 0000 00000007 00026d65");
    const answer = { errorCode: 35, apiKeys };
    expectResponse(18, 0, answer, "00000007 0023 00000001 0012 0000 0003");
  });

  test("3: the request has a flexible header, the answer has not", () => {
    const request = { clientSoftwareName: "lib", clientSoftwareVersion: "1" };
    expectRequest(18, 3, request, "0012 0003 00000007 00026d65 00  046c6962 0231 00");
    const answer = { errorCode: 0, apiKeys, throttleTimeMs: 0 };
    expectResponse(18, 3, answer, "00000007 0000 02 0012 0000 0003 00 00000000 00");
  });

  test("3: features are tagged fields, in the order of their tags", () => {
    const answer = {
      errorCode: 0,
      apiKeys: [],
      throttleTimeMs: 0,
      zkMigrationReady: true,
      finalizedFeaturesEpoch: 5,
      supportedFeatures: [{ name: "f", minVersion: 1, maxVersion: 2 }],
    };
    const features = "00 08 02 0266 0001 0002 00";
    const epoch = "01 08 0000000000000005";
    const ready = "03 01 01";
    expectResponse(18, 3, answer, `00000007 0000 01 00000000 03 ${features} ${epoch} ${ready}`);
  });
});

describe("Produce", () => {
  const records = Uint8Array.of(1, 2, 3);
  const topicData = [{ name: "t", partitionData: [{ index: 4, records }] }];

  test("3", () => {
    expectRequest(
      0,
      3,
      { transactionalId: null, acks: -1, timeoutMs: 1000, topicData },
      "0000 0003 00000007 00026d65" +
        "ffff ffff 000003e8 00000001 000174 00000001 00000004 00000003 010203",
    );
    const partition = { index: 4, errorCode: 0, baseOffset: 258, logAppendTimeMs: -1 };
    expectResponse(
      0,
      3,
      { responses: [{ name: "t", partitionResponses: [partition] }], throttleTimeMs: 0 },
      "00000007 00000001 000174 00000001 00000004 0000 0000000000000102 ffffffffffffffff 00000000",
    );
  });

  test("9", () => {
    expectRequest(
      0,
      9,
      { transactionalId: "x", acks: 1, timeoutMs: 1000, topicData },
      "0000 0009 00000007 00026d65 00" +
        "0278 0001 000003e8 02 0274 02 00000004 04 010203 00 00 00",
    );
    const partition = {
      index: 4,
      errorCode: 87,
      baseOffset: -1,
      logAppendTimeMs: -1,
      logStartOffset: 0,
      recordErrors: [{ batchIndex: 2, batchIndexErrorMessage: null }],
      errorMessage: "no",
    };
    expectResponse(
      0,
      9,
      { responses: [{ name: "t", partitionResponses: [partition] }], throttleTimeMs: 1 },
      "00000007 00 02 0274 02 00000004 0057 ffffffffffffffff ffffffffffffffff 0000000000000000" +
        "02 00000002 00 00  036e6f 00 00 00000001 00",
    );
  });
});

describe("Fetch", () => {
  test("4", () => {
    const partition = { partition: 0, fetchOffset: 9, partitionMaxBytes: 256 };
    expectRequest(
      1,
      4,
      {
        replicaId: -1,
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: 1024,
        isolationLevel: 1,
        topics: [{ topic: "t", partitions: [partition] }],
      },
      "0001 0004 00000007 00026d65" +
        "ffffffff 000001f4 00000001 00000400 01 00000001 000174 00000001" +
        "00000000 0000000000000009 00000100",
    );
  });

  test("12: where it diverges, and who leads, are tagged fields", () => {
    const partition = {
      partitionIndex: 3,
      errorCode: 6,
      highWatermark: 16,
      lastStableOffset: 15,
      logStartOffset: 0,
      divergingEpoch: { epoch: 2, endOffset: 8 },
      currentLeader: { leaderId: 1, leaderEpoch: 5 },
      abortedTransactions: [{ producerId: 4, firstOffset: 10 }],
      preferredReadReplica: -1,
      records: null,
    };
    expectResponse(
      1,
      12,
      { responses: [{ topic: "t", partitions: [partition] }] },
      "00000007 00 00000000 0000 00000000 02 0274 02" +
        "00000003 0006 0000000000000010 000000000000000f 0000000000000000" +
        "02 0000000000000004 000000000000000a 00 ffffffff 00" +
        "02 00 0d 00000002 0000000000000008 00 01 09 00000001 00000005 00 00 00",
    );
  });

  test("12: the cluster's id is a tagged field of the request", () => {
    const partition = {
      partition: 1,
      currentLeaderEpoch: 2,
      fetchOffset: 9,
      lastFetchedEpoch: 2,
      logStartOffset: -1,
      partitionMaxBytes: 256,
    };
    expectRequest(
      1,
      12,
      {
        clusterId: "c",
        maxWaitMs: 500,
        minBytes: 1,
        topics: [{ topic: "t", partitions: [partition] }],
        rackId: "r",
      },
      "0001 000c 00000007 00026d65 00" +
        "ffffffff 000001f4 00000001 7fffffff 00 00000000 ffffffff 02 0274 02" +
        "00000001 00000002 0000000000000009 00000002 ffffffffffffffff 00000100 00 00" +
        "01 0272 01 00 02 0263",
    );
  });
});

describe("Metadata", () => {
  const broker = { nodeId: 1, host: "h", port: 9092, rack: null };
  const partition = {
    errorCode: 0,
    partitionIndex: 0,
    leaderId: 1,
    replicaNodes: [1, 2],
    isrNodes: [1],
  };
  const topic = { errorCode: 0, name: "t", isInternal: false, partitions: [partition] };

  test("1", () => {
    expectRequest(3, 1, { topics: null }, "0003 0001 00000007 00026d65 ffffffff");
    expectResponse(
      3,
      1,
      { brokers: [broker], controllerId: 1, topics: [topic] },
      "00000007 00000001 00000001 000168 00002384 ffff 00000001" +
        "00000001 0000 000174 00 00000001 0000 00000000 00000001" +
        "00000002 00000001 00000002 00000001 00000001",
    );
  });

  test("9", () => {
    const request = { topics: [{ name: "t" }], allowAutoTopicCreation: false };
    const flags = { includeClusterAuthorizedOperations: false };
    const body = "02 0274 00 00 00 00 00";
    expectRequest(3, 9, { ...request, ...flags }, `0003 0009 00000007 00026d65 00 ${body}`);
    expectResponse(
      3,
      9,
      {
        brokers: [broker],
        clusterId: "c",
        controllerId: 1,
        topics: [
          { ...topic, partitions: [{ ...partition, leaderEpoch: 6, offlineReplicas: [2] }] },
        ],
      },
      "00000007 00 00000000 02 00000001 0268 00002384 00 00 0263 00000001" +
        "02 0000 0274 00 02 0000 00000000 00000001 00000006 03 00000001 00000002 02 00000001" +
        "02 00000002 00 80000000 00 80000000 00",
    );
  });
});

describe("groups", () => {
  const protocols = [{ name: "range", metadata: Uint8Array.of(1, 2) }];
  const join = {
    groupId: "g",
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    memberId: "",
    groupInstanceId: "i",
    protocolType: "consumer",
    protocols,
  };

  test("JoinGroup 5 and 6", () => {
    expectRequest(
      11,
      5,
      join,
      "000b 0005 00000007 00026d65" +
        "000167 00002710 0000ea60 0000 000169 0008636f6e73756d6572" +
        "00000001 000572616e6765 00000002 0102",
    );
    expectRequest(
      11,
      6,
      join,
      "000b 0006 00000007 00026d65 00" +
        "0267 00002710 0000ea60 01 0269 09636f6e73756d6572 02 0672616e6765 03 0102 00 00",
    );
  });

  test("SyncGroup 0 and 4", () => {
    const assignment = Uint8Array.of(9);
    expectResponse(14, 0, { errorCode: 0, assignment }, "00000007 0000 00000001 09");
    expectResponse(14, 4, { errorCode: 0, assignment }, "00000007 00 00000000 0000 02 09 00");
  });

  test("LeaveGroup 2 names one member, 3 several", () => {
    const one = "000d 0002 00000007 00026d65 000167 00016d";
    expectRequest(13, 2, { groupId: "g", memberId: "m" }, one);
    const members = [{ memberId: "m", groupInstanceId: null }];
    const several = "000d 0003 00000007 00026d65 000167 00000001 00016d ffff";
    expectRequest(13, 3, { groupId: "g", members }, several);
  });

  test("OffsetFetch 2 and 8 ask for everything", () => {
    const all = "0009 0002 00000007 00026d65 000167 ffffffff";
    expectRequest(9, 2, { groupId: "g", topics: null }, all);
    const groups = [{ groupId: "g", topics: null }];
    const batched = "0009 0008 00000007 00026d65 00 02 0267 00 00 01 00";
    expectRequest(9, 8, { groups, requireStable: true }, batched);
  });

  test("FindCoordinator 1 and 4", () => {
    expectRequest(10, 1, { key: "g", keyType: 0 }, "000a 0001 00000007 00026d65 000167 00");
    const coordinator = { key: "g", nodeId: 2, host: "h", port: 9093, errorCode: 0 };
    expectResponse(
      10,
      4,
      { coordinators: [{ ...coordinator, errorMessage: null }] },
      "00000007 00 00000000 02 0267 00000002 0268 00002385 0000 00 00 00",
    );
  });
});

test("CreateTopics 7 answers with the topic's id", () => {
  const topicId = "00112233445566778899aabbccddeeff";
  const topic = { name: "t", topicId, errorCode: 0, errorMessage: null };
  expectResponse(
    19,
    7,
    { topics: [{ ...topic, numPartitions: 3, replicationFactor: 1, configs: null }] },
    `00000007 00 00000000 02 0274 ${topicId} 0000 00 00000003 0001 00 00 00`,
  );
});

test("a length of two bytes in the compact encoding", () => {
  const name = "n".repeat(200);
  const list = "6e".repeat(200);
  expectRequest(
    42,
    2,
    { groupsNames: [name] },
    `002a 0002 00000007 00026d65 00 02 c901 ${list} 00`,
  );
});
