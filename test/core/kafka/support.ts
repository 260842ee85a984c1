/** What the tests of the wire protocol's messages share. */

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Bytes from hexadecimal digits; blanks between fields are for the reader. */
export const unhex = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
