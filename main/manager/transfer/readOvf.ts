/**
 * OVF descriptors (DMTF DSP0243 "Open Virtualization Format Specification"), versions 1 and 2: the first virtual
 * system. Left out: product and deployment options, scripts of the guest.
 */
import { damaged, fitted, type FoundDisk, type FoundMachine } from './foundMachine.ts';
import { childOf, childrenOf, descendants, parseXml, textOf, type XmlNode } from './xmlTree.ts';

/** CIM resource types (CIM_ResourceAllocationSettingData.ResourceType). */
const resource = {
  ...{ cpu: '3', memory: '4', ide: '5', scsi: '6', ethernet: '10', floppy: '14' },
  ...{ cd: '15', dvd: '16', disk: '17', sata: '20' },
} as const;

/** The disks' paths are the references' hrefs. Throws UserError. */
export function readOvf(text: string, path: string, mostCpus: number): FoundMachine {
  const root = parseXml(text, path);
  if (root.name !== 'Envelope') throw damaged(path, 'it is no OVF descriptor');
  const systems = descendants(root, 'VirtualSystem');
  const [system] = systems;
  if (system === undefined) throw damaged(path, 'it describes no machine');
  const hardware = childOf(system, 'VirtualHardwareSection');
  if (hardware === undefined) throw damaged(path, 'it does not say what hardware the machine has');
  // Version 2 has kinds of its own for disks and adapters.
  const items = ['Item', 'StorageItem', 'EthernetPortItem'].flatMap((name) =>
    childrenOf(hardware, name),
  );
  const ofType = (...types: readonly string[]): XmlNode[] =>
    items.filter((item) => types.includes(textOf(item, 'ResourceType')));
  const [cpu] = ofType(resource.cpu);
  const [memory] = ofType(resource.memory);
  const fit = fitted(
    (Number(textOf(memory, 'VirtualQuantity')) || 0) *
      (unitOf(textOf(memory, 'AllocationUnits') || 'byte * 2^20') / 2 ** 20),
    Number(textOf(cpu, 'VirtualQuantity')) || 1,
    mostCpus,
  );
  if (memory === undefined) throw damaged(path, 'it does not say how much memory the machine has');
  const notes = [...fit.notes];
  if (systems.length > 1)
    notes.push(`The file has ${systems.length} machines; the first is taken.`);
  const controller = (item: XmlNode): 'ide' | 'ahci' | 'virtio' => {
    const parent = items.find((one) => textOf(one, 'InstanceID') === textOf(item, 'Parent'));
    const type = textOf(parent, 'ResourceType');
    if (type === resource.ide) return 'ide';
    const subtype = textOf(parent, 'ResourceSubType').toLowerCase();
    return subtype.includes('virtio') ? 'virtio' : 'ahci';
  };
  if (ofType(resource.scsi).length > 0)
    notes.push('Its SCSI disks are attached to a SATA controller.');
  const files = childrenOf(childOf(root, 'References'), 'File');
  const disks = ofType(resource.disk).flatMap((item): FoundDisk[] => {
    const host = textOf(item, 'HostResource').replace(/^ovf:/, '');
    const disk = childrenOf(childOf(root, 'DiskSection'), 'Disk').find(
      ({ attributes }) => host === `/disk/${attributes['diskId']}`,
    );
    const fileId = disk ? disk.attributes['fileRef'] : host.replace('/file/', '');
    const file = files.find(({ attributes }) => attributes['id'] === fileId);
    const href = file?.attributes['href'];
    if (file === undefined || href === undefined) {
      if (disk !== undefined && fileId === undefined) {
        notes.push(`The empty disk "${disk.attributes['diskId']}" is left out.`);
        return [];
      }
      throw damaged(path, `the disk "${host}" has no file`);
    }
    const capacity = Number(disk?.attributes['capacity']);
    const size = capacity * unitOf(disk?.attributes['capacityAllocationUnits'] ?? 'byte');
    const compression = file.attributes['compression'] ?? 'identity';
    if (!['identity', 'gzip', ''].includes(compression))
      throw damaged(path, `its disk is compressed by "${compression}"`);
    return [
      {
        ...{ path: decodeURIComponent(href), interface: controller(item), allowedFolders: [] },
        ...(compression === 'gzip' && { compressed: true }),
        ...(Number.isSafeInteger(size) && size > 0 && { size }),
      },
    ];
  });
  const firmware = descendants(hardware, 'Config').find(
    ({ attributes }) => attributes['key'] === 'firmware',
  );
  const vbox = childOf(system, 'Machine', 'Hardware', 'Firmware') ?? undefined;
  return {
    ...fit,
    name: textOf(system, 'Name') || (system.attributes['id'] ?? 'Imported'),
    description: textOf(childOf(system, 'AnnotationSection'), 'Annotation'),
    uefi:
      firmware?.attributes['value'] === 'efi' ||
      (vbox?.attributes['type'] ?? '').toUpperCase().startsWith('EFI'),
    disks,
    cdroms: ofType(resource.cd, resource.dvd).map((item) => ({
      interface: controller(item) === 'ide' ? ('ide' as const) : ('ahci' as const),
    })),
    floppies: ofType(resource.floppy).length,
    adapters: ofType(resource.ethernet).map((item) => ({
      model: textOf(item, 'ResourceSubType').toLowerCase().includes('virtio')
        ? ('virtio' as const)
        : ('e1000' as const),
    })),
    notes,
  };
}

/** Bytes of a programmatic unit (DSP0004 annex C): "byte * 2^20"; old files say "MegaBytes". */
function unitOf(text: string): number {
  const power = /^\s*byte(?:s)?\s*\*\s*(\d+)\s*\^\s*(\d+)\s*$/i.exec(text);
  if (power !== null) return Number(power[1]) ** Number(power[2]);
  const product = /^\s*byte(?:s)?\s*\*\s*(\d+)\s*$/i.exec(text);
  if (product !== null) return Number(product[1]);
  const old = { kilobytes: 2 ** 10, megabytes: 2 ** 20, gigabytes: 2 ** 30 } as const;
  return old[text.trim().toLowerCase() as keyof typeof old] ?? 1;
}
