export { CliError } from './cli-error.ts'
export { type Recording, readRecording } from './recording/recording.ts'
export { type Replay, type ReplayOptions, startReplay } from './recording/replay.ts'
