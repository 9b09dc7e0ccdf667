import { type DeploymentTarget, settings } from '@rca/core/connector'
import type { LambdaConfig } from '../config.ts'
import { ACCOUNT_ACTIONS, CLOUDTRAIL_ACTION, FUNCTION_ACTIONS } from './permissions.ts'

/** Name of the container and of its log streams. */
const CONTAINER = 'agent'

/**
 * Returns the CloudFormation template of the agent: one Fargate task with the agent's image. The token is a parameter
 * that CloudFormation does not show, and a secret of Secrets Manager.
 */
export function template(target: DeploymentTarget<LambdaConfig>): object {
  const { config } = target
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'Agent for root-cause analysis that watches the Lambda functions of this account and region',
    Parameters: {
      AgentToken: { Type: 'String', NoEcho: true },
      Subnets: { Type: 'List<AWS::EC2::Subnet::Id>' },
    },
    Resources: {
      Token: {
        Type: 'AWS::SecretsManager::Secret',
        Properties: { Description: 'Token of the agent', SecretString: ref('AgentToken') },
      },
      Logs: {
        Type: 'AWS::Logs::LogGroup',
        DeletionPolicy: 'Delete',
        UpdateReplacePolicy: 'Delete',
        Properties: { LogGroupName: logGroup(config), RetentionInDays: 7 },
      },
      ExecutionRole: {
        Type: 'AWS::IAM::Role',
        Properties: {
          Description: 'Starts the agent',
          AssumeRolePolicyDocument: trustTasks,
          Policies: [policy('start', startStatements)],
        },
      },
      TaskRole: {
        Type: 'AWS::IAM::Role',
        Properties: {
          Description: 'Permissions of the agent: it only reads',
          AssumeRolePolicyDocument: trustTasks,
          Policies: [policy('read', readStatements(config))],
        },
      },
      Cluster: { Type: 'AWS::ECS::Cluster' },
      Task: {
        Type: 'AWS::ECS::TaskDefinition',
        Properties: {
          RequiresCompatibilities: ['FARGATE'],
          NetworkMode: 'awsvpc',
          Cpu: '256',
          Memory: '512',
          ExecutionRoleArn: attribute('ExecutionRole', 'Arn'),
          TaskRoleArn: attribute('TaskRole', 'Arn'),
          ContainerDefinitions: [container(target)],
        },
      },
      Service: {
        Type: 'AWS::ECS::Service',
        Properties: {
          Cluster: ref('Cluster'),
          TaskDefinition: ref('Task'),
          LaunchType: 'FARGATE',
          DesiredCount: 1,
          // The old task ends before the new one starts: two agents would report everything twice.
          DeploymentConfiguration: {
            MinimumHealthyPercent: 0,
            MaximumPercent: 100,
            // Without it, an image that cannot be pulled fails after three hours.
            DeploymentCircuitBreaker: { Enable: true, Rollback: false },
          },
          NetworkConfiguration: {
            AwsvpcConfiguration: {
              Subnets: ref('Subnets'),
              AssignPublicIp: config.public_ip ? 'ENABLED' : 'DISABLED',
            },
          },
        },
      },
    },
  }
}

/** Log group of the agent. Names of stacks are unique in a region. */
export function logGroup({ stack_name: name }: Pick<LambdaConfig, 'stack_name'>): string {
  return `/incident-rca/${name}`
}

function container(target: DeploymentTarget<LambdaConfig>): object {
  const variables = settings
    .environmentVariables(target)
    .map((variable) => [variable.slice(0, variable.indexOf('=')), variable.slice(variable.indexOf('=') + 1)] as const)
    .filter(([name]) => name !== 'AGENT_TOKEN' && name !== 'AWS_REGION')
  return {
    Name: CONTAINER,
    Image: target.config.image,
    Environment: [
      ...variables.map(([Name, Value]) => ({ Name, Value })),
      { Name: 'AWS_REGION', Value: ref('AWS::Region') },
    ],
    Secrets: [{ Name: 'AGENT_TOKEN', ValueFrom: ref('Token') }],
    LinuxParameters: { Capabilities: { Drop: ['ALL'] }, InitProcessEnabled: true },
    HealthCheck: {
      Command: ['CMD', 'node', '/app/dist/healthcheck.js'],
      Interval: 30,
      Timeout: 10,
      Retries: 3,
      StartPeriod: 60,
    },
    LogConfiguration: {
      LogDriver: 'awslogs',
      Options: {
        'awslogs-group': ref('Logs'),
        'awslogs-region': ref('AWS::Region'),
        'awslogs-stream-prefix': CONTAINER,
      },
    },
  }
}

const trustTasks = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' }],
}

/** Permissions to start the task: the token, the image from a registry of the account, and the log. */
const startStatements = [
  { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: ref('Token') },
  { Effect: 'Allow', Action: ['logs:CreateLogStream', 'logs:PutLogEvents'], Resource: attribute('Logs', 'Arn') },
  { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
  {
    Effect: 'Allow',
    Action: ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
    Resource: substitute('arn:${AWS::Partition}:ecr:*:${AWS::AccountId}:repository/*'),
  },
]

function readStatements({ cloudtrail }: LambdaConfig): object[] {
  return [
    { Effect: 'Allow', Action: [...ACCOUNT_ACTIONS, ...(cloudtrail ? [CLOUDTRAIL_ACTION] : [])], Resource: '*' },
    {
      Effect: 'Allow',
      Action: FUNCTION_ACTIONS,
      Resource: substitute('arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*'),
    },
  ]
}

function policy(PolicyName: string, Statement: readonly object[]): object {
  return { PolicyName, PolicyDocument: { Version: '2012-10-17', Statement } }
}

function ref(name: string): object {
  return { Ref: name }
}

function attribute(resource: string, name: string): object {
  return { 'Fn::GetAtt': [resource, name] }
}

function substitute(text: string): object {
  return { 'Fn::Sub': text }
}
