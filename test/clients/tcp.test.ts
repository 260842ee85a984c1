/** Proves that real clients work with the service, unchanged but for the address. */
import { testFeatures } from "./features/index.ts";
import { FEATURES } from "./support/protocol.ts";

await testFeatures(
  "TCP",
  FEATURES.filter((feature) => feature !== "SASL"),
);
