#!/usr/bin/env -S node --max-semi-space-size=2 --heap-growing-percent=15 --v8-pool-size=3 --no-opt --no-maglev --disable-warning=ExperimentalWarning
// The program of the published package. bin/rca-agent.js, which runs the sources, explains the flags.
import './main.ts'
