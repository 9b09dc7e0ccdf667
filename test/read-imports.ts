import { parseAst } from 'vitest/node'

/** Form of an import: bound when the module loads, when the code runs, or only for types. */
export type ImportForm = 'static' | 'lazy' | 'type'

export interface ModuleImport {
  readonly specifier: string
  readonly form: ImportForm
}

/**
 * Returns every import, re-export, `import()`, `require('…')` and `import('…').Type` of a TypeScript or JavaScript
 * source.
 */
export function readImports(source: string): ModuleImport[] {
  const found: ModuleImport[] = []
  visit(parseAst(source, { lang: 'ts' }), found)
  return found
}

function visit(node: unknown, found: ModuleImport[]): void {
  if (Array.isArray(node)) for (const child of node) visit(child, found)
  if (!isNode(node)) return
  const form = importForm(node)
  const specifier = node.type === 'CallExpression' ? literal(node.arguments?.[0]) : literal(node.source)
  if (form !== undefined && specifier !== undefined) found.push({ specifier, form })
  for (const child of Object.values(node)) if (typeof child === 'object') visit(child, found)
}

function importForm(node: SyntaxNode): ImportForm | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      return node.importKind === 'type' ? 'type' : 'static'
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node.exportKind === 'type' ? 'type' : 'static'
    case 'TSImportType':
      return 'type'
    case 'ImportExpression':
      return 'lazy'
    case 'CallExpression':
      return node.callee?.name === 'require' ? 'lazy' : undefined
    default:
      return undefined
  }
}

/** The fields of the syntax tree that describe imports. */
interface SyntaxNode {
  readonly type: string
  readonly importKind?: string
  readonly exportKind?: string
  readonly source?: unknown
  readonly arguments?: readonly unknown[]
  readonly callee?: { readonly name?: string }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function literal(node: unknown): string | undefined {
  if (!isNode(node) || !('value' in node) || typeof node.value !== 'string') return undefined
  return node.value
}
