export { kubernetes } from './connector.ts'
