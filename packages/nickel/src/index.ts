// The public names of the nickel package.
export {
  type ConformOptions,
  conform,
  type Examined,
  examine,
  type IssueLike,
  placeProblems,
  type SchemaLike,
} from "./conform.ts";
export { type ContractFile, renderContracts } from "./contracts-from-schema/contracts.ts";
export type { Shape, Words } from "./contracts-from-schema/shape.ts";
export { tagProblems, type ValueProblem } from "./contracts-from-schema/tags.ts";
export { writeNickel, writeNickelLines } from "./contracts-from-schema/write-nickel.ts";
export { EnumTag, type NickelDocument, type NickelValue, type ValuePath } from "./document.ts";
export { DEFAULT_LIMITS, type NickelLimits } from "./limits.ts";
export { nearest } from "./nearest.ts";
export { drawProblems } from "./pictures/draw.ts";
export { type Problem, problemsFailure, problemsOf, withProblems } from "./pictures/problems.ts";
export { exportWithNickel, type NickelProgram } from "./program/bridge.ts";
export { diskReader, type FileReader, folderImporter, type ReadOptions, readNickel, readNickelFile } from "./read.ts";
export type { Importer } from "./resolve.ts";
export { formatPosition, type Place, Source, type SourcePosition } from "./source-position.ts";
export { readTrusted, type TrustedOptions, type TrustedReading } from "./trusted/read-trusted.ts";
