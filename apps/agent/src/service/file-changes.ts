import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Machine } from './machine.ts'
import { syncFile } from './release.ts'
import type { ServiceUser } from './service-user.ts'
import type { Transaction } from './transaction.ts'

/** Writes a file, unless it has this text and mode. Returns whether it was, or would be, written. */
export async function changeFile(
  transaction: Transaction,
  machine: Machine,
  file: { readonly path: string; readonly mode: number; readonly text: string },
): Promise<boolean> {
  const path = machine.path(file.path)
  const before = readFile(path, transaction.isDryRun)
  if (before?.text === file.text && before.mode === file.mode) return false
  await transaction.change(
    `write ${file.path}`,
    () => replaceFile(path, file.text, file.mode),
    () => (before === undefined ? rmSync(path, { force: true }) : replaceFile(path, before.text, before.mode)),
  )
  return true
}

/** Reads a file; `undefined` if it does not exist, or only root may read it and nothing is to be changed. */
export function readFile(path: string, isDryRun: boolean): { text: string; mode: number } | undefined {
  try {
    return { text: readFileSync(path, 'utf8'), mode: statSync(path).mode & 0o777 }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || (code === 'EACCES' && isDryRun)) return undefined
    throw error
  }
}

/** Removes a file, if it exists. Returns whether it existed. Undoing it restores its owner too. */
export async function removeFile(transaction: Transaction, machine: Machine, file: string): Promise<boolean> {
  const path = machine.path(file)
  if (!existsSync(path)) return false
  const text = readFileSync(path, 'utf8')
  const { mode, uid, gid } = statSync(path)
  await transaction.change(
    `remove ${file}`,
    () => rmSync(path),
    () => {
      replaceFile(path, text, mode & 0o777)
      machine.setOwner(path, uid, gid)
    },
  )
  return true
}

/** Creates a folder, and its parents, unless it exists. */
export async function makeFolder(
  transaction: Transaction,
  machine: Machine,
  folder: string,
  { mode, owner }: { readonly mode: number; readonly owner?: () => Promise<ServiceUser | undefined> },
): Promise<void> {
  const path = machine.path(folder)
  if (existsSync(path)) return
  const created = topmostMissing(path)
  await transaction.change(
    `create ${folder}`,
    async () => {
      mkdirSync(path, { recursive: true })
      chmodSync(path, mode)
      const ids = await owner?.()
      if (ids !== undefined) machine.setOwner(path, ids.user, ids.group)
    },
    () => rmSync(created, { recursive: true, force: true }),
  )
}

/** Links to a program, unless the place is taken or read-only. Returns why it could not. */
export async function linkProgram(
  transaction: Transaction,
  machine: Machine,
  link: string,
  program: string,
): Promise<string | undefined> {
  const path = machine.path(link)
  const target = linkTarget(path)
  if (target === program) return undefined
  if (target === undefined ? existsSync(path) : !target.endsWith('/current/bin/rca-agent')) return `${link} exists`
  let problem: string | undefined
  await transaction.change(
    `link ${link} to ${program}`,
    () => {
      try {
        rmSync(path, { force: true })
        symlinkSync(program, path)
      } catch (error) {
        // A read-only /usr, or a system without this folder: the agent does not need the link.
        problem = (error as Error).message
      }
    },
    () => {
      rmSync(path, { force: true })
      if (target !== undefined) symlinkSync(target, path)
    },
  )
  return problem
}

/** Removes a folder if it is empty. */
export function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // It holds something, or does not exist.
  }
}

/** Returns the target of a link, `undefined` if it is none. */
export function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** Writes a file so that a crash leaves the old or the new text. */
function replaceFile(path: string, text: string, mode: number): void {
  const temporary = `${path}.new`
  rmSync(temporary, { force: true })
  mkdirSync(dirname(path), { recursive: true })
  try {
    writeFileSync(temporary, text, { mode })
    chmodSync(temporary, mode)
    syncFile(temporary)
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

function topmostMissing(path: string): string {
  return existsSync(dirname(path)) ? path : topmostMissing(dirname(path))
}
