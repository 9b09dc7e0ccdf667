export { type Api, createApi } from './api.ts'
export type { ApiOptions } from './options/api-options.ts'
export { OptionsError } from './options/options-error.ts'
