/**
 * VMs on disk: `vms/<id>/vm.json`. Nothing is cached, so that a hand-edited file or another
 * process's change is seen at once. Files are replaced atomically; changes of several processes
 * take turns by a lock on the folder. A file that cannot be used is never touched.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { UserError } from '../../shared/services/errors.ts';
import {
  configVersion,
  newVmSchema,
  vmChangesSchema,
  vmConfigSchema,
  type NewVm,
  type VmChanges,
  type VmConfig,
} from '../../shared/vm/config.ts';
import { describeIssue, parseVmConfig } from '../../shared/vm/configMigrations.ts';
import type { Arrangement, ArrangementRequest } from '../../shared/vm/arrangement.ts';
import { ArrangementFile } from './arrangementFile.ts';
import { lockFolder } from './folderLock.ts';
import { writeLibraryFile } from './libraryFile.ts';

export interface LibraryEntry {
  readonly id: string;
  readonly name: string;
  /** Absent if the file cannot be used; `problem` says why. */
  readonly config?: VmConfig;
  readonly problem?: UserError;
}

export class VmLibrary {
  readonly folder: string;
  private readonly arrangementFile: ArrangementFile;

  constructor(folder: string) {
    this.folder = folder;
    this.arrangementFile = new ArrangementFile(folder);
  }

  folderOf(id: string): string {
    // Identifiers come from outside: none may lead out of the library.
    if (!/^[\w-]{1,64}$/.test(id)) throw noSuchVm(id);
    return join(this.folder, id);
  }

  /** All VMs by name; unusable ones among them. */
  async list(): Promise<LibraryEntry[]> {
    const folders = await readdir(this.folder, { withFileTypes: true });
    const entries = await Promise.all(
      folders
        .filter((folder) => folder.isDirectory() && /^[\w-]{1,64}$/.test(folder.name))
        .map((folder) => this.read(folder.name)),
    );
    return entries
      .filter((entry) => entry !== undefined)
      .sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id));
  }

  async get(id: string): Promise<VmConfig> {
    const entry = await this.read(id);
    if (!entry) throw noSuchVm(id);
    if (!entry.config) throw entry.problem ?? noSuchVm(id);
    return entry.config;
  }

  async create(vm: NewVm): Promise<VmConfig> {
    const wanted = checked(newVmSchema.safeParse(vm));
    checkPaths(wanted);
    return this.exclusively(async () => {
      await this.checkName(wanted.name);
      const id = randomUUID();
      const config = vmConfigSchema.parse({
        ...wanted,
        version: configVersion,
        id,
        createdAt: new Date().toISOString(),
      });
      await mkdir(this.folderOf(id), { mode: 0o700 });
      await this.write(config);
      return config;
    });
  }

  async modify(id: string, changes: VmChanges): Promise<VmConfig> {
    const wanted = definedOnly(checked(vmChangesSchema.safeParse(changes)));
    return this.exclusively(async () => {
      const before = await this.get(id);
      const config = checked(vmConfigSchema.safeParse({ ...before, ...wanted }));
      checkPaths(config);
      if (config.name !== before.name) await this.checkName(config.name, id);
      await this.write(config);
      return config;
    });
  }

  /** Puts another configuration in its place, whose drives may be others; the VM keeps its name. */
  async replace(id: string, config: VmConfig): Promise<void> {
    await this.exclusively(async () => {
      const { name, description, createdAt } = await this.get(id);
      await this.write({ ...config, id, name, description, createdAt });
    });
  }

  /** Removes the VM's own folder and nothing else. */
  async delete(id: string): Promise<void> {
    await this.exclusively(async () => {
      if (!(await this.read(id))) throw noSuchVm(id);
      await rm(this.folderOf(id), { recursive: true, force: true });
    });
  }

  async arrangement(): Promise<Arrangement> {
    return this.arrangementFile.read((await this.list()).map(({ id }) => id));
  }

  async arrange(change: ArrangementRequest): Promise<Arrangement> {
    return this.exclusively(async () =>
      this.arrangementFile.change(
        change,
        (await this.list()).map(({ id }) => id),
      ),
    );
  }

  private async read(id: string): Promise<LibraryEntry | undefined> {
    const path = join(this.folderOf(id), 'vm.json');
    let data: unknown;
    try {
      const text = await readFile(path, 'utf8');
      data = JSON.parse(text);
      const config = parseVmConfig(data);
      // The folder is the identity: a copied folder is a VM of its own.
      return { id, name: config.name, config: config.id === id ? config : { ...config, id } };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return undefined;
      return { id, name: nameIn(data) ?? id, problem: describeProblem(path, error) };
    }
  }

  private write(config: VmConfig): Promise<void> {
    return writeLibraryFile(join(this.folderOf(config.id), 'vm.json'), config);
  }

  /** Throws UserError (code 'name-taken'). */
  async checkName(name: string, except?: string): Promise<void> {
    const taken = (await this.list()).some(
      (entry) => entry.id !== except && entry.name.toLowerCase() === name.toLowerCase(),
    );
    if (!taken) return;
    throw new UserError({
      code: 'name-taken',
      message: `There is a VM named "${name}" already.`,
      hint: 'Choose another name.',
    });
  }

  private async exclusively<T>(work: () => Promise<T>): Promise<T> {
    let release: () => Promise<void>;
    try {
      release = await lockFolder(this.folder);
    } catch (error) {
      throw new UserError(
        {
          code: 'library-busy',
          message: 'Another Guesthouse process has been changing the library for too long.',
          hint: 'Try again in a moment.',
        },
        { cause: error },
      );
    }
    try {
      return await work();
    } finally {
      await release();
    }
  }
}

