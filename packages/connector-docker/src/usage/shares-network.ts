/** Whether the network's numbers are somebody else's. */
export function sharesNetwork(networkMode: string | undefined): boolean {
  return networkMode === 'host' || networkMode?.startsWith('container:') === true
}
