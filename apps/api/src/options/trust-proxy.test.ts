import { describe, expect, test } from 'vitest'
import { parseTrustProxy } from './trust-proxy.ts'

describe('parseTrustProxy', () => {
  test.each([
    ['true', true],
    ['false', false],
    ['0', 0],
    ['2', 2],
    ['127.0.0.1', '127.0.0.1'],
    ['10.0.0.0/8, fd00::/8,loopback', '10.0.0.0/8, fd00::/8,loopback'],
    ['', undefined],
    ['yes', undefined],
    ['1.5', undefined],
    ['100', undefined],
    ['10.0.0.0/0', undefined],
    ['10.0.0.0/33', undefined],
    ['::1/129', undefined],
    ['10.0.0.0/8/8', undefined],
    ['10.0.0.1,', undefined],
    ['proxy.example.com', undefined],
  ])('reads %j as %j', (text, trust) => {
    expect(parseTrustProxy(text)).toBe(trust)
  })
})
