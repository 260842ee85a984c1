/** Proves that with keys configured clients get in with one, by SASL PLAIN, and with nothing else. */
import { afterAll, describe, expect, test } from "vitest";
import { testFeatures } from "./features/index.ts";
import { CLIENTS } from "./support/clients.ts";
import { Driver, type Target } from "./support/driver.ts";
import { WAYS } from "./support/ways.ts";

await testFeatures("SASL", ["SASL"]);

const place = await WAYS.SASL();
afterAll(() => place.stop());

describe.each(CLIENTS)("$name", (client) => {
  test.each([
    ["a wrong key", "wrong"],
    ["no key", null],
  ])("with %s is refused", async (_, key) => {
    const target: Target = { bootstrap: place.target.bootstrap, key };
    const driver = await Driver.start(client, target);
    try {
      await expect(driver.ask("metadata", {})).rejects.toThrow("metadata");
    } finally {
      await driver.kill();
    }
  });
});
