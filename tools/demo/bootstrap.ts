// The demo's Envoy configuration, with the ports and folders of this run.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface BootstrapPlaces {
  readonly port: number;
  readonly adminPort: number;
  /** Where filter.yaml is. */
  readonly filterFolder: string;
  /** Ports of the clusters, by name. */
  readonly clusters: ReadonlyMap<string, number>;
}

export function bootstrap({ port, adminPort, filterFolder, clusters }: BootstrapPlaces): string {
  const list = [...clusters].map(([name, clusterPort]) => ({
    name,
    connect_timeout: "1s",
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(clusterPort) } }] }],
    },
  }));
  // JSON is YAML: the values need no quoting of their own.
  const values: Record<string, string> = {
    PUBLIC_PORT: String(port),
    ADMIN_PORT: String(adminPort),
    FILTER_FOLDER: filterFolder,
    CLUSTERS: JSON.stringify(list),
  };
  return readFileSync(join(import.meta.dirname, "bootstrap.yaml"), "utf8").replace(
    /\b(PUBLIC_PORT|ADMIN_PORT|FILTER_FOLDER|CLUSTERS)\b/g,
    (word) => values[word] ?? word,
  );
}

function loopback(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
