/**
 * Proves which clients ApiVersions refuses: software with a name that Kafka would not accept, and clients that expect
 * another cluster.
 */
import { expect, test } from "vitest";
import type { RequestToWrite } from "../../../src/kafka/messages/index.ts";
import { framesIn, readAnswer, requestBytes, serve } from "./support.ts";

const API_VERSIONS = 18;
const INVALID_REQUEST = 42;
const REBOOTSTRAP_REQUIRED = 129;

const CLIENT = { clientSoftwareName: "apache-kafka-java", clientSoftwareVersion: "4.4.0" };

async function ask(version: number, request: RequestToWrite<18>): Promise<[number, boolean]> {
  const { duplex } = serve();
  duplex.send(requestBytes(API_VERSIONS, version, 1, request));
  await duplex.until(() => duplex.written.length > 0);
  const { response } = readAnswer(API_VERSIONS, version, framesIn(duplex.output)[0]!);
  return [response.errorCode, response.apiKeys.length > 0];
}

test.each([3, 4, 5])("version %i: names and versions of software", async (version) => {
  const named = (
    clientSoftwareName: string,
    clientSoftwareVersion = "1",
  ): Promise<[number, boolean]> => ask(version, { clientSoftwareName, clientSoftwareVersion });
  for (const name of ["a", "confluent-kafka-python", "librdkafka.2", "A1"]) {
    expect(await named(name)).toEqual([0, true]);
  }
  for (const name of ["", "-a", "a-", "a b", "a/b", "ä", ".", "a\n"]) {
    expect(await named(name)).toEqual([INVALID_REQUEST, false]);
    expect(await named("a", name)).toEqual([INVALID_REQUEST, false]);
  }
});

test("before version 3 a client does not say what it is", async () => {
  expect(await ask(2, {})).toEqual([0, true]);
});

test("version 5: a client that means another cluster looks for its brokers anew (KIP-1242)", async () => {
  expect(await ask(5, { ...CLIENT, clusterId: "odradek", nodeId: 1 })).toEqual([0, true]);
  expect(await ask(5, { ...CLIENT, clusterId: null, nodeId: 1 })).toEqual([0, true]);
  expect(await ask(5, { ...CLIENT, clusterId: "another", nodeId: 1 })).toEqual([
    REBOOTSTRAP_REQUIRED,
    false,
  ]);
});
