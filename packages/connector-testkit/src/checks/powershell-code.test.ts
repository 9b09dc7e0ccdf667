import { describe, expect, test } from 'vitest'
import { isPowerShellCode } from './powershell-code.ts'

const isCode = (command: string): boolean => isPowerShellCode(command, 'EVIL')

describe('PowerShell reads as text', () => {
  test.each([
    "Install-Agent 'a;EVIL;'",
    "Install-Agent 'it''s;EVIL'",
    "Install-Agent '\u2018\u2018;EVIL'",
    "Install-Agent '$(EVIL)'",
    'Install-Agent "a;EVIL"',
    'Install-Agent "a`$(EVIL)"',
    'Install-Agent "a"";EVIL"',
    'powershell -Command Install-Agent "\'a;EVIL\'"',
  ])('%s', (command) => {
    expect(isCode(command)).toBe(false)
  })
})

describe('PowerShell reads as code', () => {
  test.each([
    'Install-Agent a;EVIL',
    "Install-Agent 'a';EVIL;''",
    "Install-Agent 'a\u2019;EVIL;'",
    'Install-Agent "a$(EVIL)"',
    'Install-Agent "a";EVIL;""',
    'Install-Agent "a\u201D;EVIL"',
    "powershell -Command Install-Agent 'a;EVIL'",
    "pwsh.exe -NoProfile -c Install-Agent 'a;EVIL'",
  ])('%s', (command) => {
    expect(isCode(command)).toBe(true)
  })
})
