/** Proves where clients are sent: a port for each broker, shared in turn where there are more brokers. */
import { describe, expect, test } from "vitest";
import {
  addressOf,
  controllerId,
  coordinatorOf,
  listenerAt,
  servingBrokers,
} from "../../../src/kafka/addresses.ts";
import { Turns } from "../../../src/kafka/turns.ts";
import type { BrokerDescription, BrokerState } from "../../../src/objects/controller/api.ts";

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
  expect(addressOf(broker(id), ADDRESSES)).toMatchObject({ nodeId: id, host: "example.org", port });
});

test("a rack that was not given is none", () => {
  expect(addressOf(broker(1), ADDRESSES).rack).toBeNull();
  expect(addressOf(broker(2), ADDRESSES).rack).toBe("rack-2");
});

test("clients are told of brokers that are not fenced, and the lowest active one leads", () => {
  const brokers = [broker(3), broker(1, "fenced"), broker(2, "draining"), broker(4)];
  const serving = servingBrokers({ ok: true, version: 1, brokers, topics: [] });
  expect(serving.map(({ brokerId }) => brokerId)).toEqual([2, 3, 4]);
  expect(controllerId(serving)).toBe(3);
  expect(controllerId([])).toBe(-1);
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

describe("turns", () => {
  test("a short list is taken whole", () => {
    expect(new Turns().take([1, 2, 3], 3)).toEqual([1, 2, 3]);
  });

  test("of a long list everything comes in its turn", () => {
    const turns = new Turns();
    const items = [1, 2, 3, 4, 5];
    expect([turns.take(items, 2), turns.take(items, 2), turns.take(items, 2)]).toEqual([
      [1, 2],
      [3, 4],
      [5, 1],
    ]);
  });
});
