/**
 * Text that a person may be shown: what would move the cursor, break the line or turn its direction is written as
 * an escape. A policy comes from elsewhere, and its words stand in messages.
 */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const INVISIBLE = /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]/g;
