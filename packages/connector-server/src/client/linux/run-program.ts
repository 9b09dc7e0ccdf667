import { execFile } from 'node:child_process'

/** Runs a program and returns what it printed. Rejects with what it said when it fails, is not there, or the signal aborts. */
export type RunProgram = (file: string, arguments_: readonly string[], signal: AbortSignal) => Promise<string>

/** Longest output that is read, in bytes: ten thousand failed units. */
const MOST_OUTPUT = 8 << 20

/** Runs a program in the C locale, without a shell. */
export const runProgram: RunProgram = (file, arguments_, signal) =>
  new Promise((resolve, reject) => {
    const options = { signal, maxBuffer: MOST_OUTPUT, env: { PATH: process.env.PATH, LC_ALL: 'C' } }
    execFile(file, arguments_, options, (error, output, errors) => {
      if (error === null) resolve(output)
      else reject(new Error(`\`${file}\` failed: ${errors.trim() || error.message}`, { cause: error }))
    })
  })
