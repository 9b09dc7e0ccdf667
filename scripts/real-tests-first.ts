import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Starts tests against real systems first, the longest files of all projects: they take minutes and mostly wait. In
 * Vitest's order, one project after the other, a few workers would end minutes before the last one.
 */
export class RealTestsFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const isReal = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith('.real.test.ts')
    return [...sorted.filter(isReal), ...sorted.filter((file) => !isReal(file))]
  }
}
