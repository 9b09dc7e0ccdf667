/** Removes the version or alias: `arn:aws:lambda:eu-central-1:1:function:orders:3` → `…:orders`. */
export function functionArnOf(arn: string): string {
  return arn.split(':').slice(0, 7).join(':')
}
