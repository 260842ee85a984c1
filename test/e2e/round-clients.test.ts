/** Proves that a client of a round that does not end is named, with what it is doing, and one that fails is told of. */
import { expect, test } from "vitest";
import { Clients } from "./histories/clients.ts";

test("a client that hangs is named, those that have ended are not", async () => {
  const errors: string[] = [];
  const clients = new Clients((error) => errors.push(String(error)));
  const hung = Promise.withResolvers<void>();
  clients.start("one that reads", async () => {});
  clients.start("one that fails", () => Promise.reject(new Error("of its own")));
  clients.start("one that hangs", async (activity) => {
    activity.is("sends 3:0");
    await hung.promise;
  });
  const named = "not ended within 50 ms: one that hangs sends 3:0 for 0 s";
  await expect(clients.ended(50)).rejects.toThrow(named);
  expect(errors).toEqual(["Error: of its own"]);
  hung.resolve();
  await clients.ended(60_000);
});
