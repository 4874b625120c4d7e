/** How producers compress what they send; whoever reads the topics must know it. Whatever producers chose, millrace reads it (snappy and lz4, too). */
export const compressions = ['none', 'gzip', 'zstd'] as const;
export type Compression = (typeof compressions)[number];
