// How as-pect finds and starts the unit specs: each file of test/unit is compiled with what it imports from
// assembly/ and run in Node. Pure code only: a spec that pulls in a host call fails to start, and should.

export default {
  entries: ["test/unit/**/*.spec.ts"],
  include: ["test/unit/**/*.include.ts"],
  disclude: [/node_modules/],
  instantiate(memory, createImports, instantiate, binary) {
    return instantiate(binary, createImports({ env: { memory } }));
  },
  outputBinary: false,
};
