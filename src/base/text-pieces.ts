/** Splits texts that are longer than a row. */

/** Splits text into pieces of a length, none of which ends within a surrogate pair, which UTF-8 could not encode. */
export function piecesOf(text: string, lengthMax: number): string[] {
  const pieces: string[] = [];
  let start = 0;
  while (start < text.length) {
    let end = Math.min(start + lengthMax, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}
