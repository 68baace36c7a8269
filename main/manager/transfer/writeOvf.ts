/** The OVF descriptor of a VM (DMTF DSP0243 version 1.1, which VirtualBox, VMware and others read). */
import { XMLBuilder } from 'fast-xml-parser';
import type { VmConfig } from '../../../shared/vm/config.ts';

export interface OvfFile {
  readonly name: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes of the disk. */
  readonly capacity: number;
}

const namespaces = {
  '@xmlns': 'http://schemas.dmtf.org/ovf/envelope/1',
  '@xmlns:ovf': 'http://schemas.dmtf.org/ovf/envelope/1',
  '@xmlns:rasd':
    'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData',
  '@xmlns:vssd': 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData',
};
const streamOptimized = 'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized';

/** `files`: one for each disk, in their order. */
export function writeOvf(config: VmConfig, files: readonly OvfFile[]): string {
  let instance = 0;
  const items: Record<string, string | number>[] = [];
  /** The elements stand in the order of their names, as the schema wants. */
  const item = (
    type: number,
    name: string,
    rest: Readonly<Record<string, string | number>>,
  ): number => {
    const all = { ElementName: name, InstanceID: ++instance, ResourceType: type, ...rest };
    items.push(
      Object.fromEntries(
        Object.entries(all)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, value]) => [`rasd:${key}`, value]),
      ),
    );
    return instance;
  };
  item(3, 'CPU', { VirtualQuantity: config.cpus, AllocationUnits: 'hertz * 10^6' });
  item(4, 'Memory', { VirtualQuantity: config.memoryMiB, AllocationUnits: 'byte * 2^20' });
  const ide = item(5, 'IDE controller', { Address: 0, ResourceSubType: 'PIIX4' });
  const sata = item(20, 'SATA controller', { Address: 0, ResourceSubType: 'AHCI' });
  const next = { [ide]: 0, [sata]: 0 };
  const onController = (where: string): { Parent: number; AddressOnParent: number } => {
    // Few programs know virtio disks in appliances; guests find their disks on SATA too.
    const parent = where === 'ide' ? ide : sata;
    const at = next[parent] ?? 0;
    next[parent] = at + 1;
    return { Parent: parent, AddressOnParent: at };
  };
  config.disks.forEach((disk, i) =>
    item(17, `Disk ${i + 1}`, {
      HostResource: `ovf:/disk/vmdisk${i + 1}`,
      ...onController(disk.interface),
    }),
  );
  config.cdroms.forEach((drive, i) =>
    item(15, `CD-ROM ${i + 1}`, { AutomaticAllocation: 'true', ...onController(drive.interface) }),
  );
  config.floppies.forEach((_, i) => item(14, `Floppy ${i + 1}`, { AutomaticAllocation: 'true' }));
  const adapters = config.adapters.filter(({ network }) => network.mode !== 'none');
  adapters.forEach((adapter, i) =>
    item(10, `Adapter ${i + 1}`, {
      ...{ AutomaticAllocation: 'true', Connection: 'NAT' },
      ResourceSubType: adapter.model === 'virtio' ? 'VirtIO' : 'E1000',
    }),
  );
  const envelope = {
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    Envelope: {
      ...namespaces,
      References: {
        File: files.map(({ name, size }, i) => ({
          ...{
            '@ovf:href': encodeURIComponent(name),
            '@ovf:id': `file${i + 1}`,
            '@ovf:size': size,
          },
        })),
      },
      DiskSection: {
        Info: 'The disks',
        Disk: files.map(({ capacity }, i) => ({
          ...{ '@ovf:capacity': capacity, '@ovf:diskId': `vmdisk${i + 1}` },
          ...{ '@ovf:fileRef': `file${i + 1}`, '@ovf:format': streamOptimized },
        })),
      },
      NetworkSection: {
        Info: 'The networks',
        ...(adapters.length > 0 && { Network: { '@ovf:name': 'NAT', Description: 'NAT' } }),
      },
      VirtualSystem: {
        '@ovf:id': 'vm',
        Info: 'A virtual machine',
        Name: config.name,
        OperatingSystemSection: { '@ovf:id': 1, Info: 'The guest', Description: 'other' },
        ...(config.description !== '' && {
          AnnotationSection: { Info: 'Notes', Annotation: config.description },
        }),
        VirtualHardwareSection: {
          Info: 'The hardware',
          System: {
            'vssd:ElementName': 'Virtual Hardware Family',
            'vssd:InstanceID': 0,
            'vssd:VirtualSystemIdentifier': config.name,
            'vssd:VirtualSystemType': 'virtualbox-2.2',
          },
          Item: items,
        },
      },
    },
  };
  return new XMLBuilder({
    ...{ ignoreAttributes: false, attributeNamePrefix: '@', format: true },
    suppressEmptyNode: true,
  }).build(envelope);
}
