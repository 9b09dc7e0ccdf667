import { option } from '@rca/core/connector'
import { z } from 'zod'

/** CloudFormation's rule for names of stacks. */
const stackName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9-]{0,127}$/, 'must begin with a letter, followed by letters, digits or `-`')

const subnet = z.string().regex(/^subnet-[0-9a-f]+$/, 'must be the id of a subnet, such as `subnet-0a1b2c3d`')

export const configSchema = z.strictObject({
  aws_region: z
    .string()
    .regex(/^[a-z]{2,}(?:-[a-z]+)+-\d+$/, 'must be the name of a region, such as `eu-central-1`')
    .optional()
    .describe(
      "Region whose functions are watched and in which the agent is deployed. Without it, that of the AWS CLI or SDK's configuration.",
    ),
  aws_endpoint_url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address of all AWS APIs in place of those of AWS, such as that of an emulator.'),
  exclude_functions: option
    .distinct(z.array(z.string().min(1)))
    .default([])
    .describe('Names of functions to leave out; `*` matches any text.'),
  cloudtrail: z
    .union(
      [z.boolean(), z.stringbool({ truthy: ['1', 'true'], falsy: ['0', 'false', ''] })],
      'must be `true` or `false`',
    )
    .default(true)
    .describe('Reports who changed functions, read from the event history of CloudTrail.'),
  stack_name: option
    .deploymentOnly(stackName)
    .default('incident-rca-agent')
    .describe("Name of the agent's CloudFormation stack."),
  image: option
    .deploymentOnly(z.string().regex(/^[\w][\w.:/@-]*$/, 'must be an image reference, such as `registry/agent:1.0`'))
    .default('incident-rca/agent:latest')
    .describe("The agent's image, in a registry from which Fargate can pull."),
  subnets: option
    .deploymentOnly(option.distinct(z.array(subnet)))
    .default([])
    .describe("Subnets of the agent's task. Without them, those of the default VPC."),
  public_ip: option
    .deploymentOnly(
      z.union(
        [z.boolean(), z.stringbool({ truthy: ['1', 'true'], falsy: ['0', 'false', ''] })],
        'must be `true` or `false`',
      ),
    )
    .default(true)
    .describe(
      "Gives the agent's task a public IP address. Subnets without a NAT gateway need it to reach the platform and AWS.",
    ),
})

/** Validated options of the Lambda connector, with defaults. */
export type LambdaConfig = z.output<typeof configSchema>