export function noSuchVm(id: string): UserError {
  return new UserError({
    code: 'no-such-vm',
    message: `There is no VM "${id}".`,
    hint: 'See "guesthouse list" for what there is.',
  });
}

function checked<T>(
  result:
    { success: true; data: T } | { success: false; error: Parameters<typeof describeIssue>[0] },
): T {
  if (result.success) return result.data;
  throw new UserError({
    code: 'invalid',
    message: `A setting is not valid: ${describeIssue(result.error)}.`,
    hint: 'Correct the value and try again.',
  });
}

/** A change to nothing is no change. */
function definedOnly(changes: object): object {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function checkPaths(vm: Pick<VmConfig, 'boot' | 'disks' | 'cdroms' | 'floppies'>): void {
  const paths = [
    ['boot.kernel', vm.boot.kernel],
    ['boot.initrd', vm.boot.initrd],
    ...(['disks', 'cdroms', 'floppies'] as const).flatMap((list) =>
      vm[list].map(({ path }, index) => [`${list}.${index}.path`, path] as const),
    ),
  ] as const;
  for (const [field, path] of paths) {
    if (path === undefined || isAbsolute(path)) continue;
    throw new UserError({
      code: 'invalid',
      message: `${field}: "${path}" is not an absolute path.`,
      hint: 'Give the whole path of the file.',
    });
  }
}

function nameIn(data: unknown): string | undefined {
  const name = (data as { name?: unknown } | null | undefined)?.name;
  return typeof name === 'string' && name.trim() !== '' ? name.slice(0, 100) : undefined;
}

function describeProblem(path: string, error: unknown): UserError {
  if (error instanceof UserError) {
    return new UserError({
      code: error.code,
      message: `${path}: ${error.message}`,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
  if (error instanceof SyntaxError) {
    return new UserError({
      code: 'config-corrupt',
      message: `${path}: The configuration is damaged: ${error.message}.`,
      hint: 'Correct the file, restore it from a backup, or delete the VM.',
    });
  }
  return new UserError(
    {
      code: 'config-unreadable',
      message: `${path}: The configuration cannot be read (${String((error as NodeJS.ErrnoException).code ?? error)}).`,
      hint: 'Check the permissions of the file.',
    },
    { cause: error },
  );
}
