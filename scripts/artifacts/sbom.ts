import { Enums, Models, Serialize, SPDX, Spec } from '@cyclonedx/cyclonedx-library'
import type { BundledPackage } from './bundled-package.ts'
import type { RuntimePart } from './runtime.ts'

/** A part of the archives, with its SPDX licence and its package URL. */
type Part = Pick<RuntimePart, 'name' | 'version' | 'license' | 'purl'>

/** Makes the bill of materials (CycloneDX) of the archives of one version. */
export function billOfMaterials(
  version: string,
  time: Date,
  parts: readonly RuntimePart[],
  packages: readonly BundledPackage[],
): string {
  const agent = new Models.Component(Enums.ComponentType.Application, 'rca-agent', {
    bomRef: 'rca-agent',
    version,
    licenses: new Models.LicenseRepository([licenseOf('Apache-2.0')]),
  })
  const bom = new Models.Bom({ metadata: new Models.Metadata({ timestamp: time, component: agent }) })
  for (const part of [...parts, ...packages.map(withUrl)]) {
    const component = new Models.Component(Enums.ComponentType.Library, part.name, {
      bomRef: part.purl,
      version: part.version,
      purl: part.purl,
      licenses: new Models.LicenseRepository([licenseOf(part.license)]),
    })
    bom.components.add(component)
    agent.dependencies.add(component.bomRef)
  }
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6))
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`
}

function withUrl({ name, version, license }: BundledPackage): Part {
  return { name, version, license, purl: `pkg:npm/${name.replace('@', '%40')}@${version}` }
}

function licenseOf(license: string): Models.License {
  return SPDX.isSupportedSpdxId(license) ? new Models.SpdxLicense(license) : new Models.LicenseExpression(license)
}
