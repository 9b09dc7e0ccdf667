import { createRequire } from 'node:module'
import { type Command, command, type Deployment, type DeploymentTarget } from '@rca/core/connector'
import type { LambdaConfig } from '../config.ts'
import { logGroup, template } from './template.ts'

/** Stands for the subnets in the request, until they are known. */
const SUBNETS = '__SUBNETS__'

/**
 * Deploys the agent as a Fargate task, with a CloudFormation stack. The request is read from standard input: arguments
 * of a process are visible to all users of its machine, and the request contains the token.
 */
export function deploy(target: DeploymentTarget<LambdaConfig>): Deployment {
  const { config } = target
  const { stack_name: name, image, subnets } = config
  const aws = (service: string, operation: string, ...words: string[]): Command =>
    command(
      'aws',
      service,
      operation,
      ...words,
      ...(config.aws_region === undefined ? [] : ['--region', config.aws_region]),
    )
  const create = aws('cloudformation', 'create-stack', '--cli-input-yaml', 'file:///dev/stdin')
  return {
    prerequisites: [
      'the AWS CLI, version 2, is installed and `aws sts get-caller-identity` names the account to watch, as in AWS CloudShell',
      'you may create stacks, roles, secrets, log groups and ECS services there',
      `Fargate can pull the image \`${image}\``,
      subnets.length === 0
        ? 'the region has a default VPC, or you set `subnets`'
        : 'the platform and AWS can be reached from the subnets',
    ],
    command: request(target, aws)
      .pipe(create, { newLine: true })
      .and(aws('cloudformation', 'wait', 'stack-create-complete', '--stack-name', name), { newLine: true }),
    verify: aws(
      ...['cloudformation', 'describe-stacks', '--stack-name', name],
      ...['--query', 'Stacks[0].StackStatus', '--output', 'text'],
    ).and(aws('logs', 'tail', logGroup(config), '--since', '10m')),
    uninstall: aws('cloudformation', 'delete-stack', '--stack-name', name).and(
      aws('cloudformation', 'wait', 'stack-delete-complete', '--stack-name', name),
    ),
    notes: [
      'The agent runs as one Fargate task and only reads. AWS charges for the task, for its public IP address, and for the metrics that it reads from CloudWatch.',
      'The token is kept in AWS Secrets Manager. To replace an agent, uninstall it first.',
    ],
  }
}

type Aws = (service: string, operation: string, ...words: string[]) => Command

/** Prints the request, with the subnets of the default VPC if none are set. */
function request(target: DeploymentTarget<LambdaConfig>, aws: Aws): Command {
  const { subnets } = target.config
  if (subnets.length > 0) return command('printf', '%s', requestText(target, subnets.join(',')))
  const defaultSubnets = aws(
    ...['ec2', 'describe-subnets', '--filters', 'Name=default-for-az,Values=true'],
    ...['--query', "join(',', Subnets[].SubnetId)", '--output', 'text'],
  )
  // The placeholder is the last value of the request, so that no setting can contain it before.
  const text = requestText(target, SUBNETS)
  const place = text.lastIndexOf(SUBNETS)
  return command(...['printf', '%s', text.slice(0, place)], defaultSubnets.output(), text.slice(place + SUBNETS.length))
}

/** Returns the input of `create-stack` as YAML, with the template as a block that people can read. */
function requestText(target: DeploymentTarget<LambdaConfig>, subnets: string): string {
  // Here, since an agent never writes a template, and `deploy` cannot wait for an import.
  const { Scalar, stringify } = createRequire(import.meta.url)('yaml') as typeof import('yaml')
  const options = { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' } as const
  const body = new Scalar(stringify(template(target), { ...options, aliasDuplicateObjects: false }))
  body.type = 'BLOCK_LITERAL'
  return stringify(
    {
      StackName: target.config.stack_name,
      Capabilities: ['CAPABILITY_IAM'],
      TemplateBody: body,
      Parameters: [
        { ParameterKey: 'AgentToken', ParameterValue: target.agentToken },
        { ParameterKey: 'Subnets', ParameterValue: subnets },
      ],
    },
    options,
  )
}
