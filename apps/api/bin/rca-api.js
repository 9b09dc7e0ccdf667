#!/usr/bin/env -S node --conditions=@rca/source
import '../src/main.ts'
