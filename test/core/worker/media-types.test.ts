/** Content negotiation: which of the offered types an Accept header prefers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bareType, preferredType } from "../../../src/worker/media-types.ts";

const OFFERED = ["application/json", "text/html", "application/vnd.kafka.v2+json"];

describe("preferredType", () => {
  it("is the first offered when the caller does not say", () => {
    expect(preferredType(null, OFFERED)).toBe("application/json");
    expect(preferredType(" ", OFFERED)).toBe("application/json");
    expect(preferredType(null, [])).toBeNull();
  });

  it("goes by quality, then by what is said most exactly, then by the caller's order", () => {
    const cases: [string, string | null][] = [
      ["text/html", "text/html"],
      ["TEXT/HTML", "text/html"],
      ["text/html;q=0.5, application/json;q=0.6", "application/json"],
      ["text/html;level=1;q=0.5, application/json;q=0.6", "application/json"],
      ["text/html, application/json", "text/html"],
      ["application/*, text/html;q=0.9", "application/json"],
      ["application/json;q=0, application/*", "application/vnd.kafka.v2+json"],
      ["application/json;q=0, */*;q=0.1, text/html;q=0", "application/vnd.kafka.v2+json"],
      ["text/plain", null],
      ["*/*;q=0", null],
      ["application/json;q=nonsense", null],
      ["application/json;q=2", null],
      [",,;", null],
    ];
    for (const [accept, type] of cases) {
      expect(preferredType(accept, OFFERED), accept).toBe(type);
    }
  });

  it("answers one of the offered types or none, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (accept) => {
        const type = preferredType(accept, OFFERED);
        expect(type === null || OFFERED.includes(type)).toBe(true);
      }),
    );
  });
});

describe("bareType", () => {
  it("leaves parameters and case away", () => {
    expect(bareType("Application/JSON; charset=utf-8")).toBe("application/json");
    expect(bareType(null)).toBe("");
  });
});
