/** The demo's input: flights within the United States in 2001, from the `vega-datasets` package. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The largest of the package's files of flights that contain the origin; sorted by departure. */
export const DATA_SET = "flights-20k.json";

export interface Flight {
  readonly date: string;
  /** Minutes. */
  readonly delay: number;
  /** Miles. */
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

/** A flight as it is produced: `number` counts the flights of its origin from 0. */
export interface NumberedFlight extends Flight {
  readonly number: number;
}

export function readFlights(): NumberedFlight[] {
  const flights = JSON.parse(readFileSync(dataFile(), "utf8")) as Flight[];
  const seen = new Map<string, number>();
  return flights.map((flight) => {
    const number = seen.get(flight.origin) ?? 0;
    seen.set(flight.origin, number + 1);
    return { ...flight, number };
  });
}

/** In the packed package beside its program, which `npm run build` has put there; else in vega-datasets. */
function dataFile(): string | URL {
  const packed = join(import.meta.dirname, DATA_SET);
  if (existsSync(packed)) return packed;
  return new URL(`../data/${DATA_SET}`, import.meta.resolve("vega-datasets"));
}
