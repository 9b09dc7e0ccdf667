/**
 * Starts to resolve a name at a name server that does not answer, and ends with the code 3. Runs in a network namespace
 * whose name server is 127.0.0.1.
 */
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns'
import { endProcess } from '../src/end-process.ts'

const server = createSocket('udp4')
server.once('message', () => endProcess(3))
server.bind(53, '127.0.0.1', () => lookup('platform.example.com', () => undefined))
