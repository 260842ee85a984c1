/**
 * Chooses the replica that a reader is sent to: the nearest one in sync. The reader's place comes from `client.rack`
 * (KIP-392), or from where the platform says the request comes from. Decides by metadata alone; a follower itself
 * shows nothing above its high watermark.
 */
import type { KnownTopic } from "./metadata.ts";

/**
 * The platform's location hints (https://developers.cloudflare.com/durable-objects/reference/data-location/), each
 * with the continents it serves, by the codes of `request.cf`, and roughly its centre.
 */
const REGIONS = {
  wnam: { continents: ["NA"], latitude: 37, longitude: -120 },
  enam: { continents: ["NA"], latitude: 40, longitude: -77 },
  sam: { continents: ["SA"], latitude: -20, longitude: -52 },
  weur: { continents: ["EU"], latitude: 50, longitude: 4 },
  eeur: { continents: ["EU"], latitude: 50, longitude: 23 },
  apac: { continents: ["AS"], latitude: 10, longitude: 108 },
  "apac-ne": { continents: ["AS"], latitude: 36, longitude: 136 },
  "apac-se": { continents: ["AS"], latitude: 1, longitude: 104 },
  oc: { continents: ["OC", "AN"], latitude: -32, longitude: 148 },
  afr: { continents: ["AF"], latitude: -15, longitude: 27 },
  me: { continents: ["AS"], latitude: 26, longitude: 51 },
} as const satisfies Record<string, Region>;

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

interface Region extends Point {
  readonly continents: readonly string[];
}

const BY_NAME = new Map<string, Region>(Object.entries(REGIONS));

/** The fields of `request.cf` that say where a request comes from. */
export interface Origin {
  readonly continent?: string;
  /** Degrees, as text. */
  readonly latitude?: string;
  readonly longitude?: string;
}

/** Where a reader is: the name of a rack or a region; empty where that is not known. */
export function placeOfReader(clientRack: string | null, origin: Origin | undefined): string {
  return clientRack ?? regionOf(origin);
}

/** The region that a request comes from; empty where the platform does not say. */
export function regionOf(origin: Origin | undefined): string {
  const continent = origin?.continent;
  if (continent === undefined) return "";
  const here = pointOf(origin!);
  let nearest = "";
  let least = Number.POSITIVE_INFINITY;
  for (const [name, region] of BY_NAME) {
    if (!region.continents.includes(continent)) continue;
    // For a continent of several regions, without coordinates, the first region stands for all.
    const distance = here === null ? 0 : distanceOf(here, region);
    if (distance < least) [nearest, least] = [name, distance];
  }
  return nearest;
}

function pointOf({ latitude, longitude }: Origin): Point | null {
  if (latitude === undefined || longitude === undefined) return null;
  const point = { latitude: Number(latitude), longitude: Number(longitude) };
  return Number.isFinite(point.latitude) && Number.isFinite(point.longitude) ? point : null;
}

/** Grows with the distance of two points on a sphere. */
function distanceOf(a: Point, b: Point): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [latitudeA, latitudeB] = [radians(a.latitude), radians(b.latitude)];
  return -(
    Math.sin(latitudeA) * Math.sin(latitudeB) +
    Math.cos(latitudeA) * Math.cos(latitudeB) * Math.cos(radians(a.longitude - b.longitude))
  );
}

/**
 * The broker whose replica a reader at `place` is sent to: one whose rack or location hint equals the place, else the
 * one in the nearest region; the leader where none is nearer. -1: no leader.
 */
export function nearestReplica(topic: KnownTopic, partition: number, place: string): number {
  const metadata = topic.metadata.partitions[partition];
  if (metadata === undefined) return -1;
  const { leader, inSync } = metadata;
  if (place === "" || leader < 0) return leader;
  let nearest = leader;
  let least = brokerDistance(topic, leader, place);
  for (const { brokerId } of metadata.replicas) {
    if (brokerId === leader || !inSync.includes(brokerId)) continue;
    if (topic.brokers.get(brokerId)?.state === "fenced") continue;
    const distance = brokerDistance(topic, brokerId, place);
    if (distance < least) [nearest, least] = [brokerId, distance];
  }
  return nearest;
}

/** Less than any distance between regions. */
const SAME_PLACE = Number.NEGATIVE_INFINITY;

function brokerDistance(topic: KnownTopic, brokerId: number, place: string): number {
  const broker = topic.brokers.get(brokerId);
  if (broker === undefined) return Number.POSITIVE_INFINITY;
  if (broker.rack === place || broker.locationHint === place) return SAME_PLACE;
  const here = BY_NAME.get(place);
  const there = BY_NAME.get(broker.locationHint) ?? BY_NAME.get(broker.rack);
  if (here === undefined || there === undefined) return Number.POSITIVE_INFINITY;
  return distanceOf(here, there);
}
