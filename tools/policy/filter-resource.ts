// The file that Envoy loads its filter from (file ECDS): made anew, or read, changed in one place, written again.

import { createHash } from "node:crypto";

import { Document, isMap, isSeq, parseDocument, Scalar, type YAMLMap } from "yaml";

import { CommandError } from "../terminal/command-error.ts";

/** What an operator may decide about the filter beside the policy. */
export interface FilterSettings {
  /** Where Envoy finds the .wasm: a path on Envoy's machine. */
  readonly wasm: string;
  /** The filter's name in Envoy's `http_filters`. */
  readonly name: string;
  /** What Envoy does after a trap. */
  readonly failurePolicy: string;
}

const EXTENSION_TYPE = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
const WASM_TYPE = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const STRING_TYPE = "type.googleapis.com/google.protobuf.StringValue";

/** Characters that some YAML readers change inside a block scalar; such text is written in quotes. */
const UNSAFE_IN_BLOCK = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|^\s/;

/** A new resource with these settings and no policy yet. */
export function newFilterResource(settings: FilterSettings): Document {
  return new Document({
    version_info: "",
    resources: [
      {
        "@type": EXTENSION_TYPE,
        name: settings.name,
        typed_config: {
          "@type": WASM_TYPE,
          config: {
            name: settings.name,
            root_id: settings.name,
            vm_config: {
              vm_id: settings.name,
              runtime: "envoy.wasm.runtime.v8",
              code: { local: { filename: settings.wasm } },
            },
            failure_policy: settings.failurePolicy,
            reload_config: { backoff: { base_interval: "0.1s" } },
            configuration: { "@type": STRING_TYPE, value: "" },
          },
        },
      },
    ],
  });
}

/** Reads a resource file; YAML and JSON are one here, and YAML comments are kept. */
export function parseFilterResource(file: string, text: string): Document {
  const document = parseDocument(text, { prettyErrors: false });
  const fault = document.errors[0];
  if (fault !== undefined) throw new CommandError(`${file}: invalid YAML or JSON: ${fault.message}`, 1);
  return document;
}

/** The policy that the resource of that name (or the only one) has now; null when it has none. */
export function heldPolicy(file: string, document: Document, name: string | undefined): string | null {
  const configuration = getKey(wasmConfigOf(file, document, name), "configuration");
  const value = isMap(configuration) ? configuration.get("value") : null;
  return typeof value === "string" ? value : null;
}

/**
 * The resource with the policy (and those settings that are given) in it; its version is the policy's
 * digest. `file` is named in errors. Throws when the document is no resource of a Wasm filter.
 */
export function putPolicy(
  file: string,
  document: Document,
  policy: string,
  settings: Partial<FilterSettings>,
): string {
  const config = wasmConfigOf(file, document, settings.name);
  if (settings.wasm !== undefined) {
    setPath(document, config, ["vm_config", "code", "local", "filename"], settings.wasm);
  }
  if (settings.failurePolicy !== undefined)
    setPath(document, config, ["failure_policy"], settings.failurePolicy);
  const value = new Scalar(policy);
  value.type = UNSAFE_IN_BLOCK.test(policy) ? Scalar.QUOTE_DOUBLE : Scalar.BLOCK_LITERAL;
  setKey(config, "configuration", document.createNode({ "@type": STRING_TYPE, value }));
  // A shadow's call is stopped at its headers and shown to its end (docs/effects.md).
  if (hasAnswers(policy)) setKey(config, "allow_on_headers_stop_iteration", true);
  const root = document.contents as YAMLMap;
  const version = versionOf(policy);
  setKey(root, "version_info", version);
  return version;
}

/** Whether a policy, as text, has effects that the proxy answers. */
function hasAnswers(policy: string): boolean {
  if (!policy.includes('"effects"')) return false;
  try {
    const { effects } = JSON.parse(policy) as { effects?: Readonly<Record<string, { answer?: object }>> };
    return Object.values(effects ?? {}).some(({ answer }) => answer !== undefined);
  } catch {
    // Tests publish what no filter takes.
    return false;
  }
}

/**
 * The version under which a policy is published, by which Envoy and `serin status` name it: the first 64 bits of the
 * SHA-256 of its text, `sha256-3f9a1c22b07e41aa`. The gauge `serin.policy.digest` is the first 48 of them.
 */
export function versionOf(policy: string): string {
  return `sha256-${createHash("sha256").update(policy).digest("hex").slice(0, 16)}`;
}

/** The document as text: JSON for a name that ends so, else YAML with the policy as a block that people can read. */
export function printFilterResource(file: string, document: Document): string {
  if (/\.json$/i.test(file)) return `${JSON.stringify(document.toJS(), null, 2)}\n`;
  return document.toString({ lineWidth: 0, blockQuote: "literal" });
}

/** The `config` of the one resource that is a Wasm filter (of that name, when one is asked for). */
function wasmConfigOf(file: string, document: Document, name: string | undefined): YAMLMap {
  const resources = isMap(document.contents) ? getKey(document.contents, "resources") : null;
  const items = isSeq(resources) ? resources.items.filter(isMap) : [];
  const filters = items.flatMap((resource) => {
    const typed = getKey(resource, "typed_config");
    if (!isMap(typed) || typed.get("@type") !== WASM_TYPE) return [];
    const config = getKey(typed, "config");
    return isMap(config) ? [{ name: resource.get("name"), config }] : [];
  });
  const names = filters.map((filter) => String(filter.name)).join(", ");
  const chosen = name === undefined ? filters : filters.filter((filter) => filter.name === name);
  const [only, another] = chosen;
  if (only === undefined) {
    const wanted =
      name !== undefined && filters.length > 0 ? `no filter called ${name} (found: ${names})` : null;
    throw new CommandError(`${file}: ${wanted ?? "no Wasm filter resource found"}; not changed`, 1);
  }
  if (another !== undefined)
    throw new CommandError(`${file}: several filters (${names}): choose one with --name`, 1);
  return only.config;
}

/** Protobuf's JSON takes `snake_case` and `camelCase`; operators write both. */
function camelCase(key: string): string {
  return key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function getKey(map: YAMLMap, key: string): unknown {
  return map.get(key, true) ?? map.get(camelCase(key), true);
}

function setKey(map: YAMLMap, key: string, value: unknown): void {
  map.set(!map.has(key) && map.has(camelCase(key)) ? camelCase(key) : key, value);
}

function setPath(document: Document, map: YAMLMap, path: readonly string[], value: string): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  if (rest.length === 0) return setKey(map, key, value);
  let child = getKey(map, key);
  if (!isMap(child)) {
    child = document.createNode({});
    setKey(map, key, child);
  }
  setPath(document, child as YAMLMap, rest, value);
}
