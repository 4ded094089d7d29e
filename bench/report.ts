import { cpus, loadavg, totalmem } from "node:os";

export type Cell = string | number;

/** Lines up columns; the first is aligned to the left, the others to the right. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const lines = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const align = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!);
  return lines.map((line) => line.map(align).join("  ").trimEnd()).join("\n");
}

/** 123456 -> "123k", 1234567 -> "1.23M": three digits say all that a measurement knows. */
export function rate(perSecond: number): string {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)}M`;
  if (perSecond >= 1e5) return `${Math.round(perSecond / 1e3)}k`;
  if (perSecond >= 1e3) return `${(perSecond / 1e3).toFixed(1)}k`;
  return perSecond.toFixed(0);
}

export function millis(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(1);
}

export function percent(fraction: number): string {
  return `${Math.round(fraction * 100)}%`;
}

/** What a figure depends on besides the code. */
export function machine(): Readonly<Record<string, string | number>> {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpus: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    // Above the number of processors others take part of what is measured.
    loadAverage: Number(loadavg()[0]?.toFixed(1)),
  };
}
