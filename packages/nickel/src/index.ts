// The public names of the nickel package.
export { exportWithNickel, type NickelProgram } from "./bridge.ts";
export { EnumTag, type NickelDocument, type NickelValue, type ValuePath } from "./document.ts";
export { DEFAULT_LIMITS, type NickelLimits } from "./limits.ts";
export { diskReader, type FileReader, folderImporter, type ReadOptions, readNickel, readNickelFile } from "./read.ts";
export type { Importer } from "./resolve.ts";
export { formatPosition, type SourcePosition } from "./source-position.ts";
