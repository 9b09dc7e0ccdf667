import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { planDeployment, type RawConfig } from '@rca/core'
import { realDescribe } from '@rca/rig/real'
import { expect, onTestFinished, test } from 'vitest'
import { parse } from 'yaml'
import { lambda } from '../connector.ts'

const isInstalled = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0
const shells = ['sh', 'bash', 'dash', 'zsh'].filter(isInstalled)

/** A call of `aws`, whose first two words are the service and the operation. */
interface Call {
  readonly words: readonly string[]
  readonly input: string
}

/** Creates a folder for one test. */
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'rca-lambda-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/**
 * Pastes a command into a shell with an `aws` that records its calls and finds two subnets. Returns the calls by
 * service and operation: some of them run at the same time.
 */
function paste(shell: string, command: string): Record<string, Call> {
  const path = folder()
  const record = `mkdir "${path}/$1 $2" || exit 1
printf '%s\\0' "$@" > "${path}/$1 $2/words"
case "$1 $2" in
  'cloudformation create-stack') cat > "${path}/$1 $2/input" ;;
  'ec2 describe-subnets') echo subnet-0a,subnet-0b ;;
esac`
  writeFileSync(join(path, 'aws'), `#!/bin/sh\n${record}\n`)
  chmodSync(join(path, 'aws'), 0o755)
  const { status, stderr } = spawnSync(shell, ['-c', command], {
    env: { PATH: `${path}${delimiter}${process.env.PATH}` },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const read = (call: string, file: string): string => {
    const full = join(path, call, file)
    return existsSync(full) ? readFileSync(full, 'utf8') : ''
  }
  const calls = readdirSync(path).filter((name) => name !== 'aws')
  return Object.fromEntries(
    calls
      .toSorted()
      .map((call) => [call, { words: read(call, 'words').split('\0').slice(2, -1), input: read(call, 'input') }]),
  )
}

function plan(config: RawConfig, agentToken = 'lambda-token') {
  return planDeployment(lambda, { platformUrl: 'https://api.example.com', agentToken, config })
}

/** Pastes the command into every shell, and expects the same stack from all. */
function request(config: RawConfig, token?: string) {
  const { command } = plan(config, token)
  const [first, ...others] = shells.map((shell) => paste(shell, command))
  for (const other of others) expect(other).toEqual(first)
  const stack = parse(first?.['cloudformation create-stack']?.input ?? '')
  const template = parse(stack.TemplateBody)
  const [container] = template.Resources.Task.Properties.ContainerDefinitions
  const calls = Object.fromEntries(Object.entries(first ?? {}).map(([call, { words }]) => [call, words.join(' ')]))
  return { calls, stack, template, container }
}

realDescribe('the pasted aws command', shells.includes('sh') ? {} : { missing: 'a POSIX shell' }, () => {
  test('creates the stack in the subnets of the default VPC, and waits for it', () => {
    const { calls, stack, container } = request({ aws_region: 'eu-central-1', log_level: 'debug' })
    expect(calls).toEqual({
      'ec2 describe-subnets':
        "--filters Name=default-for-az,Values=true --query join(',', Subnets[].SubnetId) --output text --region eu-central-1",
      'cloudformation create-stack': '--cli-input-yaml file:///dev/stdin --region eu-central-1',
      'cloudformation wait': 'stack-create-complete --stack-name incident-rca-agent --region eu-central-1',
    })
    expect(stack).toMatchObject({
      StackName: 'incident-rca-agent',
      Capabilities: ['CAPABILITY_IAM'],
      Parameters: [
        { ParameterKey: 'AgentToken', ParameterValue: 'lambda-token' },
        { ParameterKey: 'Subnets', ParameterValue: 'subnet-0a,subnet-0b' },
      ],
    })
    expect(container).toMatchObject({
      Image: 'incident-rca/agent:latest',
      Environment: [
        { Name: 'PLATFORM_API_URL', Value: 'https://api.example.com' },
        { Name: 'AGENT_TYPE', Value: 'lambda' },
        { Name: 'LOG_LEVEL', Value: 'debug' },
        { Name: 'AWS_REGION', Value: { Ref: 'AWS::Region' } },
      ],
      Secrets: [{ Name: 'AGENT_TOKEN', ValueFrom: { Ref: 'Token' } }],
    })
  })

  test('passes every value on as it is and runs no part of it', () => {
    const canary = join(folder(), 'was-run')
    const hostile = `$(touch ${canary})\`reboot\`"'\\n\\$HOME \${HOME} $$ %s * ~ ;&|<>#!{a,b}\n - key: ü __SUBNETS__`
    const token = `agent_$(touch>${canary})\`id\`'";&|__SUBNETS__`
    const { stack, template, container } = request({ exclude_functions: [hostile.replaceAll(',', '')] }, token)
    expect(existsSync(canary)).toBe(false)
    expect(container.Environment).toContainEqual({ Name: 'EXCLUDE_FUNCTIONS', Value: hostile.replaceAll(',', '') })
    expect(stack.Parameters).toEqual([
      { ParameterKey: 'AgentToken', ParameterValue: token },
      { ParameterKey: 'Subnets', ParameterValue: 'subnet-0a,subnet-0b' },
    ])
    expect(JSON.stringify(template)).not.toContain('agent_')
  })

  test('takes the subnets of the option', () => {
    const { calls, stack, template } = request({
      subnets: 'subnet-0c,subnet-0d',
      public_ip: 'false',
      stack_name: 'my-agent',
    })
    expect(Object.keys(calls)).toEqual(['cloudformation create-stack', 'cloudformation wait'])
    expect(stack.Parameters[1]).toEqual({ ParameterKey: 'Subnets', ParameterValue: 'subnet-0c,subnet-0d' })
    expect(template.Resources.Service.Properties.NetworkConfiguration.AwsvpcConfiguration).toEqual({
      Subnets: { Ref: 'Subnets' },
      AssignPublicIp: 'DISABLED',
    })
    expect(template.Resources.Logs.Properties.LogGroupName).toBe('/incident-rca/my-agent')
  })

  test('verifies and uninstalls the stack by its name', () => {
    const { verify = '', uninstall = '' } = plan({ stack_name: 'my-agent', aws_region: 'us-east-1' })
    const wordsOf = (command: string) =>
      Object.fromEntries(Object.entries(paste('sh', command)).map(([call, { words }]) => [call, words.join(' ')]))
    expect(wordsOf(verify)).toEqual({
      'cloudformation describe-stacks':
        '--stack-name my-agent --query Stacks[0].StackStatus --output text --region us-east-1',
      'logs tail': '/incident-rca/my-agent --since 10m --region us-east-1',
    })
    expect(wordsOf(uninstall)).toEqual({
      'cloudformation delete-stack': '--stack-name my-agent --region us-east-1',
      'cloudformation wait': 'stack-delete-complete --stack-name my-agent --region us-east-1',
    })
  })
})
