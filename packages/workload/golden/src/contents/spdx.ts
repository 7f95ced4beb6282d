// The list of what is in a golden image, as SPDX 2.3 in JSON (https://spdx.github.io/spdx-spec/v2.3/).
import type { Contents } from "./packages.ts";

export interface SpdxInput extends Contents {
  /** What it describes: `local/20261123-120000-a1b2c3`. */
  readonly name: string;
  /** The provider's id of the image. */
  readonly imageId: string;
  /** Seconds since 1970. */
  readonly createdAtS: number;
}

export function spdxOf(input: SpdxInput) {
  const debian = input.packages.map((each) =>
    entry(
      `deb-${each.name}`,
      each.name,
      each.version,
      `pkg:deb/debian/${encodeURIComponent(each.name)}@${encodeURIComponent(each.version)}?arch=${each.architecture}&distro=${input.suite}`,
      `built from the source package ${each.source}`,
    ),
  );
  const others = input.programs.map(({ name, module, version }) =>
    entry(`program-${name}`, name, version, `pkg:golang/${module}@v${version}`, `built from the module ${module}`),
  );
  const all = [...debian, ...others];
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `triplane golden image ${input.name}`,
    documentNamespace: `https://triplane.invalid/spdx/golden/${input.name}`,
    comment: `image ${input.imageId}`,
    creationInfo: {
      created: new Date(input.createdAtS * 1000).toISOString().replace(/\.\d{3}Z$/, "Z"),
      creators: ["Tool: triplane-golden"],
    },
    packages: all,
    relationships: all.map(({ SPDXID }) => ({
      spdxElementId: "SPDXRef-DOCUMENT",
      relationshipType: "DESCRIBES",
      relatedSpdxElement: SPDXID,
    })),
  };
}

function entry(id: string, name: string, version: string, locator: string, sourceInfo: string) {
  return {
    SPDXID: `SPDXRef-${id.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`,
    name,
    versionInfo: version,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: "NOASSERTION",
    licenseDeclared: "NOASSERTION",
    copyrightText: "NOASSERTION",
    sourceInfo,
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: locator }],
  };
}
