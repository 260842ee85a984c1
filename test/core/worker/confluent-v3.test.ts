/** Every operation of Confluent's REST Proxy API v3 is there, or it is known why not. */
import { expect, test } from "vitest";
import { compare } from "../../../scripts/confluent-v3.ts";
import { describeApi } from "../../../src/worker/about/openapi.ts";
import { routes } from "../../../src/worker/app.ts";

test("no operation of Confluent's v3 is missing without a reason (issue 11: 17 were)", () => {
  const { operations, missing, outdated } = compare(describeApi(routes));
  expect(missing.filter(({ reason }) => reason === null)).toEqual([]);
  expect(outdated).toEqual([]);
  expect(operations).toBe(50);
  expect(missing).toHaveLength(6);
});
