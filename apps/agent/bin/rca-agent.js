#!/usr/bin/env -S node --conditions=@rca/source --max-semi-space-size=1 --v8-pool-size=1 --optimize-for-size
// An agent is a guest on the machine that it watches: a small young generation and one helper thread cost it nothing that shows and save memory.
import '../src/main.ts'
