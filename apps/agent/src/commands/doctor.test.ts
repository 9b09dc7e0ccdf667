import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRegistry } from '@rca/core'
import { defineConnector, entity } from '@rca/core/connector'
import { expect, it, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import { doctor } from './doctor.ts'

const signals = { kiln: entity({ type: 'acme.kiln', description: 'A kiln.' }) }

/** A registry of kilns of which so many cannot be seen. */
const kilns = (unseen: number) =>
  createRegistry([
    defineConnector({
      type: 'kiln',
      title: 'Kilns',
      description: 'Fire kilns',
      config: z.object({}),
      signals,
      deploy: () => ({ prerequisites: [], command: 'fire' as never, verify: 'fire' as never }),
      connect: async () => ({}),
      identify: async () => ({ id: 'k', name: 'k', entity: signals.kiln.reference('k') }),
      disconnect: async () => undefined,
      collectors: {
        kilns: {
          collect: async () => ({
            entities: [signals.kiln.entity({ id: 'k' })],
            gaps: Array.from({ length: unseen }, (_, index) => ({
              scope: `kiln:${index}`,
              reason: 'it is bricked up',
            })),
          }),
        },
      },
    }),
  ])

/** What the doctor says, in front of a platform that answers for the token with this status. */
async function examine(unseen: number, token: number): Promise<{ readonly code: number; readonly text: string }> {
  const platform = createServer((request, response) => {
    response.statusCode = request.url === '/healthz' ? 200 : token
    response.end()
  })
  await new Promise<void>((resolve) => platform.listen(0, '127.0.0.1', resolve))
  const state = mkdtempSync(join(tmpdir(), 'rca-doctor-'))
  onTestFinished(() => {
    platform.close()
    rmSync(state, { recursive: true, force: true })
  })
  const said: string[] = []
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0)
  try {
    const code = await doctor(kilns(unseen), {
      PLATFORM_API_URL: `http://127.0.0.1:${(platform.address() as AddressInfo).port}`,
      AGENT_TOKEN: 'agent_kiln',
      AGENT_TYPE: 'kiln',
      RCA_STATE_DIR: state,
    })
    return { code, text: said.join('') }
  } finally {
    write.mockRestore()
  }
}

it.each([
  [0, 422, 0, 'Nothing to fix.'],
  [1, 422, 0, 'Nothing failed, but there is 1 warning: fix what is not so on purpose.'],
  [2, 422, 0, 'Nothing failed, but there are 2 warnings: fix what is not so on purpose.'],
  [0, 401, 3, '1 to fix.'],
  [2, 401, 3, '1 to fix, and 2 warnings.'],
])('with %i gaps and the answer %i it ends with code %i: %s', async (unseen, token, code, conclusion) => {
  const said = await examine(unseen, token)
  expect(said.text.match(/^warn {2}access .*it is bricked up$/gm) ?? []).toHaveLength(unseen)
  expect(said).toEqual({
    code,
    text: expect.stringMatching(new RegExp(`\\n\\n${conclusion.replaceAll('.', '\\.')}\\n$`)),
  })
})
