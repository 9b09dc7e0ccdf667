#!/usr/bin/env -S node --conditions=@rca/source --max-semi-space-size=2 --heap-growing-percent=15 --v8-pool-size=3 --no-opt --no-maglev --disable-warning=ExperimentalWarning
// The agent is a guest on the machine that it watches. A small young generation, a heap that grows in small steps, three
// helper threads and no optimising compilers save memory, and cost some CPU in each collection cycle. The agent uses
// `node:ffi` (src/program-pages.ts), about which Node would warn on standard error.
import '../src/main.ts'
