/**
 * kafkajs as the other side, in the versions it supports: its requests are decoded and encoded again to the same
 * bytes; it decodes our answers, to the last byte, and finds every value that was encoded.
 */

import fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  decodeRequest,
  decodeRequestHeader,
  encodeRequest,
  encodeResponse,
  type ApiKey,
} from "../../../src/kafka/messages/index.ts";
import { kafkajs } from "../records/support.ts";
import { EVERY, hex, messageArbitrary, unhex, whole, type Message } from "./support.ts";

interface TheirRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
}

interface TheirResponse {
  decode(bytes: Buffer): Promise<unknown>;
}

interface TheirApi {
  readonly versions: readonly string[];
  protocol(of: { version: number }): (args: unknown) => {
    readonly request: TheirRequest;
    readonly response: TheirResponse;
  };
}

interface TheirDecoder {
  canReadInt32(): boolean;
  readonly offset: number;
  readonly buffer: Buffer;
}

const encodeFrame = kafkajs<(request: object) => Promise<{ buffer: Buffer }>>("protocol/request");
const Decoder = kafkajs<{ prototype: TheirDecoder & Record<string, unknown> }>("protocol/decoder");

const topics = [
  { topic: "a", partitions: [{ partition: 0, offset: 12, timestamp: -2 }] },
  { topic: "b", partitions: [{ partition: 3, offset: 2 ** 40 + 1, timestamp: 1_700_000_000_000 }] },
];
const member = { groupId: "g", groupGenerationId: 5, generationId: 5, memberId: "m" };
const timeouts = { sessionTimeout: 30_000, rebalanceTimeout: 60_000 };
const metadataBytes = Buffer.from([1, 2, 3]);

/** Arguments of kafkajs's requests, by the name of the API; those that a version lacks it ignores. */
const ARGUMENTS: Readonly<Record<string, unknown>> = {
  Produce: {
    acks: -1,
    timeout: 1_000,
    topicData: [{ topic: "a", partitions: [{ partition: 2, messages: [{ value: "v" }] }] }],
    transactionalId: "txn",
  },
  Fetch: {
    replicaId: -1,
    maxWaitTime: 500,
    minBytes: 1,
    maxBytes: 1_024,
    isolationLevel: 1,
    rackId: "rack",
    topics: [{ topic: "a", partitions: [{ partition: 1, fetchOffset: 99, maxBytes: 512 }] }],
  },
  ListOffsets: { replicaId: -1, isolationLevel: 1, topics },
  Metadata: { topics: ["a", "b"], allowAutoTopicCreation: false },
  OffsetCommit: { ...member, retentionTime: 77, topics },
  OffsetFetch: { groupId: "g", topics },
  FindCoordinator: { groupId: "g", coordinatorType: 1 },
  JoinGroup: {
    ...member,
    ...timeouts,
    memberId: "",
    groupInstanceId: "i",
    protocolType: "consumer",
    groupProtocols: [{ name: "range", metadata: metadataBytes }, { name: "sticky" }],
  },
  Heartbeat: { ...member, groupInstanceId: "i" },
  LeaveGroup: { ...member, groupInstanceId: null },
  SyncGroup: {
    ...member,
    groupInstanceId: null,
    groupAssignment: [{ memberId: "m", memberAssignment: metadataBytes }],
  },
  DescribeGroups: { groupIds: ["g", "h"] },
  ListGroups: {},
  SaslHandshake: { mechanism: "PLAIN" },
  ApiVersions: {},
  CreateTopics: {
    topics: [
      {
        topic: "a",
        numPartitions: 4,
        replicationFactor: 3,
        replicaAssignment: [{ partition: 0, replicas: [1, 2] }],
        configEntries: [{ name: "retention.ms", value: "1" }],
      },
    ],
    validateOnly: true,
    timeout: 2_000,
  },
  DeleteTopics: { topics: ["a", "b"], timeout: 2_000 },
  DeleteRecords: { topics, timeout: 2_000 },
  InitProducerId: { transactionalId: "txn", transactionTimeout: 3_000 },
  DescribeConfigs: {
    resources: [{ type: 2, name: "a", configNames: ["retention.ms"] }],
    includeSynonyms: true,
  },
  AlterConfigs: {
    resources: [{ type: 2, name: "a", configEntries: [{ name: "retention.ms", value: "1" }] }],
    validateOnly: true,
  },
  SaslAuthenticate: { authBytes: Buffer.from([0, 0, 0, 2, 8, 9]) },
  CreatePartitions: {
    topicPartitions: [{ topic: "a", count: 6, assignments: [[1, 2]] }],
    validateOnly: true,
    timeout: 2_000,
  },
  DeleteGroups: ["g", "h"],
  AlterPartitionReassignments: {
    topics: [{ topic: "a", partitionAssignment: [{ partition: 0, replicas: [1, 2] }] }],
    timeout: 2_000,
  },
  ListPartitionReassignments: { topics: [{ topic: "a", partitions: [0, 5] }], timeout: 2_000 },
};

