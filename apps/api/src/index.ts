export { type Api, createApi } from './api.ts'
export { type ApiOptions, OptionsError } from './options/api-options.ts'
