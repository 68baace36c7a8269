/**
 * What a guest is told of its CPU. A model is a fixed set of features, except `host-like` and `host`, which on KVM are without what
 * the host lacks. The levels are those of the x86-64 psABI (System V ABI, AMD64 supplement 1.0, table 3.1).
 */
export const cpuModels = [
  /** The translator's own: x86-64-v2 and what else it can do, as an in-order Atom, which Linux does not mitigate. */
  'guesthouse-v2',
  /** The same features as an out-of-order CPU with all mitigations. */
  'host-like',
  /** No more and no less than the level: states open on every host that takes the model, and on the translator. */
  'x86-64-v2',
  'x86-64-v3',
  /** Whatever this host's processor has that a saved state can hold. */
  'host',
] as const;
export type CpuModel = (typeof cpuModels)[number];

/** What the translator's CPU lacks of a model; undefined for one that only the host knows. */
const beyondTranslator: Readonly<Record<CpuModel, readonly string[] | undefined>> = {
  'guesthouse-v2': [],
  'host-like': [],
  'x86-64-v2': [],
  'x86-64-v3': ['FMA', 'MOVBE', 'XSAVE', 'AVX', 'F16C', 'BMI1', 'AVX2', 'BMI2', 'LZCNT'],
  host: undefined,
};

/** Why an engine does not run a model; undefined if it does, as far as the host need not be asked. */
export type CpuModelObstacle =
  | { readonly kind: 'speculates' }
  | { readonly kind: 'of-the-host' }
  | { readonly kind: 'lacks'; readonly features: readonly string[] };

export function cpuModelObstacle(
  model: CpuModel,
  engine: 'interpreter' | 'translator' | 'kvm',
): CpuModelObstacle | undefined {
  if (engine === 'kvm') return model === 'guesthouse-v2' ? { kind: 'speculates' } : undefined;
  const features = beyondTranslator[model];
  if (features === undefined) return { kind: 'of-the-host' };
  return features.length === 0 ? undefined : { kind: 'lacks', features };
}
