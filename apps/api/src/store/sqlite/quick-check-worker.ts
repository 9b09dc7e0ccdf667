import { parentPort, workerData } from 'node:worker_threads'
import { findDamage } from './quick-check.ts'

parentPort?.postMessage(findDamage(String(workerData), 'quick_check'))
