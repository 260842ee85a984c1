/** The randomness port over the runtime's own, for every object class. */
import type { RandomPort } from "../../base/ports.ts";

export const platformRandom: RandomPort = {
  below: (below) => crypto.getRandomValues(new Uint32Array(1))[0]! % below,
  id: () => crypto.randomUUID().replaceAll("-", ""),
};
