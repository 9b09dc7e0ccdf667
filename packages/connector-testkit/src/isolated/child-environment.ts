/** Variables that a program needs to find its files. None of them is a secret. */
const NEEDED = new Set([
  ...['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'TZ'],
  // Windows
  ...['PATHEXT', 'SYSTEMROOT', 'COMSPEC', 'TEMP', 'TMP', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA'],
])

/**
 * Returns the environment of a process that runs a connector: a stranger's code gets no secret of this one.
 *
 * @param names further variables to pass on
 */
export function childEnvironment(names: readonly string[] = []): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => NEEDED.has(name.toUpperCase()) || names.includes(name)),
  )
}
