// What Emissary generated for ../shared/emissary-data/resources.yaml, with the ports of this run. Where that folder is
// not there, a configuration of the same form, made here: so the tests say something in any checkout.

import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { freePort } from "../../tools/envoy/index.ts";
import { smallConfiguration } from "./small-configuration.ts";

const NAMED = process.env["EMISSARY_DATA"];
const FOLDER = resolve(NAMED ?? resolve(import.meta.dirname, "../../../shared/emissary-data"));
// Named and not there is a fault; not there without being named is another checkout.
if (NAMED !== undefined && !existsSync(FOLDER)) throw new Error(`EMISSARY_DATA: there is no ${FOLDER}`);

/** Emissary's versions whose output is at hand. */
export const EMISSARIES: readonly string[] = existsSync(FOLDER) ? ["3.10", "4.1"] : ["small"];
if (!existsSync(FOLDER)) {
  console.log("../shared/emissary-data is not there: what Emissary itself generated is not run");
}

/** The ports that the data has, by what listens there. */
const PORTS = { web: 22080, ready: 22006, stable: 22101, canary: 22102, shadow: 22103 };

export interface Services {
  readonly stable: { readonly port: number };
  readonly canary: { readonly port: number };
  readonly shadow: { readonly port: number };
}

/** As diagd wrote it. */
export interface Generated {
  readonly ads: AdsFile;
  readonly bootstrap: Bootstrap;
  /** Ports of the two listeners. */
  readonly web: number;
  readonly ready: number;
  /** Clusters of the two shadows. */
  readonly callCluster: string;
  readonly mirrorCluster: string;
}

export interface AdsFile {
  readonly "@type": string;
  readonly static_resources: { readonly listeners: object[]; readonly clusters: object[] };
  readonly layered_runtime: object;
}

export interface Bootstrap {
  readonly node: object;
  readonly admin: object;
  readonly stats_config?: { readonly stats_tags: readonly object[] };
}

/** `adsPort`: where ambex will listen. */
export async function generated(emissary: string, services: Services, adsPort = 8003): Promise<Generated> {
  const web = await freePort();
  const ready = await freePort();
  const texts =
    emissary === "small"
      ? smallConfiguration(PORTS)
      : {
          ads: readFileSync(join(FOLDER, `${emissary}-none.envoy.json`), "utf8"),
          bootstrap: readFileSync(join(FOLDER, `${emissary}.bootstrap-ads.json`), "utf8"),
        };
  const { stable, canary, shadow } = services;
  const ports: [number, number][] = [
    [PORTS.web, web],
    [PORTS.ready, ready],
    [PORTS.stable, stable.port],
    [PORTS.canary, canary.port],
    [PORTS.shadow, shadow.port],
  ];
  // The ports stand in the clusters' names too. Two steps, since a new port may be an old one.
  const marked = ports.reduce((text, [from], i) => text.replaceAll(String(from), `<port ${i}>`), texts.ads);
  const ads = ports.reduce((text, [, to], i) => text.replaceAll(`<port ${i}>`, String(to)), marked);
  const mirrorCluster = `cluster_shadow_127_0_0_1_${shadow.port}_shop`;
  return {
    ads: JSON.parse(withOwnMirror(ads, mirrorCluster)) as AdsFile,
    bootstrap: JSON.parse(
      texts.bootstrap
        .replaceAll(/"port_value":\s*22001/g, '"port_value": 0')
        .replaceAll(/"port_value":\s*8003/g, `"port_value": ${adsPort}`),
    ) as Bootstrap,
    web,
    ready,
    callCluster: `cluster_serin_127_0_0_1_${shadow.port}_shop`,
    mirrorCluster,
  };
}

/**
 * The Mapping `mirror-on` with the header that Serin writes, `x-serin-shadow-copy: <cluster>` in place of `on`, and
 * without its removal: the filter on the shadow's cluster knows the copy by it.
 */
function withOwnMirror(text: string, cluster: string): string {
  return text
    .replaceAll(/"request_headers_to_remove":\s*\[\s*"x-serin-shadow"\s*\],?/g, "")
    .replaceAll('"x-serin-shadow"', '"x-serin-shadow-copy"')
    .replaceAll(/"(exact|exact_match)":\s*"on"/g, `"$1": "${cluster}"`);
}
