import { describe, expect, test } from 'vitest'
import { addressProblem, describeEndpoint, endpointOf } from './endpoint.ts'

const plain = { docker_tls_verify: false }

describe('endpointOf', () => {
  test.each([
    ['nothing', undefined, '/var/run/docker.sock'],
    ['a socket', 'unix:///run/user/1000/docker.sock', '/run/user/1000/docker.sock'],
  ])('returns a socket: %s', (_name, address, path) => {
    const endpoint = endpointOf({ ...plain, docker_host: address })
    expect(endpoint).toEqual({ kind: 'socket', path })
    expect(describeEndpoint(endpoint)).toBe(`unix://${path}`)
  })

  test.each([
    ['tcp://engine:2375', 'engine', 2375, 'tcp://engine:2375'],
    ['tcp://engine', 'engine', 2375, 'tcp://engine:2375'],
    ['tcp://10.0.0.5:80', '10.0.0.5', 80, 'tcp://10.0.0.5:80'],
    ['http://engine:80', 'engine', 80, 'tcp://engine:80'],
    ['http://engine:443/', 'engine', 443, 'tcp://engine:443'],
    ['tcp://[fd00::5]:2375', 'fd00::5', 2375, 'tcp://[fd00::5]:2375'],
  ])('returns a TCP endpoint without TLS for %s', (address, host, port, described) => {
    const endpoint = endpointOf({ ...plain, docker_host: address })
    expect(endpoint).toEqual({ kind: 'tcp', host, port, certificates: undefined })
    expect(describeEndpoint(endpoint)).toBe(described)
  })

  test.each([
    ['because of `docker_tls_verify`', 'tcp://engine', { docker_tls_verify: true }, 2376, '/etc/docker'],
    ['because of `docker_cert_path`', 'tcp://engine', { ...plain, docker_cert_path: '/certs' }, 2376, '/certs'],
    ['because of its address', 'https://engine', plain, 2376, '/etc/docker'],
    ['at the default port of https', 'https://engine:443', plain, 443, '/etc/docker'],
    ['at another port', 'tcp://engine:2375', { docker_tls_verify: true }, 2375, '/etc/docker'],
  ])('uses TLS %s', (_name, address, options, port, certificates) => {
    expect(endpointOf({ ...options, docker_host: address })).toEqual({
      kind: 'tcp',
      host: 'engine',
      port,
      certificates,
    })
  })

  test.each([
    'tcp://',
    'tcp://:2375',
    'tcp://engine:port',
    'http://[::1',
    'tcp://engine:99999',
    'tcp://engine:0',
    'tcp://an engine',
    'tcp://user:secret@engine:2375',
    'https://user@engine',
  ])('rejects %s and names the option', (address) => {
    const problem = addressProblem(address)
    expect(problem).toContain('tcp://host:port')
    expect(problem).not.toContain('secret')
    expect(() => endpointOf({ ...plain, docker_host: address })).toThrow(`\`docker_host\` ${problem}`)
  })

  test.each(['unix:///var/run/docker.sock', 'tcp://engine', 'https://[fd00::5]:65535'])('accepts %s', (address) => {
    expect(addressProblem(address)).toBeUndefined()
  })
})
