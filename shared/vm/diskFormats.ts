/** 'auto' looks at the image's content. */
export const diskFormats = ['auto', 'raw', 'qcow2', 'vdi', 'vmdk', 'vhd', 'vhdx'] as const;
