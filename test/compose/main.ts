// The scene to look at where no image registry is reached: on an engine of its own, with stand-ins, until Ctrl-C.
//   npm run compose

import { startEngine } from "./engine.ts";
import { startScene } from "./scene.ts";
import { ensureStandIns } from "./stand-ins.ts";

const engine = await startEngine(console.log);
try {
  if (engine.isOwn) await ensureStandIns(engine, console.log);
  const services = ["production", "canary", "shadow", "auth", "envoy", "load", "prometheus"] as const;
  const scene = await startScene(engine, [...services, "ambassador", "hop"]);
  try {
    const at = (port: number): string => `http://127.0.0.1:${port}`;
    console.log(`shop        ${at(scene.ports.shop)}/checkout`);
    console.log(`admin       ${scene.admin.url}`);
    console.log(`prometheus  ${at(scene.ports.prometheus)}`);
    console.log(`hop         ${at(scene.ports.hop)}/checkout`);
    console.log(`policy      ${scene.policyFolder}/filter.yaml`);
    console.log("Ctrl-C ends it");
    const idle = setInterval(() => undefined, 1 << 30);
    await new Promise<void>((end) => process.once("SIGINT", end).once("SIGTERM", end));
    clearInterval(idle);
  } finally {
    await scene.down();
  }
} finally {
  await engine.stop();
}
