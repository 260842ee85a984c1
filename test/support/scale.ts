/** How much a test does that could go on for ever: a little in `npm test`, all of it in `npm run test:all`. */

/** Set by the project "long" of vitest.config.ts. */
const IS_LONG = process.env["ODRADEK_TESTS"] === "long";

export function scaled(much: { readonly short: number; readonly long: number }): number {
  return IS_LONG ? much.long : much.short;
}
