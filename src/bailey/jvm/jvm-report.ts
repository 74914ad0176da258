import type { Limits } from '../container/limits.ts';
import { isJvmSizingEnabled } from './bailey-jvm-variable.ts';
import { readConfiguredOptions } from './configured-options.ts';
import { diagnosticsFolder } from './diagnostics-folder.ts';
import { type JavaRuntime, readJavaRuntime } from './java-runtime.ts';
import { formatBytes } from './java-size.ts';
import { type JvmPlan, planJvm } from './plan-jvm.ts';
import type { Role } from './split-memory.ts';

/** The input of the report. */
export interface ReportRequest {
  readonly role: Role;
  readonly limits: Limits;
  /** Memory in use now; undefined if not known. */
  readonly usedBytes: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file of the java that would be started, or why there is none. */
  readonly java: { readonly file: string } | { readonly fault: string };
  /** JENKINS_HOME, or the work directory of the agent. */
  readonly base: string | undefined;
}

/** Which options java would get in this container, and why. */
export interface JvmReport {
  readonly role: Role;
  readonly limits: Limits;
  readonly usedBytes: number | undefined;
  readonly java: ReportRequest['java'] & Partial<JavaRuntime>;
  readonly plan: JvmPlan;
}

/**
 * Computes the java options of a launch without starting anything.
 * @throws Failure 78 for a wrong BAILEY_JVM, or quotes that are not closed in Jenkins' variables
 */
export function reportJvm({ role, limits, usedBytes, env, java, base }: ReportRequest): JvmReport {
  const runtime =
    'file' in java
      ? readJavaRuntime(java.file)
      : ({ jvm: 'other', version: undefined, major: undefined } as const);
  const plan = planJvm({
    limits,
    role,
    configured: readConfiguredOptions(env, role),
    runtime,
    folder: diagnosticsFolder(base),
  });
  return {
    role,
    limits,
    usedBytes,
    java: { ...java, ...runtime },
    plan: isJvmSizingEnabled(env) ? plan : disabled,
  };
}

const disabled: JvmPlan = {
  options: [],
  omitted: ['BAILEY_JVM=off: no options are added'],
  split: undefined,
  heapBytes: undefined,
  summary: undefined,
  warnings: [],
};

/** Returns the report as lines of text. */
export function formatJvmReport({ role, limits, usedBytes, java, plan }: JvmReport): string[] {
  const { memory, physicalBytes, cpuQuota, cpus } = limits;
  return [
    `${role}, ${formatJava(java)}`,
    '',
    ...(memory === undefined
      ? ['memory limit     none']
      : [`memory limit     ${formatBytes(memory.bytes)}, ${memory.file}`]),
    ...(usedBytes === undefined ? [] : [`memory in use    ${formatBytes(usedBytes)}, page cache included`]),
    ...(physicalBytes === undefined ? [] : [`physical memory  ${formatBytes(physicalBytes)}`]),
    `CPU quota        ${cpuQuota === undefined ? 'none' : `${Number(cpuQuota.cpus.toFixed(2))}, ${cpuQuota.file}`}`,
    ...(cpus === undefined ? [] : [`CPUs             ${cpus}`]),
    '',
    ...(plan.summary === undefined ? [] : [plan.summary]),
    ...plan.options.map(({ option, reason }) => `  ${option}\n      ${reason}`),
    ...plan.omitted.map((reason) => `  ${reason}`),
    ...plan.warnings.map((warning) => `warning: ${warning}`),
  ];
}

function formatJava(java: JvmReport['java']): string {
  if ('fault' in java) return java.fault;
  if (java.jvm === 'other') return `${java.file}, whose JVM is not known`;
  return `${java.file}, ${java.jvm} ${java.version}`;
}
