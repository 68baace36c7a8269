/**
 * The instruction set: importing this file registers every family. Each family has one file
 * `isa/<family>/all.ts` that imports its instruction files (owned by whoever owns the family).
 */
import './integer/all.ts';
import './system/all.ts';
import './x87/all.ts';
import './mmx/all.ts';
import './sse/all.ts';
