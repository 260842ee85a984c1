/** Content negotiation: which of the offered media types a caller prefers (RFC 9110, section 12.5.1). */

/**
 * The offered type that `accept` prefers, null if it accepts none of them; without the header, the first. Between types
 * of equal quality, the one that the caller names first, else the one that is offered first.
 */
export function preferredType(accept: string | null, offered: readonly string[]): string | null {
  if (accept === null || accept.trim() === "") return offered[0] ?? null;
  const ranges = accept.split(",").map(parseRange);
  let best: string | null = null;
  let bestQuality = 0;
  let bestIndex = Infinity;
  for (const type of offered) {
    const index = mostSpecific(ranges, type);
    const quality = index === -1 ? 0 : ranges[index]!.quality;
    if (quality > bestQuality || (quality === bestQuality && quality > 0 && index < bestIndex)) {
      best = type;
      bestQuality = quality;
      bestIndex = index;
    }
  }
  return best;
}

/** The media type of a Content-Type, without its parameters, in lower case; empty when there is none. */
export function bareType(contentType: string | null): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

interface Range {
  readonly type: string;
  readonly quality: number;
}

function parseRange(text: string): Range {
  const [type, ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const written = parameters.find((parameter) => parameter.startsWith("q="));
  const quality = written === undefined ? 1 : Number(written.slice(2));
  return { type: type!, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

/** Index of the most specific range that matches `type`; -1 if none does. */
function mostSpecific(ranges: readonly Range[], type: string): number {
  const family = `${type.slice(0, type.indexOf("/"))}/*`;
  for (const pattern of [type, family, "*/*"]) {
    const index = ranges.findIndex((range) => range.type === pattern);
    if (index !== -1) return index;
  }
  return -1;
}
