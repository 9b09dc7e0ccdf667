import { expect, test } from 'vitest'
import { componentMessage } from './component-message.ts'

test.each([
  ['0/3 nodes are available: 3 Insufficient cpu.', '0/3 nodes are available: 3 Insufficient cpu.'],
  ['Liveness probe failed: command "sh -c \'canary "x"\'" timed out', 'Liveness probe failed: command timed out'],
  [
    'Exec lifecycle hook ([sh -c canary [1]]) for Container "app" in Pod "web_shop(uid)" failed - error: command \'sh -c canary [1]\' exited with 126: canary, message: "canary\\n"',
    'Exec lifecycle hook for Container "app" in Pod "web_shop(uid)" failed - error: command exited with 126',
  ],
  ["PostStartHookError: command 'canary' exited with 126: canary", 'PostStartHookError: command exited with 126'],
  [
    'Readiness probe failed: Get "http://10.1.0.4:80/health?key=canary": dial tcp 10.1.0.4:80: connect: connection refused',
    'Readiness probe failed: Get "http://10.1.0.4:80/health": dial tcp 10.1.0.4:80: connect: connection refused',
  ],
  [
    'Failed to apply default image tag "shop:canary@registry.test/x:1"',
    'Failed to apply default image tag "registry.test/x:1"',
  ],
  [
    `Failed to pull image "registry.test/x:1@sha256:${'a'.repeat(64)}": no\n`,
    `Failed to pull image "registry.test/x:1@sha256:${'a'.repeat(64)}": no`,
  ],
  [`Failed to pull image "web:1@sha256:${'a'.repeat(64)}"`, `Failed to pull image "web:1@sha256:${'a'.repeat(64)}"`],
  [
    'Readiness probe warning: Probe terminated redirects, Response body: <a href="https://login?state=canary">\ncanary</a>',
    'Readiness probe warning: Probe terminated redirects',
  ],
  [
    'Failed to pull image: https://user:canary@registry refused',
    'Failed to pull image: https://user:[redacted]@registry refused',
  ],
  [
    "PostStartHookError: command 'sh -c echo\ncanary\nexit 5' exited with 5: line\ncanary line",
    'PostStartHookError: command exited with 5',
  ],
  [
    'Exec lifecycle hook ([sh -c echo 1\ncanary\nexit 5]) for Container "app" in Pod "web_shop(uid)" failed - error: command \'sh -c echo 1\ncanary\nexit 5\' exited with 5: 1\ncanary\n, message: "1\ncanary\n"',
    'Exec lifecycle hook for Container "app" in Pod "web_shop(uid)" failed - error: command exited with 5',
  ],
  ["PreStopHookError: command 'sh -c canary\ncanary", 'PreStopHookError: command'],
  ['Liveness probe failed: command "sh -c \'a\ncanary\'" timed out', 'Liveness probe failed: command timed out'],
  [
    'unable to start container process: exec: "/bin/payer --key canary --db canary": stat /bin/payer --key canary --db canary: no such file or directory: unknown',
    'unable to start container process: exec: "/bin/payer [redacted]": stat /bin/payer [redacted]: no such file or directory: unknown',
  ],
  [
    'MountVolume.SetUp failed for volume "token" : secret "not-there" not found',
    'MountVolume.SetUp failed for volume "token" : secret "not-there" not found',
  ],
  [
    "Error: couldn't find key db-password in Secret shop/creds",
    "Error: couldn't find key db-password in Secret shop/creds",
  ],
])('%s', (text, message) => {
  expect(componentMessage(text)).toBe(message)
})
