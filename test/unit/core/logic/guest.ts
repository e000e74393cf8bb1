// The operators as a module of their own, for test/logic/operators.test.ts: it writes values into this memory.

export { beginScratch, scratch } from "../../../../assembly/bytes/scratch";
export { cborOf } from "../../../../assembly/core/logic/cbor";
export { fractional } from "../../../../assembly/core/logic/fractional";
export { semVer } from "../../../../assembly/core/logic/sem-ver";
export { beginWork } from "../../../../assembly/core/logic/work";
export { contains, endsWith, startsWith } from "../../../../assembly/core/logic/text-operators";
