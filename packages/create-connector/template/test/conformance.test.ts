import { test } from 'node:test'
import { checks } from '@rca/connector-testkit'
import { acmeQueues } from '../src/index.ts'
import { scenarios } from './scenarios.ts'

// An error says what was found, why it matters and how to fix it.
for (const { id, run } of checks(acmeQueues, { scenarios })) test(id, run)
