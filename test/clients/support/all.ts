/** Every client that is there, at one service; they end with the file's tests. */
import { afterAll } from "vitest";
import { CLIENTS, type ClientProgram } from "./clients.ts";
import { Driver } from "./driver.ts";
import type { Place } from "./ways.ts";

export async function startAll(place: Place): Promise<ReadonlyMap<ClientProgram, Driver>> {
  const drivers = new Map<ClientProgram, Driver>();
  afterAll(async () => {
    await Promise.all([...drivers.values()].map((driver) => driver.close()));
    await place.stop();
  });
  for (const client of CLIENTS) drivers.set(client, await Driver.start(client, place.target));
  return drivers;
}