/** Answers for which kafkajs throws, or of which it does not return what it has decoded. */
const NO_ERROR: ReadonlySet<string> = new Set(["errorCode"]);
const NOT_KEPT: Readonly<Record<string, ReadonlySet<string>>> = {
  // They travel as a record batch, which it opens: the records tests have that.
  Fetch: new Set(["records"]),
  // It puts a length before them.
  SaslAuthenticate: new Set(["authBytes"]),
  AlterPartitionReassignments: new Set(["errorMessage"]),
  ListPartitionReassignments: new Set(["errorMessage"]),
};

function theirs(name: string): TheirApi {
  const file = name[0]!.toLowerCase() + name.slice(1);
  return kafkajs<TheirApi>(`protocol/requests/${file}`);
}

const SHARED = EVERY.filter(
  ({ name, version, api }) =>
    name in ARGUMENTS && version >= api.minServed && theirs(name).versions.includes(`${version}`),
);

/** Every scalar of a value as text, sorted; null stands for itself. */
function leaves(value: unknown, skipped: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const visit = (item: unknown): void => {
    if (item instanceof Uint8Array) found.push(hex(item));
    else if (item === null || typeof item !== "object") found.push(String(item));
    // Its 64-bit integers.
    else if ("value" in item && typeof item.value === "bigint") found.push(String(item.value));
    else {
      for (const [key, inner] of Object.entries(item)) if (!skipped.has(key)) visit(inner);
    }
  };
  visit(value);
  return found.sort();
}

/** What of `wanted` is not in `found`, each value as often as it occurs. */
function missing(wanted: readonly string[], found: readonly string[]): string[] {
  const left = [...found];
  return wanted.filter((value) => {
    const at = left.indexOf(value);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** Null arrays are empty ones to kafkajs, null bytes nothing, and its errors need a code it knows. */
function forKafkajs(value: unknown, name: string): unknown {
  if (value instanceof Uint8Array || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => forKafkajs(item, name));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (NO_ERROR.has(key)) return [key, 0];
      if (name === "Fetch" && key === "records") return [key, null];
      if (key === "abortedTransactions" || key === "configs") return [key, inner ?? []];
      return [key, forKafkajs(inner, name)];
    }),
  );
}

