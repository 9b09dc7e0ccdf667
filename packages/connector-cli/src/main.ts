import { runCli } from './cli.ts'

process.exitCode = await runCli(process.argv.slice(2), {
  folder: process.cwd(),
  print: (line) => void process.stdout.write(`${line}\n`),
  printError: (line) => void process.stderr.write(`${line}\n`),
})
