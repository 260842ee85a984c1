/** Proves where clients are sent: a port for each broker, shared in turn where there are more brokers. */
import { describe, expect, test } from "vitest";
import {
  coordinatorOf,
  listenerAt,
  Nodes,
  nodesOf,
  servingBrokers,
} from "../../../src/gateway/addresses.ts";
import { Rotation } from "../../../src/kafka/rotation.ts";
import type { BrokerDescription, BrokerState } from "../../../src/objects/contracts/controller.ts";

const ADDRESSES = { host: "example.org", port: 9092, ports: 3 };

const broker = (brokerId: number, state: BrokerState = "active"): BrokerDescription => ({
  brokerId,
  rack: brokerId === 1 ? "" : `rack-${brokerId}`,
  locationHint: "",
  state,
  brokerEpoch: 0,
});

test.each([
  [1, 9092],
  [2, 9093],
  [3, 9094],
  [4, 9092],
  [0, 9094],
  [2_147_483_647, 9092],
])("broker %i is at port %i", (id, port) => {
  expect(new Nodes([broker(id)], ADDRESSES).all).toMatchObject([
    { nodeId: id, host: "example.org", port },
  ]);
});

test("a rack that was not given is none", () => {
  const nodes = new Nodes([broker(1), broker(2)], ADDRESSES);
  expect(nodes.all.map(({ rack }) => rack)).toEqual([null, "rack-2"]);
});

test("clients are told of brokers that are not fenced, and the lowest active one leads", () => {
  const brokers = [broker(3), broker(1, "fenced"), broker(2, "draining"), broker(4)];
  const cluster = { ok: true, version: 1, brokers, topics: [] } as const;
  expect(servingBrokers(cluster.brokers).map(({ brokerId }) => brokerId)).toEqual([2, 3, 4]);
  expect(nodesOf(cluster, ADDRESSES).controllerId).toBe(3);
  expect(nodesOf({ ...cluster, brokers: [] }, ADDRESSES).controllerId).toBe(-1);
});

test("of brokers that share a port one is named, and stands for all", () => {
  const brokers = [1, 2, 3, 4, 5, 7].map((id) => broker(id));
  const nodes = new Nodes(brokers, ADDRESSES);
  expect(nodes.all.map(({ nodeId, port }) => [nodeId, port])).toEqual([
    [1, 9092],
    [2, 9093],
    [3, 9094],
  ]);
  expect([1, 4, 7, 5, 3].map((id) => nodes.of(id)?.nodeId)).toEqual([1, 1, 1, 2, 3]);
  expect(nodes.of(6)).toBeUndefined();
  const alone = new Nodes(brokers, { ...ADDRESSES, ports: 1 });
  expect(alone.all).toHaveLength(1);
  expect(alone.of(7)?.nodeId).toBe(1);
});

test("a name has one coordinator, and names are spread", () => {
  const brokers = [1, 2, 3];
  const chosen = Array.from({ length: 300 }, (_, i) => coordinatorOf(`group-${i}`, brokers)!);
  expect(chosen).toEqual(chosen.map((_, i) => coordinatorOf(`group-${i}`, brokers)));
  for (const id of brokers)
    expect(chosen.filter((other) => other === id).length).toBeGreaterThan(50);
  expect(coordinatorOf("group", [])).toBeUndefined();
});

test("a port is one of the listeners or none", () => {
  expect([9091, 9092, 9094, 9095].map((port) => listenerAt(port, ADDRESSES))).toEqual([
    null,
    0,
    2,
    null,
  ]);
});

describe("rotation", () => {
  test("a short list is taken whole", () => {
    expect(new Rotation().take([1, 2, 3], 3)).toEqual([1, 2, 3]);
  });

  test("of a long list everything comes in its turn", () => {
    const rotation = new Rotation();
    const items = [1, 2, 3, 4, 5];
    expect([rotation.take(items, 2), rotation.take(items, 2), rotation.take(items, 2)]).toEqual([
      [1, 2],
      [3, 4],
      [5, 1],
    ]);
  });
});