describe.each(SHARED)("$name $version", ({ api, name, version }) => {
  const exchange = (): ReturnType<ReturnType<TheirApi["protocol"]>> => {
    return theirs(name).protocol({ version })(ARGUMENTS[name]);
  };

  test("we read its request, and write the same bytes", async () => {
    const { request } = exchange();
    expect(request).toMatchObject({ apiKey: api.key, apiVersion: version });
    const frame = await encodeFrame({ correlationId: 9, clientId: "kafkajs", request });
    const bytes = new Uint8Array(frame.buffer.subarray(4));
    const header = decodeRequestHeader(bytes)!;
    expect(header).toMatchObject({ correlationId: 9, clientId: "kafkajs" });
    const read = decodeRequest(api.key, version, header.body!)!;
    const again = encodeRequest(api.key, version, header, read as never);
    expect(hex(whole(again))).toBe(hex(bytes));
  });

  test("it reads our answer to the last byte, and finds every value", async () => {
    const skipped = NOT_KEPT[name] ?? new Set();
    await fc.assert(
      fc.asyncProperty(messageArbitrary(api.response, version), async (made) => {
        const response = forKafkajs(made, name) as Message;
        // Its decoders begin behind the correlation id.
        const body = Buffer.from(
          whole(encodeResponse(api.key, version, 1, response as never)).subarray(4),
        );
        const { read, consumed } = await decodeTheirs(exchange().response, body);
        expect(missing(leaves(response, skipped), leaves(read, skipped))).toEqual([]);
        expect(consumed).toBeGreaterThanOrEqual(body.length - trailing(api.key));
      }),
      { numRuns: 20 },
    );
  });
});

/** kafkajs does not read the tagged fields at the end of the two flexible answers it knows. */
function trailing(key: ApiKey): number {
  return key === 45 || key === 46 ? 1 : 0;
}

/** Decodes with kafkajs, and tells how far its decoder of the whole body came. */
async function decodeTheirs(
  response: TheirResponse,
  body: Buffer,
): Promise<{ read: unknown; consumed: number }> {
  let consumed = 0;
  const { prototype } = Decoder;
  const names = Object.getOwnPropertyNames(prototype).filter((name) => name.startsWith("read"));
  const originals = names.map((name) => prototype[name] as (...args: unknown[]) => unknown);
  names.forEach((name, i) => {
    prototype[name] = function (this: TheirDecoder, ...args: unknown[]): unknown {
      const value = originals[i]!.apply(this, args);
      if (this.buffer === body) consumed = Math.max(consumed, this.offset);
      return value;
    };
  });
  try {
    const read = await response.decode(body);
    return { read, consumed };
  } finally {
    names.forEach((name, i) => (prototype[name] = originals[i]));
  }
}

test("every API that both know is compared, in all the versions of kafkajs that are served", () => {
  expect(new Set(SHARED.map(({ name }) => name))).toEqual(new Set(Object.keys(ARGUMENTS)));
  expect(SHARED.length).toBeGreaterThan(70);
});

test("the values of its requests arrive where they belong", async () => {
  const read = async (name: string, key: ApiKey, version: number): Promise<unknown> => {
    const { request } = theirs(name).protocol({ version })(ARGUMENTS[name]);
    const { buffer } = await encodeFrame({ correlationId: 9, clientId: "kafkajs", request });
    return decodeRequest(
      key,
      version,
      decodeRequestHeader(new Uint8Array(buffer.subarray(4)))!.body!,
    );
  };
  expect(await read("Fetch", 1, 11)).toMatchObject({
    clusterId: null,
    replicaId: -1,
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: 1_024,
    isolationLevel: 1,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [
      {
        topic: "a",
        partitions: [
          {
            partition: 1,
            currentLeaderEpoch: -1,
            fetchOffset: 99,
            lastFetchedEpoch: -1,
            logStartOffset: -1,
            partitionMaxBytes: 512,
          },
        ],
      },
    ],
    forgottenTopicsData: [],
    rackId: "rack",
  });
  expect(await read("JoinGroup", 11, 5)).toEqual({
    groupId: "g",
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 60_000,
    memberId: "",
    groupInstanceId: "i",
    protocolType: "consumer",
    protocols: [
      { name: "range", metadata: unhex("010203") },
      { name: "sticky", metadata: unhex("") },
    ],
  });
  expect(await read("AlterPartitionReassignments", 45, 0)).toEqual({
    timeoutMs: 2_000,
    allowReplicationFactorChange: true,
    topics: [{ name: "a", partitions: [{ partitionIndex: 0, replicas: [1, 2] }] }],
  });
});
