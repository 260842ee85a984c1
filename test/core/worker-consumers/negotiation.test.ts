/** Which format of records a reader asks for, and in which media type it gets them. */
import { expect, it } from "vitest";
import { formatAsked, recordsType } from "../../../src/worker/consumers/negotiation.ts";

const of = (format: string): string => `application/vnd.kafka.${format}.v2+json`;

it.each([
  [null, null, "application/json"],
  ["*/*", null, "application/json"],
  ["application/json", null, "application/json"],
  ["application/vnd.kafka.v2+json", null, "application/vnd.kafka.v2+json"],
  [of("json"), "json", of("json")],
  [of("binary"), "binary", null],
  [`${of("json")}, application/json;q=0.1`, null, of("json")],
  [`${of("json")}, ${of("binary")}`, null, of("json")],
  [`${of("string")}, ${of("binary")}`, null, null],
])("accept %s asks for %s, and of an instance of json gives %s", (accept, format, type) => {
  expect(formatAsked(accept)).toBe(format);
  const given = recordsType(accept, "json");
  expect(typeof given === "string" ? given : null).toBe(type);
});

it("nothing that is accepted is refused before the group is asked", () => {
  for (const accept of ["text/html", of("avro"), `${of("json")};q=0`]) {
    expect(formatAsked(accept), accept).toMatchObject({ error: "NOT_ACCEPTABLE" });
  }
});
