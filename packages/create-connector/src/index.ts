export { type Answers, checkAnswers, type Names, type Problem } from './names.ts'
export { scaffold } from './scaffold.ts'
