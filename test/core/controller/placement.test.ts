/** Replicas are spread evenly over brokers and over different racks, in clusters of any shape. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { placePartitions } from "../../../src/objects/controller/topics/placement.ts";

const brokersIn = (...racks: string[]) =>
  racks.map((rack, index) => ({ brokerId: index + 1, rack }));

const cluster = fc
  .array(fc.constantFrom("weur", "enam", "apac", "oc"), { minLength: 1, maxLength: 12 })
  .map((racks) => brokersIn(...racks));

const request = cluster.chain((brokers) =>
  fc.record({
    brokers: fc.constant(brokers),
    partitions: fc.integer({ min: 1, max: 60 }),
    replicationFactor: fc.integer({ min: 1, max: brokers.length }),
    start: fc.nat(100),
    existing: fc.constant<readonly (readonly number[])[]>([]),
  }),
);

function counts(brokers: readonly { brokerId: number }[], brokerIds: readonly number[]): number[] {
  return brokers.map(({ brokerId }) => brokerIds.filter((id) => id === brokerId).length);
}

const spread = (numbers: readonly number[]) => Math.max(...numbers) - Math.min(...numbers);

describe("placement", () => {
  test("every partition has as many different brokers as its replication factor says", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const placed = placePartitions(asked);
        expect(placed).toHaveLength(asked.partitions);
        for (const ids of placed) expect(new Set(ids).size).toBe(asked.replicationFactor);
      }),
    );
  });

  test("brokers lead alike, give or take one, also after the topic has grown", () => {
    fc.assert(
      fc.property(request, fc.integer({ min: 1, max: 40 }), (asked, more) => {
        const placed = placePartitions(asked);
        const grown = placePartitions({ ...asked, partitions: more, existing: placed, start: 7 });
        for (const topic of [placed, [...placed, ...grown]]) {
          const leaders = topic.map((ids) => ids[0]!);
          expect(spread(counts(asked.brokers, leaders))).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test("a partition spans as many racks as it has replicas, or as there are", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const rackOf = new Map(asked.brokers.map(({ brokerId, rack }) => [brokerId, rack]));
        const racks = new Set(rackOf.values()).size;
        for (const ids of placePartitions(asked)) {
          const spanned = new Set(ids.map((id) => rackOf.get(id))).size;
          expect(spanned).toBe(Math.min(racks, asked.replicationFactor));
        }
      }),
    );
  });

  test("where racks are of one size, brokers hold alike, give or take two", () => {
    const equal = fc.record({
      racks: fc.integer({ min: 1, max: 4 }),
      size: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(
        equal,
        fc.integer({ min: 1, max: 60 }),
        fc.nat(50),
        fc.nat(50),
        (shape, partitions, start, r) => {
          const brokers = brokersIn(
            ...Array.from(
              { length: shape.racks * shape.size },
              (_, index) => `rack-${index % shape.racks}`,
            ),
          );
          const replicationFactor = 1 + (r % brokers.length);
          const placed = placePartitions({
            brokers,
            partitions,
            replicationFactor,
            start,
            existing: [],
          });
          expect(spread(counts(brokers, placed.flat()))).toBeLessThanOrEqual(2);
        },
      ),
    );
  });

  test("a broker's followers are spread over the others, so that its loss is shared", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 9 }),
        fc.integer({ min: 2, max: 3 }),
        (size, replicationFactor) => {
          const brokers = brokersIn(...Array.from({ length: size }, (_, index) => `rack-${index}`));
          const partitions = size * (size - 1) * 4;
          const placed = placePartitions({
            brokers,
            partitions,
            replicationFactor,
            start: 0,
            existing: [],
          });
          for (const { brokerId } of brokers) {
            const followers = placed
              .filter((ids) => ids[0] === brokerId)
              .flatMap((ids) => ids.slice(1));
            const others = brokers.filter((broker) => broker.brokerId !== brokerId);
            expect(spread(counts(others, followers))).toBeLessThanOrEqual(2);
          }
        },
      ),
    );
  });

  test("topics of one partition spread over the brokers as the rotation goes on", () => {
    const brokers = brokersIn("weur", "enam", "apac");
    const place = (start: number) =>
      placePartitions({ brokers, partitions: 1, replicationFactor: 1, start, existing: [] })[0]![0];
    expect([0, 1, 2, 3].map(place)).toEqual([1, 2, 3, 1]);
  });
});
