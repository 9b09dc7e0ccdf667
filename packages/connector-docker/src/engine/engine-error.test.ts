import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Endpoint } from './endpoint.ts'
import { EngineError, explainAbort, explainFailure } from './engine-error.ts'

const socket: Endpoint = { kind: 'socket', path: '/var/run/docker.sock' }
const remote: Endpoint = { kind: 'tcp', host: 'engine', port: 2375, certificates: undefined }

function failure(parts: { readonly code?: string; readonly statusCode?: number }, message = 'it failed'): Error {
  return Object.assign(new Error(message), parts)
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'rca-socket-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function realSocket(): Promise<string> {
  const path = join(folder(), 'docker.sock')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path, resolve))
  onTestFinished(() => void server.close())
  return path
}

/** Sets the groups of this process. */
function inGroups(...groups: number[]): void {
  const spy = vi.spyOn(process, 'getgroups').mockReturnValue(groups)
  onTestFinished(() => spy.mockRestore())
}

describe('explainFailure', () => {
  test.each([
    [
      'no socket',
      failure({ code: 'ENOENT' }),
      socket,
      ['unix:///var/run/docker.sock', 'does not exist', '`docker_host`'],
    ],
    ['no listener', failure({ code: 'ECONNREFUSED' }), remote, ['tcp://engine:2375', 'stopped', '`docker_host`']],
    ['permission denied over TCP', failure({ code: 'EACCES' }), remote, ['Permission denied', 'tcp://engine:2375']],
    ['a closed connection', failure({ code: 'ECONNRESET' }), socket, ['its images', 'restarted']],
    ['a broken connection', failure({ code: 'EPIPE' }), socket, ['its images', 'restarted']],
    [
      'an error status',
      failure({ statusCode: 500 }, '(HTTP code 500) server error - the disk is full '),
      socket,
      ['answered 500', 'its images', ': the disk is full'],
    ],
    [
      'an unknown error',
      failure({ code: 'ETIMEDOUT' }, 'connect ETIMEDOUT'),
      remote,
      ['its images', 'connect ETIMEDOUT'],
    ],
    ['an undefined error', undefined, socket, ['its images']],
    ['an error that is a string', 'broken', socket, ['its images', 'broken']],
  ])('explains %s', (_name, error, endpoint, expected) => {
    const explained = explainFailure(error, endpoint, 'its images')
    expect(explained).toBeInstanceOf(EngineError)
    expect(explained.cause).toBe(error)
    for (const text of expected) expect(explained.message).toContain(text)
    expect(explained.message).not.toMatch(/HTTP code|undefined \(/)
  })

  test.each([
    [
      'its description',
      'GET /info and /version (in docker-socket-proxy: INFO=1 and VERSION=1)',
      'nothing is collected',
    ],
    ['its events', 'GET /events (in docker-socket-proxy: EVENTS=1)', 'no event is reported'],
    ['container 0123', 'GET /containers (in docker-socket-proxy: CONTAINERS=1)', 'no containers'],
    ['the log of 0123', 'GET /containers (in docker-socket-proxy: CONTAINERS=1)', 'logs'],
    ['image sha256:1', 'GET /images (in docker-socket-proxy: IMAGES=1)', 'neither tags nor digests'],
    ['its disk usage', 'GET /system/df (in docker-socket-proxy: SYSTEM=1)', 'no disk usage'],
  ])('says what a proxy must allow for %s, and what is missing until then', (what, allowed, missing) => {
    const page = '<html><body><h1>403 Forbidden</h1>Request forbidden by administrative rules.</body></html>'
    for (const statusCode of [403, 405]) {
      const { message } = explainFailure(failure({ statusCode }, `(HTTP code 403) ${page} - ${page} `), remote, what)
      expect(message).toContain(`refuses the request for ${what} (${statusCode})`)
      expect(message).toContain(allowed)
      expect(message).toMatch(new RegExp(`Until then, .*${missing}`))
      expect(message).not.toMatch(/html|<|administrative/)
    }
  })

  test('shows the text of a page once', () => {
    const page = '<html><body><h1>503 Service Unavailable</h1>\nNo server is available.</body></html>'
    const error = failure({ statusCode: 503 }, `(HTTP code 503) ${page} - ${page} `)
    expect(explainFailure(error, remote, 'its images').message).toMatch(
      /: 503 Service Unavailable No server is available\.$/,
    )
  })

  test.each(['EACCES', 'EPERM'])('names the group of the socket after %s', async (code) => {
    const path = await realSocket()
    inGroups()
    const { message } = explainFailure(failure({ code }), { kind: 'socket', path }, 'its images')
    expect(message).toContain(`--group-add ${statSync(path).gid}`)
    expect(message).toContain(path)
    expect(message).not.toContain('SELinux')
  })

  test('names SELinux when the group of the socket is right', async () => {
    const path = await realSocket()
    inGroups(statSync(path).gid)
    const { message } = explainFailure(failure({ code: 'EACCES' }), { kind: 'socket', path }, 'its images')
    expect(message).toContain('SELinux')
    expect(message).toContain('`--security-opt label=disable`')
  })

  test.each([
    ['EACCES', 'a folder', mkdirSync],
    ['EPERM', 'a folder', mkdirSync],
    ['ECONNREFUSED', 'a folder', mkdirSync],
    ['EACCES', 'a file', (path: string) => writeFileSync(path, '')],
  ])('after %s, says that %s is in place of the socket, and how to fix it', (code, _name, make) => {
    const path = join(folder(), 'docker.sock')
    make(path)
    inGroups(statSync(path).gid)
    const { message } = explainFailure(failure({ code }), { kind: 'socket', path }, 'its images')
    expect(message).toContain(`unix://${path}`)
    expect(message).toContain('is not a socket')
    expect(message).toMatch(/Remove .* start the engine, and mount its socket/)
    expect(message).not.toMatch(/SELinux|--group-add|systemctl/)
  })

  test('does not take a socket without a listener for another file', async () => {
    const endpoint: Endpoint = { kind: 'socket', path: await realSocket() }
    const { message } = explainFailure(failure({ code: 'ECONNREFUSED' }), endpoint, 'its images')
    expect(message).toContain('systemctl start docker')
  })

  test("says what to do when the socket's group cannot be read", () => {
    const path = join(tmpdir(), 'rca-no-such-folder/docker.sock')
    const { message } = explainFailure(failure({ code: 'EACCES' }), { kind: 'socket', path }, 'its images')
    expect(message).toContain('`--group-add`')
    expect(message).toContain(path)
  })
})

describe('explainAbort', () => {
  test('returns the reason of a stop unchanged', () => {
    const reason = new Error('the agent stops')
    expect(explainAbort(AbortSignal.abort(reason), socket, 'its images')).toBe(reason)
    expect(explainAbort(AbortSignal.abort('stopped'), socket, 'its images')).toBe('stopped')
  })

  test('explains a timeout', () => {
    const reason = new DOMException('too late', 'TimeoutError')
    const explained = explainAbort(AbortSignal.abort(reason), remote, 'its images')
    expect(explained).toBeInstanceOf(EngineError)
    expect(explained).toMatchObject({
      message: expect.stringContaining('did not answer the request for its images in time'),
      cause: reason,
    })
    expect(explained).toMatchObject({ message: expect.stringContaining('tcp://engine:2375') })
  })
})
