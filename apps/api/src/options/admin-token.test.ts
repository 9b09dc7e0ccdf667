import { describe, expect, test } from 'vitest'
import { weaknessOf } from './admin-token.ts'

describe('weaknessOf', () => {
  test.each([
    ['x', /fewer than 16 characters/],
    ['changeme', /fewer than 16 characters/],
    ['k7Qz-4pW_9xL2mT', /fewer than 16 characters/],
    ['aaaaaaaaaaaaaaaaaaaaaaaa', /different characters/],
    ['passwordpassword', /different characters/],
    ['1234567890123456', /sequence/],
    ['abcdefghijklmnopqrstuvwxyz', /sequence/],
    ['zyxwvutsrqponmlk', /sequence/],
    ['Kp3xW9zQKp3xW9zQKp3xW9zQ', /repeats itself/],
    ['supersecretadminpassword', /words/],
    ['changeme-password-1', /words/],
  ])('refuses %s', (token, reason) => {
    expect(weaknessOf(token)).toMatch(reason)
  })

  test.each([
    'a-token-of-the-operator',
    '3f2a8c1e-5b7d-4e9f-8a6b-0c1d2e3f4a5b',
    'f3b0c44298fc1c149afbf4c8996fb924',
    'kV7pZ0cX3mQ9sT1w',
    'correct horse battery staple'.replaceAll(' ', '-'),
  ])('accepts %s', (token) => {
    expect(weaknessOf(token)).toBeUndefined()
  })
})
