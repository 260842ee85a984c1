/** Base64 between bytes and bytes, against Node's own. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { base64Length, decodeBase64, encodeBase64 } from "../../../src/worker/json/base64.ts";

const decode = (text: string) => {
  const bytes = new TextEncoder().encode(`..${text}..`);
  return decodeBase64(bytes, 2, bytes.length - 2);
};

describe("base64", () => {
  it("encodes as Node does", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const out = new Uint8Array(base64Length(bytes.length) + 2);
        const end = encodeBase64(bytes, out, 1);
        expect(end).toBe(1 + base64Length(bytes.length));
        expect(Buffer.from(out.subarray(1, end)).toString()).toBe(
          Buffer.from(bytes).toString("base64"),
        );
      }),
    );
  });

  it("decodes what it encodes, with padding and without", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = Buffer.from(bytes).toString("base64");
        expect(decode(text)).toEqual(bytes);
        expect(decode(text.replaceAll("=", ""))).toEqual(bytes);
      }),
    );
  });

  it("refuses everything else", () => {
    for (const text of [
      "A",
      "A===",
      "AA=",
      "AA A",
      "AA\n",
      "-_-_",
      "====",
      "AA==AA==",
      "é",
      "AAA*",
    ]) {
      expect(decode(text)).toBeNull();
    }
    expect(decode("")).toEqual(new Uint8Array(0));
  });
});
