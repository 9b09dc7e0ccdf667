import { describe, expect, test } from 'vitest'
import { type Command, command, isCommand } from './command.ts'
import { powershell } from './powershell.ts'
import { settings } from './settings.ts'

const { raw } = command
const [a, b, c] = [command('a'), command('b'), command('c')]

describe('Command', () => {
  test('converts to its text in strings and JSON, and is frozen', () => {
    const echo = command('echo', 'a b')
    expect(`${echo}`).toBe("echo 'a b'")
    expect(JSON.stringify({ echo })).toBe(`{"echo":"echo 'a b'"}`)
    expect(echo.shell).toBe('sh')
    expect(Object.isFrozen(echo)).toBe(true)
  })

  test('is created only by `command` or `powershell`', () => {
    expect(isCommand(command('ls'))).toBe(true)
    expect(isCommand(powershell(raw`dir`))).toBe(true)
    expect(isCommand('ls')).toBe(false)
    expect(isCommand(null)).toBe(false)
    expect(isCommand(JSON.parse('{"kind":"shell-command","shell":"sh","text":"ls"}'))).toBe(false)
  })

  test('cannot be a string', () => {
    // @ts-expect-error a string is not a command
    const text: Command = 'rm -rf /'
    expect(text).toBeTypeOf('string')
    // @ts-expect-error a string cannot be joined to a command
    expect(() => a.and('rm -rf /')).toThrow('a command can only be joined with another command')
  })

  test('needs an argument', () => {
    expect(() => command()).toThrow('`command` needs at least one argument')
    expect(() => command([], [])).toThrow(TypeError)
  })
})

describe('lines of a command', () => {
  test('contain one list of arguments each', () => {
    expect(command('run', ['--name', 'a b'], ['image']).text).toBe("run \\\n  --name 'a b' \\\n  image")
    expect(command(['a', 'b'], 'c', 'd', ['e']).text).toBe('a b \\\n  c d \\\n  e')
  })

  test('are omitted for empty lists', () => {
    expect(command('run', [], ['image']).text).toBe('run \\\n  image')
    expect(command([], 'run', []).text).toBe('run')
  })

  test('end with a backtick in PowerShell', () => {
    expect(powershell(raw`docker run`, [], [raw`-e`, 'A=b']).text).toBe("docker run `\n  -e 'A=b'")
  })

  test('form the Docker command of the specification', () => {
    const variables = settings.environmentVariables({
      platformUrl: 'https://api.example.com',
      agentToken: 'docker-token',
      agentType: 'docker',
      config: {},
      settings: { log_level: 'debug' },
      deploymentSettings: {},
      hostPlatform: 'linux',
    })
    const run = command(
      ...['docker', 'run', '-d', '--name', 'incident-rca-agent'],
      ...variables.map((variable) => ['-e', variable]),
      ['incident-rca/agent:latest'],
    )
    expect(run.text).toBe(
      [
        'docker run -d --name incident-rca-agent \\',
        '  -e PLATFORM_API_URL=https://api.example.com \\',
        '  -e AGENT_TOKEN=docker-token \\',
        '  -e AGENT_TYPE=docker \\',
        '  -e LOG_LEVEL=debug \\',
        '  incident-rca/agent:latest',
      ].join('\n'),
    )
  })
})

describe('commands joined by operators', () => {
  test.each<[Command, string]>([
    [a.pipe(b), 'a | b'],
    [a.pipe(b).pipe(c), 'a | b | c'],
    [a.and(b).and(c), 'a && b && c'],
    [a.and(b).or(c), 'a && b || c'],
    [a.pipe(b).and(c), 'a | b && c'],
    [a.and(b.pipe(c)), 'a && b | c'],
    [a.and(b).followedBy(c.or(a)), 'a && b; c || a'],
    [a.and(b, { newLine: true }), 'a && \\\n  b'],
    [a.pipe(b, { newLine: true }), 'a | \\\n  b'],
    [a.redirect('2>', '/dev/null'), 'a 2>/dev/null'],
    [command('echo', 2).redirect('>', 'out file'), "echo 2 >'out file'"],
  ])('%#: %s', (joined, text) => {
    expect(joined.text).toBe(text)
  })

  test.each<[Command, string]>([
    [a.and(b.or(c)), 'a && (b || c)'],
    [a.and(b).pipe(c), '(a && b) | c'],
    [a.pipe(b.or(c)), 'a | (b || c)'],
    [a.followedBy(b).and(c), '(a; b) && c'],
    [a.or(b).redirect('2>', '/dev/null'), '(a || b) 2>/dev/null'],
    [a.pipe(b).redirect('>', 'file'), '(a | b) >file'],
    [a.and(b).redirect('2>', 'x').and(c).pipe(b), '( (a && b) 2>x && c) | b'],
  ])('are grouped if the operator binds more closely: %#', (joined, text) => {
    expect(joined.text).toBe(text)
  })

  test('are passed to another shell as text', () => {
    const stop = command('docker', 'stop', 'a b')
    expect(command('sh', '-c', stop.text).text).toBe(`sh -c 'docker stop '\\''a b'\\'''`)
    expect(command('echo', stop.output()).text).toBe(`echo "$( docker stop 'a b' )"`)
  })

  test('must be for the same shell', () => {
    expect(() => a.and(powershell(raw`dir`))).toThrow(TypeError)
    expect(() => a.and(powershell(raw`dir`))).toThrow('a command for `powershell` cannot be joined with one for `sh`')
  })

  test('cannot be joined by operators that PowerShell 5.1 lacks', () => {
    const dir = powershell(raw`dir`)
    expect(dir.pipe(dir).followedBy(dir).text).toBe('dir | dir; dir')
    expect(() => dir.and(dir)).toThrow('PowerShell 5.1 cannot express `and`')
    expect(() => dir.or(dir)).toThrow('`or`')
    expect(() => dir.redirect('>', 'x')).toThrow('`redirect`')
    expect(() => dir.output()).toThrow('`output`')
    expect(() => dir.followedBy(dir).pipe(dir)).toThrow('a group of commands')
  })
})
