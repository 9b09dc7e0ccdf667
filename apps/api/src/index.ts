export { type Api, createApi } from './api.ts'
export type { ApiOptions } from './api-options.ts'
export { OptionsError } from './options-error.ts'
