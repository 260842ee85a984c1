import fc from "fast-check";
import { expect, test } from "vitest";

import { text } from "./support.ts";
import { JSON_DEPTH_MAX, JsonCursor } from "../../../src/worker/json/json-slices.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Skips one document; what was skipped, or the refusal's text. */
function skip(bytes: Uint8Array): string | { refused: string } {
  const cursor = new JsonCursor(bytes);
  cursor.skipValue();
  if (cursor.refusal === null && !cursor.atEnd()) cursor.fail("more than one document");
  if (cursor.refusal !== null) return { refused: cursor.refusal.message };
  return decoder.decode(bytes.subarray(cursor.valueStart, cursor.valueEnd));
}

function parses(bytes: Uint8Array): boolean {
  try {
    JSON.parse(decoder.decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** Builds the value again through the structured half of the cursor. */
function rebuild(cursor: JsonCursor, bytes: Uint8Array): unknown {
  switch (cursor.peek()) {
    case "object": {
      const entries = new Map<string, unknown>();
      cursor.enterObject();
      for (let key = cursor.nextKey(); key !== null; key = cursor.nextKey()) {
        entries.set(key, rebuild(cursor, bytes));
      }
      return Object.fromEntries(entries);
    }
    case "array": {
      const elements: unknown[] = [];
      cursor.enterArray();
      while (cursor.nextElement()) elements.push(rebuild(cursor, bytes));
      return elements;
    }
    case "string":
      return cursor.readString();
    case "boolean":
      return cursor.readBoolean();
    case "null":
      return cursor.takeNull() ? null : undefined;
    default:
      cursor.skipValue();
      return Number(decoder.decode(bytes.subarray(cursor.valueStart, cursor.valueEnd)));
  }
}

const jsonArbitrary = fc.oneof(
  fc.json(),
  fc.json({ stringUnit: "binary", maxDepth: 5 }),
  fc.jsonValue({ stringUnit: "grapheme" }).map((value) => JSON.stringify(value, null, 2)),
);

test("accepts what JSON.parse accepts, and answers the value as it was written", () => {
  fc.assert(
    fc.property(jsonArbitrary, fc.constantFrom("", " ", "\n\t\r "), (json, space) => {
      expect(skip(text(space + json + space))).toBe(json);
    }),
    { numRuns: 2000 },
  );
});

test("mutated documents: accepts exactly what JSON.parse accepts", () => {
  const edit = fc.tuple(
    fc.nat(),
    fc.constantFrom("insert", "delete", "replace"),
    fc.constantFrom(
      ...'{}[]",:\\/u019-+.eE tfn\n\u0001é',
      "\u00a0",
      "true",
      "null",
      "\\u12",
      "1e5",
    ),
  );
  fc.assert(
    fc.property(jsonArbitrary, fc.array(edit, { minLength: 1, maxLength: 3 }), (json, edits) => {
      let mutated = json;
      for (const [where, how, piece] of edits) {
        const at = where % (mutated.length + 1);
        const rest = mutated.slice(how === "insert" ? at : at + 1);
        mutated = mutated.slice(0, at) + (how === "delete" ? "" : piece) + rest;
      }
      const bytes = text(mutated);
      expect(typeof skip(bytes) === "string", mutated).toBe(parses(bytes));
    }),
    { numRuns: 10_000 },
  );
});

test("random bytes, JSON-like and not: accepts exactly what decoding and JSON.parse accept", () => {
  const alphabet = [...'{}[]",:\\u0123abeE+-. \n', "é", "\u{1f600}"].map((char) => text(char));
  const likely = fc
    .array(fc.constantFrom(...alphabet), { maxLength: 14 })
    .map((parts) => new Uint8Array(Buffer.concat(parts)));
  fc.assert(
    fc.property(fc.oneof(likely, fc.uint8Array({ maxLength: 40 })), (bytes) => {
      expect(typeof skip(bytes) === "string").toBe(parses(bytes));
    }),
    { numRuns: 20_000 },
  );
});

test("known numbers, literals and strings, legal and not", () => {
  const legal = [
    "0",
    "-0",
    "1.5e+10",
    "0E-0",
    "1e5",
    '"\\u0041\\ud83d\\ude00"',
    '"\\ud800"',
    "[]",
    "{}",
  ];
  const illegal = ["", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "tru", "nulll"];
  const broken = [
    '"',
    '"\\x"',
    '"\\u12g4"',
    '"\\u123"',
    '"\n"',
    "'a'",
    "[1,]",
    '{"a":1,}',
    "{a:1}",
  ];
  const nested = [
    "[",
    "{",
    "]",
    "[}",
    '{"a"}',
    '{"a":}',
    '{"a":1 "b":2}',
    "[1 2]",
    "[,1]",
    "\ufeff1",
  ];
  for (const json of legal) expect(skip(text(json))).toBe(json);
  for (const json of [...illegal, ...broken, ...nested]) {
    expect(typeof skip(text(json)), json).toBe("object");
    expect(parses(text(json)), json).toBe(false);
  }
});

test("strings of every length at every alignment end where they end", () => {
  for (let length = 0; length < 80; length++) {
    for (let shift = 0; shift < 4; shift++) {
      for (const inside of ["x", "é", "\u007f", " !#"]) {
        const json = JSON.stringify(inside.repeat(length));
        const bytes = Buffer.concat([Buffer.alloc(shift), text(json), text(',"no')]);
        const view = new Uint8Array(bytes.buffer, bytes.byteOffset + shift, bytes.length - shift);
        const cursor = new JsonCursor(view);
        expect(cursor.skipValue()).toBe(true);
        expect(cursor.valueEnd).toBe(text(json).length);
      }
    }
  }
});

test("a character that ends a string is found at every place among characters that do not", () => {
  for (const [bad, legal] of [
    [0x22, true],
    [0x5c, false],
    [0x1f, false],
    [0x00, false],
  ] as const) {
    for (let at = 1; at < 70; at++) {
      for (const filler of [0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f]) {
        const bytes = new Uint8Array(72).fill(filler);
        bytes[0] = 0x22;
        bytes[at] = bad;
        const cursor = new JsonCursor(bytes);
        expect([cursor.skipValue(), legal ? cursor.valueEnd : 0]).toEqual([
          legal,
          legal ? at + 1 : 0,
        ]);
      }
    }
  }
});

test("invalid UTF-8 is refused wherever it is, and only a body that is not ASCII is checked", () => {
  const bad = [[0xff], [0x80], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]];
  for (const bytes of bad) {
    for (const around of ["", "x".repeat(100), "é"]) {
      const before = text(`{"k":"${around}`);
      const json = Buffer.concat([before, Uint8Array.from(bytes), text(`${around}"}`)]);
      expect(skip(json)).toMatchObject({ refused: expect.stringContaining("UTF-8") });
    }
  }
});

test("every byte beyond ASCII leads to the check of UTF-8, deep in a long string too", () => {
  for (let byte = 0x80; byte < 0x100; byte++) {
    for (let at = 60; at < 76; at++) {
      const bytes = new Uint8Array(140).fill(0x78);
      bytes[0] = bytes[139] = 0x22;
      bytes[at] = byte;
      expect(new JsonCursor(bytes).skipValue(), `byte ${byte} at ${at}`).toBe(false);
    }
  }
});

test("the structured half reads any document to what JSON.parse reads", () => {
  fc.assert(
    fc.property(jsonArbitrary, (json) => {
      const bytes = text(json);
      const cursor = new JsonCursor(bytes);
      const value = rebuild(cursor, bytes);
      expect(cursor.refusal).toBeNull();
      expect(cursor.atEnd()).toBe(true);
      expect(value).toEqual(JSON.parse(json));
    }),
    { numRuns: 1000 },
  );
});

test("a produce request: values are slices, exact, and unknown fields are passed", () => {
  const body = text(
    '{"x":[{}],"records":[{"key":"a\\u00e9","value": 9007199254740993 ,"partition":2},' +
      '{"value":{"n":1.10,"n":2}},{"value":null}]} ',
  );
  const cursor = new JsonCursor(body);
  const values: string[] = [];
  let partition: number | null = null;
  let key = "";
  cursor.enterObject();
  for (let field = cursor.nextKey(); field !== null; field = cursor.nextKey()) {
    if (field !== "records") {
      cursor.skipValue();
      continue;
    }
    cursor.enterArray();
    while (cursor.nextElement()) {
      cursor.enterObject();
      for (let name = cursor.nextKey(); name !== null; name = cursor.nextKey()) {
        if (name === "partition") partition = cursor.readInteger();
        else if (name === "key") {
          cursor.readText();
          key = decoder.decode(cursor.textSource.subarray(cursor.textStart, cursor.textEnd));
        } else {
          cursor.skipValue();
          values.push(decoder.decode(body.subarray(cursor.valueStart, cursor.valueEnd)));
        }
      }
    }
  }
  expect(cursor.refusal).toBeNull();
  expect(cursor.atEnd()).toBe(true);
  expect(values).toEqual(["9007199254740993", '{"n":1.10,"n":2}', "null"]);
  expect([partition, key]).toEqual([2, "aé"]);
});

test("concatenated documents are read one after the other", () => {
  const cursor = new JsonCursor(text('{"a":1}{"a":2}\n {"a":3} '));
  const seen: (number | null)[] = [];
  while (!cursor.atEnd()) {
    cursor.enterObject();
    for (let key = cursor.nextKey(); key !== null; key = cursor.nextKey()) {
      seen.push(cursor.readInteger());
    }
  }
  expect([seen, cursor.refusal]).toEqual([[1, 2, 3], null]);
});

test("keys: escapes, __proto__, the empty key, and keys that share a place in the cache", () => {
  const keys = ["a\\u0062c", "__proto__", "", "constructor", "é", "x".repeat(40)];
  for (let i = 0; i < 300; i++) keys.push(`k${i}`);
  const cursor = new JsonCursor(text(`{${keys.map((key) => `"${key}":0`).join(",")}}`));
  const seen: string[] = [];
  cursor.enterObject();
  for (let key = cursor.nextKey(); key !== null; key = cursor.nextKey()) {
    seen.push(key);
    cursor.skipValue();
  }
  expect(cursor.refusal).toBeNull();
  expect(seen).toEqual(keys.map((key) => JSON.parse(`"${key}"`) as string));
});

test("integers: any spelling of a safe integer, nothing else", () => {
  const read = (json: string): number | null => new JsonCursor(text(json)).readInteger();
  expect(["0", "-0", "12", "-7", "1e3", "2.0"].map(read)).toEqual([0, 0, 12, -7, 1000, 2]);
  expect(read("9007199254740991")).toBe(Number.MAX_SAFE_INTEGER);
  for (const json of ["9007199254740992", "1.5", '"1"', "null", "1e999", "-", ""]) {
    expect(read(json), json).toBeNull();
  }
});

test("text: bytes of the request, or decoded; a lone surrogate becomes U+FFFD", () => {
  const read = (json: string): string => {
    const cursor = new JsonCursor(text(json));
    expect(cursor.readText(), json).toBe(true);
    return decoder.decode(cursor.textSource.subarray(cursor.textStart, cursor.textEnd));
  };
  expect(
    ['""', '"abc"', '"é😀"', '"\\u00e9\\n"', '"\\ud83d\\ude00"', '"\\ud800x"'].map(read),
  ).toEqual(["", "abc", "é😀", "é\n", "😀", "\ufffdx"]);
});

test("depth counts what encloses a value; one deeper is refused, however long the input", () => {
  const deep = (depth: number): Uint8Array => text("[".repeat(depth) + "]".repeat(depth));
  expect(typeof skip(deep(JSON_DEPTH_MAX))).toBe("string");
  expect(skip(deep(JSON_DEPTH_MAX + 1))).toMatchObject({
    refused: expect.stringContaining("deep"),
  });
  expect(skip(text("[".repeat(200_000)))).toMatchObject({
    refused: expect.stringContaining("deep"),
  });
  const inside = new JsonCursor(Buffer.concat([text("["), deep(JSON_DEPTH_MAX)]));
  inside.enterArray();
  inside.nextElement();
  expect(inside.skipValue()).toBe(false);
});

test("a refusal names the byte, and everything after it answers no", () => {
  const cursor = new JsonCursor(text('{"a": tru}'));
  cursor.enterObject();
  expect(cursor.nextKey()).toBe("a");
  expect(cursor.skipValue()).toBe(false);
  expect(cursor.refusal).toEqual({
    ok: false,
    error: "INVALID_REQUEST",
    message: "JSON at byte 9: a value is expected.",
  });
  const first = cursor.refusal;
  const answers = [
    cursor.nextKey(),
    cursor.nextElement(),
    cursor.enterArray(),
    cursor.readString(),
    cursor.readText(),
    cursor.readInteger(),
    cursor.readBoolean(),
    cursor.takeNull(),
    cursor.peek(),
    cursor.atEnd(),
  ];
  expect(answers).toEqual([null, false, false, null, false, null, null, false, null, true]);
  expect(cursor.refusal).toBe(first);
});

test("a cursor over a part of a buffer does not look beyond it", () => {
  const bytes = text('12"abc"34');
  const cursor = new JsonCursor(bytes, 2, 7);
  expect([cursor.readString(), cursor.atEnd()]).toEqual(["abc", true]);
  expect(new JsonCursor(bytes, 2, 6).readString()).toBeNull();
  expect(new JsonCursor(bytes, 0, 1).readInteger()).toBe(1);
  expect(new JsonCursor(text("-1"), 0, 1).readInteger()).toBeNull();
  expect(new JsonCursor(text("1e+5"), 0, 3).readInteger()).toBeNull();
});
