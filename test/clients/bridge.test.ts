/** Proves the same through the bridge to a service that wants a key, which no client is told. */
import { testFeatures } from "./features/index.ts";
import { FEATURES } from "./support/protocol.ts";

await testFeatures(
  "bridge",
  FEATURES.filter((feature) => feature !== "SASL"),
);
