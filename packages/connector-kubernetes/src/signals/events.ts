/** What happens in a cluster. */
export const events = {}
