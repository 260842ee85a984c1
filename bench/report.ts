/** Prints the table for people, and the same as JSON. */
import type { Figures, Row } from "./row.ts";

export interface Measured {
  readonly row: Row;
  readonly figures: Figures;
}

export function meetsTarget({ row, figures }: Measured): boolean {
  return row.atLeast ? figures.ratio >= row.target : figures.ratio <= row.target;
}

/** What ours is compared with where a row does not say. */
const FLOOR = "floor";

/**
 * `floor` is the other side, whatever it is. Rows, calls and USD are per million records; null where no record was
 * processed.
 */
export function asJson(measured: readonly Measured[]): string {
  const rows = measured.map(({ row, figures }) => ({
    name: row.name,
    unit: row.unit,
    ours: figures.ours,
    against: row.against ?? FLOOR,
    floor: figures.floor,
    ratio: figures.ratio,
    target: row.target,
    rows_written: figures.rowsWritten,
    object_calls: figures.objectCalls,
    usd_per_million: figures.usdPerMillion,
  }));
  return JSON.stringify({ rows }, null, 2);
}

const HEAD = [
  "",
  "name",
  "ours",
  "other",
  "against",
  "unit",
  "ratio",
  "target",
  "cpu",
  "rows",
  "calls",
  "USD",
];
const CPU_NOTE =
  "cpu: the other side's processor time for a request ÷ ours; on a busy machine the steadier figure.";
const LEFT = new Set(["", "name", "against", "unit"]);

export function asTable(measured: readonly Measured[]): string {
  const lines = [HEAD, ...measured.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) =>
    line
      .map((cell, i) => (LEFT.has(HEAD[i]!) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  const notes = measured
    .filter(({ figures }) => figures.note !== undefined)
    .map(({ row, figures }) => `${row.name}: ${figures.note}.`);
  return [...text, "", ...notes, CPU_NOTE, "Rows, calls and USD: per million records."].join("\n");
}

function cells(measured: Measured): string[] {
  const { row, figures } = measured;
  return [
    meetsTarget(measured) ? "✓" : "✗",
    `${row.name}: ${row.title}`,
    short(figures.ours),
    short(figures.floor),
    row.against ?? FLOOR,
    row.unit,
    figures.ratio.toFixed(2),
    `${row.atLeast ? "≥" : "≤"} ${row.target}`,
    figures.cpuRatio?.toFixed(2) ?? "–",
    short(figures.rowsWritten),
    short(figures.objectCalls),
    figures.usdPerMillion === null ? "–" : figures.usdPerMillion.toPrecision(2),
  ];
}

function short(value: number | null): string {
  if (value === null) return "–";
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
