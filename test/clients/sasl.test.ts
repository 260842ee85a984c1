/** Proves that with keys configured clients are let in with one, by SASL PLAIN, and with nothing else. */
import { afterAll, describe, expect, test } from "vitest";
import { testFeatures } from "./features/index.ts";
import { CLIENTS } from "./support/clients.ts";
import { Driver, type Target } from "./support/driver.ts";
import { WAYS } from "./support/ways.ts";

await testFeatures("SASL", ["SASL"]);

const place = await WAYS.SASL();
afterAll(() => place.stop());

const attempts = CLIENTS.flatMap((client) => [
  { client, name: client.name, shown: "a wrong key", key: "wrong" },
  { client, name: client.name, shown: "no key", key: null },
]);

// Concurrently: without a key some of them try for half a minute.
describe.concurrent("refused", () => {
  test.each(attempts)("$name with $shown", async ({ client, key }) => {
    const target: Target = { bootstrap: place.target.bootstrap, key };
    const driver = await Driver.start(client, target);
    try {
      await expect(driver.ask("metadata", {})).rejects.toThrow("metadata");
    } finally {
      await driver.kill();
    }
  });
});
