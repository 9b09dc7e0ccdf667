import { idle, runWatcher, watchContext } from '@rca/connector-testkit'
import { describe, expect, test } from 'vitest'
import { fixtureRoot, openFixture } from '../../test/fixture-root.ts'
import { packages } from './packages.ts'

const stanza = (name: string, version: string, status = 'install ok installed') =>
  `Package: ${name}\nStatus: ${status}\nArchitecture: amd64\nVersion: ${version}\nDescription: a package\n more text\n`
const status = (...stanzas: string[]) => stanzas.join('\n')

/** Runs the watcher over the database of dpkg at each look. */
async function watch(
  looks: string[],
  { cursor, file = 'var/lib/dpkg/status' }: { cursor?: string; file?: string } = {},
) {
  const root = fixtureRoot()
  const [first = '', ...others] = looks
  if (looks.length > 0) root.write(file, first)
  const steps = others.map((text) => () => {
    // A package manager replaces the file.
    root.remove(file)
    root.write(file, text)
  })
  const context = watchContext({ steps: [...steps, idle], cursor })
  await runWatcher(packages, openFixture(root), context)
  return context
}

describe('packages', () => {
  test('reports upgraded, installed and removed packages in one event', async () => {
    const context = await watch([
      status(stanza('openssl', '3.0.11-1'), stanza('nginx', '1.22.1-9'), stanza('vim', '9.0')),
      status(stanza('openssl', '3.0.15-1'), stanza('nginx', '1.22.1-9'), stanza('curl', '7.88')),
    ])
    expect(context.events()).toMatchObject([
      {
        name: 'host.packages_changed',
        severity: 'info',
        at: '2026-11-22T09:00:30.000Z',
        body: expect.stringMatching(
          /: changed openssl 3\.0\.11-1 → 3\.0\.15-1; installed curl 7\.88; removed vim 9\.0$/,
        ),
        attributes: {
          'server.package.count': 3,
          'server.package.changed': ['openssl 3.0.11-1 → 3.0.15-1'],
          'server.package.installed': ['curl 7.88'],
          'server.package.removed': ['vim 9.0'],
        },
      },
    ])
  })

  test('takes a package that is being upgraded for installed, and one with left files for removed', async () => {
    const before = status(stanza('openssl', '3.0.11-1'), stanza('vim', '9.0'))
    const during = status(
      stanza('openssl', '3.0.15-1', 'install ok half-configured'),
      stanza('vim', '9.0', 'deinstall ok config-files'),
    )
    expect((await watch([before, during])).events()).toMatchObject([
      { attributes: { 'server.package.count': 2, 'server.package.removed': ['vim 9.0'] } },
    ])
  })

  test('names three of many packages in the body', async () => {
    const many = (version: string) => status(...'abcde'.split('').map((name) => stanza(name, version)))
    const [event] = (await watch([many('1'), many('2')])).events()
    expect(event?.body).toMatch(/changed a 1 → 2, b 1 → 2, c 1 → 2 and 2 more$/)
  })

  test('is silent about the first list, and about a database that was only written again', async () => {
    const text = status(stanza('openssl', '3.0.11-1'))
    expect((await watch([text, text, `${text}\n`])).events()).toEqual([])
  })

  test('reports changes of the time when the agent did not run', async () => {
    const cursor = JSON.stringify({ openssl: '3.0.11-1' })
    expect((await watch([status(stanza('openssl', '3.0.15-1'))], { cursor })).events()).toHaveLength(1)
  })

  test('reads the database of apk', async () => {
    const file = 'lib/apk/db/installed'
    const context = await watch(['C:Q1=\nP:musl\nV:1.2.4-r2\n\n', 'C:Q1=\nP:musl\nV:1.2.5-r0\n\n'], { file })
    expect(context.events()).toMatchObject([{ attributes: { 'server.package.changed': ['musl 1.2.4-r2 → 1.2.5-r0'] } }])
  })

  test('asks rpm, and lists all versions of a package', async () => {
    const root = fixtureRoot()
    root.write('var/lib/rpm/rpmdb.sqlite', 'one')
    const answers = ['kernel\t5.14.0-1\nbash\t0:5.1-2\n', 'kernel\t5.14.0-2\nkernel\t5.14.0-1\nbash\t0:5.1-2\n']
    const calls: (readonly string[])[] = []
    const client = openFixture(root, {
      runProgram: async (file, words) => {
        calls.push([file, ...words.slice(0, 2)])
        return answers[calls.length - 1] ?? ''
      },
    })
    const change = (): void => root.write('var/lib/rpm/rpmdb.sqlite', 'another')
    const context = watchContext({ steps: [change, idle] })
    await runWatcher(packages, client, context)
    expect(calls).toEqual([
      ['rpm', '--root', root.path],
      ['rpm', '--root', root.path],
    ])
    expect(context.events()).toMatchObject([
      { attributes: { 'server.package.changed': ['kernel 5.14.0-1 → 5.14.0-1, 5.14.0-2'] } },
    ])
  })

  test('ends without a package manager', async () => {
    expect((await watch([])).sleeps).toEqual([])
  })
})
