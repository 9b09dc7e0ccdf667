import { describe, expect, test } from 'vitest'
import { configSchema } from './config.ts'

describe('configSchema', () => {
  test('has a default for every option', () => {
    expect(configSchema.parse({})).toMatchObject({
      docker_tls_verify: false,
      root_path: '/',
      exclude_containers: [],
      crash_log_lines: 200,
    })
    expect(configSchema.parse({}).docker_host).toBeUndefined()
  })

  test.each([
    ['docker_host', 'unix:///var/run/docker.sock'],
    ['docker_host', 'tcp://10.0.0.5:2376'],
    ['docker_host', 'https://engine.example.com'],
    ['docker_host', 'unix:///run/a:b.sock'],
    ['docker_cert_path', '/etc/docker/certs'],
    ['root_path', '/host'],
    ['container_labels', []],
    ['container_labels', ['team', 'com.example.*']],
    ['exclude_containers', ['*-debug']],
    ['crash_log_lines', 0],
    ['crash_log_lines', 1000],
    ['container_name', 'rca.agent_2-b'],
    ['image', 'registry.example.com:5000/team/agent:1.0'],
    ['image', `registry/agent@sha256:${'a'.repeat(64)}`],
    ['image', `localhost:5000/agent@sha256:${'A'.repeat(64)}`],
    ['image', 'localhost/agent:RC1'],
    ['image', 'Registry.example.com/agent'],
    ['image', 'Registry:5000/team/agent:1.0@sha256:0123'],
    ['network', 'host'],
    ['extra_hosts', ['platform:host-gateway', 'db=10.0.0.7', 'six:fd00::1']],
    ['https_proxy', 'http://proxy:3128'],
    ['no_proxy', 'localhost,.internal'],
    ['ca_file', '/etc/ssl/ca.pem'],
    ['ca_file', '/etc/ssl/my: ca=1.pem'],
  ])('accepts `%s`: %j', (name, value) => {
    expect(configSchema.parse({ [name]: value })).toMatchObject({ [name]: value })
  })

  test.each([
    [true, true],
    ['1', true],
    ['true', true],
    [false, false],
    ['0', false],
    ['false', false],
    // An empty environment variable.
    ['', false],
  ])('reads `docker_tls_verify`: %j as %s, like the Docker CLI', (value, verified) => {
    expect(configSchema.parse({ docker_tls_verify: value }).docker_tls_verify).toBe(verified)
  })

  test.each([
    ['docker_host', '/var/run/docker.sock', 'unix:///path/to/docker.sock'],
    ['docker_host', 'ssh://engine', 'tcp://host:port'],
    ['docker_host', 'unix://', 'unix:///path/to/docker.sock'],
    ['docker_host', 'unix:///run/a,b.sock', 'without `,`'],
    ['docker_host', 'tcp://', 'tcp://host:port'],
    ['docker_host', 'tcp://:2375', 'tcp://host:port'],
    ['docker_host', 'tcp://engine:99999', '65535'],
    ['docker_host', 'https://[::1', 'tcp://host:port'],
    ['docker_host', 'tcp://user:secret@engine:2375', 'must not contain a user or password'],
    ['docker_tls_verify', 'maybe', '`true` or `false`'],
    ['docker_cert_path', 'certs', '/'],
    ['root_path', 'host', '/'],
    ['container_labels', [''], ''],
    ['exclude_containers', 'web', ''],
    ['crash_log_lines', -1, '0'],
    ['crash_log_lines', 1001, '1000'],
    ['crash_log_lines', 1.5, 'int'],
    ['container_name', 'x', 'at least two characters'],
    ['container_name', '-agent', 'letter or digit'],
    ['container_name', 'an agent', 'letter or digit'],
    ['container_name', 'a'.repeat(201), '200'],
    ['image', '', 'image'],
    ['image', '-v', 'image'],
    ['image', 'an image', 'image'],
    ['image', 'Foo/Bar:latest', 'must not have upper case'],
    ['image', 'Foo/bar', 'must not have upper case'],
    ['image', 'Agent:1.0', 'must not have upper case'],
    ['image', 'registry.example.com:5000/Team/agent:1.0', 'must not have upper case'],
    ['image', 'localhost/Agent', 'must not have upper case'],
    ['network', '--privileged', 'network'],
    ['extra_hosts', ['platform'], '`name:address`'],
    ['extra_hosts', ['a name:10.0.0.1'], '`name:address`'],
    ['https_proxy', 'socks5://proxy', 'URL'],
    ['no_proxy', '', '1'],
    ['ca_file', 'ca.pem', '/'],
    ['ca_file', '/etc/a,b.pem', 'must not contain `,`'],
    ['ca_file', '/etc/"a".pem', 'must not contain `,`, `"`'],
    ['root_path', '/host\n', 'line break'],
    ['image_name', 'agent', 'image_name'],
  ])('rejects `%s`: %j', (name, value, hint) => {
    const { error, success } = configSchema.safeParse({ [name]: value })
    expect(success).toBe(false)
    const { issues = [] } = error ?? {}
    expect(issues).toHaveLength(1)
    const [issue] = issues
    expect(issue?.message).toContain(hint)
    if (issue?.code !== 'unrecognized_keys') expect(issue?.path[0]).toBe(name)
  })

  test('describes every option in a sentence', () => {
    for (const [name, option] of Object.entries(configSchema.shape)) {
      expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/)
      expect(option.description, name).toMatch(/^[A-Z].*\.$/s)
    }
  })
})
