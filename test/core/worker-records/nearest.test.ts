/** Where readers are sent: regions by the request's origin, and the nearest replica in sync. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BrokerDescription, BrokerState } from "../../../src/objects/contracts/controller.ts";
import type { KnownTopic } from "../../../src/gateway/metadata.ts";
import { nearestReplica, placeOfReader, regionOf } from "../../../src/gateway/nearest.ts";

describe("the region of a request", () => {
  it("is the one on its continent that is nearest", () => {
    const cities: [string, string, string, string][] = [
      ["San Francisco", "NA", "37.77,-122.41", "wnam"],
      ["Vancouver", "NA", "49.25,-123.12", "wnam"],
      ["New York", "NA", "40.71,-74.00", "enam"],
      ["Chicago", "NA", "41.87,-87.62", "enam"],
      ["São Paulo", "SA", "-23.55,-46.63", "sam"],
      ["London", "EU", "51.50,-0.12", "weur"],
      ["Frankfurt", "EU", "50.11,8.68", "weur"],
      ["Warsaw", "EU", "52.23,21.01", "eeur"],
      ["Tokyo", "AS", "35.68,139.69", "apac-ne"],
      ["Singapore", "AS", "1.35,103.82", "apac-se"],
      ["Hong Kong", "AS", "22.31,114.17", "apac"],
      ["Dubai", "AS", "25.20,55.27", "me"],
      ["Sydney", "OC", "-33.86,151.20", "oc"],
      ["Johannesburg", "AF", "-26.20,28.04", "afr"],
      ["McMurdo", "AN", "-77.84,166.68", "oc"],
    ];
    for (const [city, continent, place, region] of cities) {
      const [latitude, longitude] = place.split(",") as [string, string];
      expect(regionOf({ continent, latitude, longitude }), city).toBe(region);
    }
  });

  it("is one of the continent where the platform says no more, and none where it says nothing", () => {
    expect(regionOf({ continent: "EU" })).toBe("weur");
    expect(regionOf({ continent: "NA", latitude: "x", longitude: "1" })).toBe("wnam");
    expect(regionOf({ latitude: "1", longitude: "1" })).toBe("");
    expect(regionOf({ continent: "??" })).toBe("");
    expect(regionOf(undefined)).toBe("");
  });

  it("matters only where the reader does not say itself where it is", () => {
    expect(placeOfReader("rack-1", { continent: "EU" })).toBe("rack-1");
    expect(placeOfReader(null, { continent: "EU" })).toBe("weur");
    expect(placeOfReader("", { continent: "EU" })).toBe("");
  });
});

interface Given {
  readonly leader?: number;
  readonly inSync?: readonly number[];
  readonly states?: Readonly<Record<number, BrokerState>>;
  readonly hints?: readonly string[];
  readonly racks?: readonly string[];
}

/** One partition with replicas on brokers 1, 2, … in these places. */
function topicOf({ leader = 1, inSync, states = {}, hints, racks }: Given): KnownTopic {
  const locations = hints ?? ["weur", "enam", "apac"];
  const ids = locations.map((_, i) => i + 1);
  const brokers = ids.map((brokerId): [number, BrokerDescription] => [
    brokerId,
    {
      brokerId,
      rack: racks?.[brokerId - 1] ?? "",
      locationHint: locations[brokerId - 1]!,
      state: states[brokerId] ?? "active",
      brokerEpoch: 0,
    },
  ]);
  const partition = {
    partition: 0,
    leader,
    leaderEpoch: 0,
    partitionEpoch: 0,
    replicas: ids.map((brokerId) => ({ brokerId, generation: 0 })),
    inSync: inSync ?? ids,
  };
  return {
    metadata: { topic: "t", topicId: "0", configs: {}, partitions: [partition] },
    brokers: new Map(brokers),
  } as unknown as KnownTopic;
}

const nearest = (given: Given, place: string): number => nearestReplica(topicOf(given), 0, place);

describe("the nearest replica", () => {
  it("is the one at the very place, by location hint or rack", () => {
    expect(nearest({}, "enam")).toBe(2);
    expect(nearest({}, "apac")).toBe(3);
    expect(nearest({ racks: ["a", "b", "c"] }, "b")).toBe(2);
    expect(nearest({ racks: ["enam", "weur", ""] }, "enam")).toBe(1);
  });

  it("else the one whose region is nearest", () => {
    expect(nearest({}, "wnam")).toBe(2);
    expect(nearest({}, "oc")).toBe(3);
    expect(nearest({ leader: 2 }, "eeur")).toBe(1);
    expect(nearest({ leader: 2 }, "me")).toBe(1);
    expect(nearest({ hints: ["weur", "eeur"] }, "me")).toBe(2);
  });

  it("is the leader where nobody knows better", () => {
    for (const place of ["", "rack-of-nobody"]) {
      expect(nearest({ leader: 3 }, place)).toBe(3);
      expect(nearest({ leader: 3, hints: ["", "", ""] }, place)).toBe(3);
    }
    expect(nearest({ leader: 2, hints: ["enam", "enam", "enam"] }, "enam")).toBe(2);
    expect(nearest({ leader: -1 }, "enam")).toBe(-1);
    expect(nearestReplica(topicOf({}), 7, "enam")).toBe(-1);
  });

  it("is in sync, and its broker is not fenced", () => {
    expect(nearest({ inSync: [1, 3] }, "enam")).toBe(1);
    expect(nearest({ states: { 2: "fenced" } }, "enam")).toBe(1);
    expect(nearest({ states: { 2: "draining" } }, "enam")).toBe(2);
    const places = ["weur", "enam", "apac", "wnam", "oc", "", "other"];
    const states = fc.constantFrom<BrokerState>("active", "draining", "fenced");
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.subarray([2, 3]),
        fc.tuple(states, states),
        (place, followers, [two, three]) => {
          const given = { inSync: [1, ...followers], states: { 2: two, 3: three } };
          const chosen = nearest(given, place);
          if (chosen === 1) return;
          expect(followers).toContain(chosen);
          expect(given.states[chosen as 2 | 3]).not.toBe("fenced");
        },
      ),
    );
  });
});
