// Published schemas of Kubernetes' resources, out of the Go modules that carry them.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Ajv, type ValidateFunction } from "ajv";
import { parseAllDocuments } from "yaml";

/** Go module, and its file of CustomResourceDefinitions. Envoy Gateway's module is not served by the module proxy. */
export const PUBLISHED = {
  emissary: ["github.com/emissary-ingress/emissary/v3@v3.10.0", "pkg/api/getambassador.io/crds.yaml"],
  istio: ["istio.io/api@v1.27.3", "kubernetes/customresourcedefinitions.gen.yaml"],
  gatewayApi: [
    "sigs.k8s.io/gateway-api@v1.3.0",
    "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
  ],
  prometheus: [
    "github.com/prometheus-operator/prometheus-operator@v0.83.0",
    "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
  ],
} as const;

interface Definition {
  readonly kind: string;
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { name: string; schema?: { openAPIV3Schema: object } }[];
  };
}

/** The text of a file of definitions; Go fetches the module when it is not there. */
export function publishedDefinitions(from: keyof typeof PUBLISHED): string {
  const [module, file] = PUBLISHED[from];
  const answer = execFileSync("go", ["mod", "download", "-json", module], {
    // Outside of any module of ours: none of these is built.
    cwd: tmpdir(),
    encoding: "utf8",
    env: { ...process.env, GOFLAGS: "-mod=mod" },
  });
  return readFileSync(join((JSON.parse(answer) as { Dir: string }).Dir, file), "utf8");
}

/** What is wrong with a resource by these definitions, a sentence each. */
export function faultsOf(resource: object, definitions: string): string[] {
  const { apiVersion, kind } = resource as { apiVersion: string; kind: string };
  const [group, version] = apiVersion.split("/");
  for (const document of parseAllDocuments(definitions, { logLevel: "error" })) {
    const found = document.toJS() as Definition | null;
    if (found?.kind !== "CustomResourceDefinition") continue;
    if (found.spec.group !== group || found.spec.names.kind !== kind) continue;
    const schema = found.spec.versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema;
    if (schema === undefined) return [`${kind} has no version ${version}`];
    const validate = compile(closed(schema));
    validate(resource);
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`,
    );
  }
  return [`no definition of ${apiVersion} ${kind}`];
}

function compile(schema: object): ValidateFunction {
  // Formats of OpenAPI (int32, …) and the words of Kubernetes (x-kubernetes-…) say nothing more here.
  return new Ajv({ strict: false, validateFormats: false, allErrors: true, logger: false }).compile(schema);
}

/** The API server drops fields that a schema does not name, without a word: here they are faults. */
function closed(schema: unknown, isTop = true): object {
  if (Array.isArray(schema)) return schema.map((item) => closed(item, false));
  if (typeof schema !== "object" || schema === null) return schema as object;
  // A few patterns are Go's alone (`(?i)`).
  const known = Object.entries(schema).filter(
    ([key, value]) => key !== "pattern" || !String(value).includes("(?i)"),
  );
  const entries = known.map(([key, value]): [string, unknown] => {
    if (key === "properties") {
      const members = Object.entries(value as object).map(([name, one]) => [name, closed(one, false)]);
      return [key, Object.fromEntries(members)];
    }
    return [key, key === "items" || key === "additionalProperties" ? closed(value, false) : value];
  });
  const result = Object.fromEntries(entries) as Record<string, unknown>;
  const isOpen = result["x-kubernetes-preserve-unknown-fields"] === true || "additionalProperties" in result;
  // metadata is `type: object` and no more; what Kubernetes itself says of it stands elsewhere.
  if ("properties" in result && !isOpen && !isTop) result["additionalProperties"] = false;
  return result;
}
