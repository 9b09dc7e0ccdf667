/** A text with one full stop at its end, or the mark that it ends with already. */
export function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`
}
