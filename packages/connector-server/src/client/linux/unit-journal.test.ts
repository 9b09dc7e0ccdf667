import { describe, expect, test } from 'vitest'
import { createRunParser } from './unit-journal.ts'

const record = (fields: object) =>
  JSON.stringify({ UNIT: 'a.service', INVOCATION_ID: 'one', _SOURCE_REALTIME_TIMESTAMP: '1796041893122637', ...fields })
const exited = (code: string, status: string) =>
  record({ MESSAGE_ID: '98e322203f7a4ed290d09fe03c09fe15', EXIT_CODE: code, EXIT_STATUS: status })
const failed = (result: string) => record({ MESSAGE_ID: 'd9b373ed55a64feb8242e02dbe79a49c', UNIT_RESULT: result })
const restarted = record({ MESSAGE_ID: '5eb03494b6584870a536b337290809b3', N_RESTARTS: '4' })
const started = record({ MESSAGE_ID: '39f53479d3a045ac8e11786248231fbf' })

function parse(...lines: string[]) {
  const parser = createRunParser()
  return lines.flatMap((line) => parser(line) ?? [])
}

describe('createRunParser', () => {
  test('joins a failed run with the exit of its process', () => {
    expect(parse(exited('exited', '3'), failed('exit-code'))).toEqual([
      {
        kind: 'failed',
        unit: 'a.service',
        at: new Date(1_796_041_893_122.637),
        invocationId: 'one',
        result: 'exit-code',
        exitCode: 3,
        killedBy: undefined,
      },
    ])
    expect(parse(exited('dumped', '11'), failed('core-dump'))).toMatchObject([{ exitCode: undefined, killedBy: 11 }])
    expect(parse(failed('timeout'))).toMatchObject([{ exitCode: undefined, killedBy: undefined }])
  })

  test('takes a restart for the end of a run only without its failure', () => {
    expect(parse(failed('exit-code'), restarted).map(({ kind }) => kind)).toEqual(['failed'])
    expect(parse(restarted)).toMatchObject([{ kind: 'restarted', result: 'success' }])
  })

  test('reads starts, and skips other lines', () => {
    expect(parse(started)).toMatchObject([{ kind: 'started', unit: 'a.service' }])
    expect(parse('', '-- No entries --', 'null', '{"MESSAGE_ID":"1"}', '{"UNIT":["a"],"MESSAGE_ID":"1"}')).toEqual([])
  })
})
