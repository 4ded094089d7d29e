/** What the value of one setting may be. */
export type SettingRule =
  | {
      readonly kind: "integer" | "number";
      readonly min: number;
      readonly max: number;
      /** The value is a multiple of this. */
      readonly step?: number;
    }
  | { readonly kind: "choice"; readonly choices: readonly (string | boolean)[] }
  | { readonly kind: "text" };

export type SettingRules<Settings> = { readonly [K in keyof Settings]: SettingRule };

/** What is wrong with a value, to go behind its name; `undefined` when nothing is. */
export function problemOf(rule: SettingRule, value: unknown): string | undefined {
  return fits(rule, value) ? undefined : `must be ${demandOf(rule)}, got ${shownSetting(value)}`;
}

/** What a rule demands, to go behind "must be". */
export function demandOf(rule: SettingRule): string {
  switch (rule.kind) {
    case "text":
      return "a string";
    case "choice":
      return `one of ${rule.choices.map(shownSetting).join(", ")}`;
    default: {
      const { kind, min, max, step } = rule;
      const one = kind === "integer" ? "an integer" : "a number";
      return `${step === undefined ? one : `a multiple of ${step}`} from ${min} to ${max}`;
    }
  }
}

/** A value as messages show it. */
export function shownSetting(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function fits(rule: SettingRule, value: unknown): boolean {
  switch (rule.kind) {
    case "text":
      return typeof value === "string";
    case "choice":
      return rule.choices.some((choice) => choice === value);
    default: {
      const { kind, min, max, step = 1 } = rule;
      if (typeof value !== "number" || !(value >= min && value <= max)) return false;
      return kind === "number" || Number.isInteger(value / step);
    }
  }
}

/** A rule for whole numbers, both ends allowed, of which each is a multiple of `step`. */
export function integer(min: number, max: number, step?: number): SettingRule {
  return { kind: "integer", min, max, ...(step === undefined ? {} : { step }) };
}

export function number(min: number, max: number): SettingRule {
  return { kind: "number", min, max };
}

export function choice(...choices: readonly (string | boolean)[]): SettingRule {
  return { kind: "choice", choices };
}
