/** Actions that IAM allows for all resources only. */
export const ACCOUNT_ACTIONS: readonly string[] = [
  'cloudwatch:GetMetricData',
  'lambda:GetAccountSettings',
  'lambda:ListEventSourceMappings',
  'lambda:ListFunctions',
]

/** Actions on functions of the account and region. */
export const FUNCTION_ACTIONS: readonly string[] = [
  'lambda:GetFunctionConcurrency',
  'lambda:GetPolicy',
  'lambda:ListAliases',
  'lambda:ListProvisionedConcurrencyConfigs',
]

/** Action that the option `cloudtrail` needs. */
export const CLOUDTRAIL_ACTION = 'cloudtrail:LookupEvents'
