/** The demo cannot run here, and why, in one line. It ends with status 2. */
export class DemoError extends Error {
  override readonly name = "DemoError";
}
