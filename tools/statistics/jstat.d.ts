// The functions of jstat that are used here; the package has no types of its own.

declare module "jstat" {
  const jStat: {
    /** Natural logarithm of the Gamma function, of numbers above 0. */
    gammaln(x: number): number;
  };
  export default jStat;
}
