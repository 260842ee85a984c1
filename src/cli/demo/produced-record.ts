/** What the producers under load write: flights, each with its producer and its number there. */
import { readFlights, type NumberedFlight } from "./flights.ts";

export interface ProducedRecord {
  readonly producer: number;
  /** Counts the producer's records from 0; its sequence. */
  readonly number: number;
  readonly flight: NumberedFlight;
}

const flights = readFlights();

/** The same whenever it is asked for. */
export function recordOf(producer: number, number: number): ProducedRecord {
  return { producer, number, flight: flights[number % flights.length]! };
}
