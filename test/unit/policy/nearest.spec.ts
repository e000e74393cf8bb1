import { beginText, textOf } from "../../../assembly/bytes/writer";
import { putNearest } from "../../../assembly/policy/nearest";
import { bytesOf, newWriter, stringOf, wordOf } from "../texts";

function nearest(word: string, known: string): string {
  const writer = newWriter();
  beginText(writer);
  putNearest(writer, bytesOf(word), wordOf(known));
  return stringOf(textOf(writer));
}

describe("the nearest known word", () => {
  it("is found over a wrong, a missing, an additional and two swapped letters", () => {
    expect(nearest("percnt", "percent max")).toBe(': did you mean "percent"? Known: percent, max');
    expect(nearest("precent", "percent max")).toBe(': did you mean "percent"? Known: percent, max');
    expect(nearest("perrcent", "percent max")).toBe(': did you mean "percent"? Known: percent, max');
    expect(nearest("mix", "percent max")).toBe(': did you mean "max"? Known: percent, max');
  });

  it("is found whatever the case", () => {
    expect(nearest("querYparams", "hosts queryParams")).toBe(
      ': did you mean "queryParams"? Known: hosts, queryParams',
    );
  });

  it("is not guessed when nothing is near", () => {
    expect(nearest("weight", "percent max")).toBe("; known: percent, max");
    expect(nearest("", "percent max")).toBe("; known: percent, max");
    expect(nearest("x".repeat(1000), "percent max")).toBe("; known: percent, max");
  });
});
