import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec'
import { planDeployment } from '@rca/core'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { lambda } from '../connector.ts'

/** Published descriptions of all resources, as the AWS CDK reads them. */
const specification = loadAwsServiceSpecSync()

interface Properties {
  readonly [name: string]: { readonly required?: boolean; readonly type: PropertyType }
}

interface PropertyType {
  readonly type: string
  readonly element?: PropertyType
  readonly reference?: { readonly $ref: string }
}

/** Returns names and kinds of values that the specification does not have, and required names that are missing. */
function problemsOf(resource: { readonly Type: string; readonly Properties?: object }): string[] {
  const { properties } = specification
    .lookup('resource', 'cloudFormationType', 'equals', resource.Type)
    .only() as unknown as { readonly properties: Properties }
  return propertyProblems(resource.Properties ?? {}, properties, resource.Type)
}

function propertyProblems(values: object, properties: Properties, path: string): string[] {
  const missing = Object.entries(properties)
    .filter(([name, { required }]) => required === true && !(name in values))
    .map(([name]) => `${path}.${name} is missing`)
  return [
    ...missing,
    ...Object.entries(values).flatMap(([name, value]) => {
      const property = properties[name]
      return property === undefined
        ? [`${path}.${name} is unknown`]
        : valueProblems(value, property.type, `${path}.${name}`)
    }),
  ]
}

function valueProblems(value: unknown, type: PropertyType, path: string): string[] {
  if (isFunction(value)) return []
  if (type.type === 'array' && type.element !== undefined) {
    const { element } = type
    if (!Array.isArray(value)) return [`${path} must be a list`]
    return value.flatMap((item, index) => valueProblems(item, element, `${path}[${index}]`))
  }
  if (type.type === 'ref' && type.reference !== undefined) {
    const { properties } = specification.get('typeDefinition', type.reference.$ref) as unknown as {
      readonly properties: Properties
    }
    return typeof value === 'object' && value !== null
      ? propertyProblems(value, properties, path)
      : [`${path} must be an object`]
  }
  const kinds: Readonly<Record<string, string>> = {
    string: 'string',
    integer: 'number',
    number: 'number',
    boolean: 'boolean',
  }
  const kind = kinds[type.type]
  return kind === undefined || typeof value === kind ? [] : [`${path} must be a ${kind}`]
}

/** Returns true for `Ref` and other functions of CloudFormation. */
function isFunction(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const [name = '', ...others] = Object.keys(value)
  return others.length === 0 && (name === 'Ref' || name.startsWith('Fn::'))
}

function templateOf(config: Readonly<Record<string, unknown>>) {
  const { command } = planDeployment(lambda, {
    platformUrl: 'https://api.example.com',
    agentToken: 'lambda-token',
    config: { subnets: ['subnet-0a'], ...config },
  })
  const request = parse(/^printf %s '(.*)' \|/s.exec(command)?.[1] ?? '') as { readonly TemplateBody: string }
  return parse(request.TemplateBody) as {
    readonly Parameters: object
    readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>
  }
}

test.each([{}, { public_ip: false, cloudtrail: false }])('the template has only known properties (%j)', (config) => {
  const { Resources } = templateOf(config)
  expect(Object.keys(Resources)).toHaveLength(7)
  expect(Object.values(Resources).flatMap(problemsOf)).toEqual([])
})

test('the check finds unknown, missing and wrong properties', () => {
  const task = { Type: 'AWS::ECS::TaskDefinition', Properties: { ContainerDefinitions: [{ Name: 1, Images: 'a' }] } }
  const name = 'AWS::ECS::TaskDefinition.ContainerDefinitions[0]'
  expect(problemsOf(task)).toEqual([
    `${name}.Image is missing`,
    `${name}.Name must be a string`,
    `${name}.Images is unknown`,
  ])
})

test('every reference of the template leads to a parameter or a resource', () => {
  const template = templateOf({})
  const known = new Set([...Object.keys(template.Parameters), ...Object.keys(template.Resources)])
  const referenced = [...JSON.stringify(template).matchAll(/"Ref":"([^"]+)"|"Fn::GetAtt":\["([^"]+)"/g)]
    .map(([, reference, attribute]) => reference ?? attribute ?? '')
    .filter((name) => !name.startsWith('AWS::'))
  expect(referenced.filter((name) => !known.has(name))).toEqual([])
  expect(referenced.toSorted()).toEqual(expect.arrayContaining(['AgentToken', 'Token', 'TaskRole', 'ExecutionRole']))
})

test('the token is a hidden parameter, and otherwise only in the secret', () => {
  const template = templateOf({})
  expect(template.Parameters).toMatchObject({ AgentToken: { NoEcho: true } })
  expect(JSON.stringify(template)).not.toContain('lambda-token')
  expect(JSON.stringify(template).match(/"Ref":"AgentToken"/g)).toHaveLength(1)
})
