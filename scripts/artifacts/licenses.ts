import { type BundledPackage, licenseTexts } from './bundled-package.ts'
import type { RuntimePart } from './runtime.ts'

/** Makes the text of `THIRD-PARTY-LICENSES`: everything in an archive that others wrote, with its licence. */
export function thirdPartyLicenses(parts: readonly RuntimePart[], packages: readonly BundledPackage[]): string {
  const sections = [
    ...parts.map(({ name, version, license, licenseText }) => section(`${name} ${version}`, license, [licenseText])),
    ...packages
      .filter(({ name }) => !name.startsWith('@rca/'))
      .map((found) => section(`${found.name} ${found.version}`, found.license, licenseTexts(found))),
  ]
  return `The agent contains the following works of others, each under its own licence.\n\n${sections.join('\n')}`
}

function section(title: string, license: string, texts: readonly string[]): string {
  return `${'='.repeat(80)}\n${title} (${license})\n${'='.repeat(80)}\n\n${texts.join('\n\n')}\n`
}
