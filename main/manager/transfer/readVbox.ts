/** Settings files of VirtualBox machines (.vbox; VirtualBox, src/VBox/Main/xml): what the machine has now, without its snapshots. */
import { dirname, resolve } from 'node:path';
import { damaged, fitted, type FoundDisk, type FoundMachine } from './foundMachine.ts';
import { childOf, childrenOf, descendants, parseXml, textOf, type XmlNode } from './xmlTree.ts';

/** Throws UserError. */
export function readVbox(text: string, path: string, mostCpus: number): FoundMachine {
  const root = parseXml(text, path);
  const machine = childOf(root, 'Machine');
  if (root.name !== 'VirtualBox' || machine === undefined)
    throw damaged(path, 'it is no machine of VirtualBox');
  if (machine.attributes['encrypted'] === 'true' || childOf(root, 'MachineEncrypted') !== undefined)
    throw damaged(path, 'the machine is encrypted');
  const hardware = childOf(machine, 'Hardware');
  const fit = fitted(
    Number(childOf(hardware, 'Memory')?.attributes['RAMSize']) || 128,
    Number(childOf(hardware, 'CPU')?.attributes['count']) || 1,
    mostCpus,
  );
  const notes = [...fit.notes];
  if (childOf(machine, 'Snapshot') !== undefined)
    notes.push('Its snapshots stay behind: the VM gets the disks as they are now.');
  if (machine.attributes['stateFile'] !== undefined)
    notes.push('Its saved state stays behind: the VM boots from its disks.');

  const registry = childOf(machine, 'MediaRegistry');
  const folder = dirname(path);
  const media = new Map<string, { readonly node: XmlNode; readonly chain: readonly string[] }>();
  const add = (node: XmlNode, chain: readonly string[]): void => {
    const place = resolve(folder, node.attributes['location'] ?? '');
    media.set(node.attributes['uuid'] ?? '', { node, chain: [place, ...chain] });
    // Images that build on it lie within it.
    for (const child of childrenOf(node, 'HardDisk')) add(child, [place, ...chain]);
  };
  for (const disk of childrenOf(childOf(registry, 'HardDisks'), 'HardDisk')) add(disk, []);
  for (const image of childrenOf(childOf(registry, 'DVDImages'), 'Image')) add(image, []);

  const disks: FoundDisk[] = [];
  const cdroms: { path?: string; interface: 'ide' | 'ahci' }[] = [];
  let floppies = 0;
  // Older files have the controllers beside the hardware.
  const controllers =
    childOf(hardware, 'StorageControllers') ?? childOf(machine, 'StorageControllers');
  for (const controller of childrenOf(controllers, 'StorageController')) {
    const type = controller.attributes['type'] ?? '';
    const where = /^(PIIX|ICH6)/.test(type) ? 'ide' : /virtio/i.test(type) ? 'virtio' : 'ahci';
    if (where === 'ahci' && type !== 'AHCI' && !type.startsWith('I82078'))
      notes.push(`What is at the controller of the kind ${type} is attached by SATA.`);
    for (const device of childrenOf(controller, 'AttachedDevice')) {
      const uuid = childOf(device, 'Image')?.attributes['uuid'];
      const medium = uuid === undefined ? undefined : media.get(uuid);
      const kind = device.attributes['type'];
      if (kind === 'Floppy') floppies++;
      else if (kind === 'DVD') {
        const place = medium?.chain[0];
        cdroms.push({
          interface: where === 'ide' ? 'ide' : 'ahci',
          ...(place !== undefined && { path: place }),
        });
      } else if (kind === 'HardDisk') {
        const [place] = medium?.chain ?? [];
        if (medium === undefined || place === undefined)
          throw damaged(path, `it does not say where its disk ${uuid ?? ''} is`);
        const allowedFolders = [...new Set(medium.chain.map((each) => dirname(each)))];
        disks.push({ path: place, interface: where, allowedFolders });
      }
    }
  }
  const adapters = descendants(childOf(hardware, 'Network'), 'Adapter')
    .filter(({ attributes }) => attributes['enabled'] === 'true')
    .map(({ attributes }) => ({
      model: /virtio/i.test(attributes['type'] ?? '') ? ('virtio' as const) : ('e1000' as const),
      ...macOf(attributes['MACAddress']),
    }));
  const firmware =
    childOf(hardware, 'Firmware') ?? childOf(hardware, 'BIOS', 'Firmware') ?? undefined;
  return {
    ...fit,
    name: machine.attributes['name'] ?? 'Imported',
    description: textOf(machine, 'Description'),
    uefi: (firmware?.attributes['type'] ?? '').startsWith('EFI'),
    ...{ disks, cdroms, floppies: Math.min(2, floppies), adapters, notes },
  };
}

function macOf(text: string | undefined): { readonly mac?: string } {
  if (text === undefined || !/^[0-9a-f]{12}$/i.test(text)) return {};
  return { mac: (text.match(/../g) ?? []).join(':').toLowerCase() };
}
