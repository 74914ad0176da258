import type { Container } from './container.ts';

/** The controller that the demo runs: a stand-in, or a real Jenkins. */
export interface Controller {
  /** Description for the output: "a stand-in for Jenkins, run by java". */
  readonly description: string;
  /** The variables that `bailey jenkins` needs to run it. */
  readonly env: Readonly<Record<string, string>>;
  /** How long it may take until it is ready. */
  readonly readyWithinMs: number;
  /** How long it may take until it has stopped after SIGTERM. */
  readonly stopsWithinMs: number;
  /** Whether it is ready: builds run, or it answers. */
  isReady(container: Container): Promise<boolean>;
  /** Starts leaving orphans in the container, and counts them. */
  leaveOrphans(container: Container): Promise<OrphanCounter>;
  /** What JENKINS_HOME contains that a second container on the same volume must find. */
  savedData(container: Container): SavedData;
}

export interface OrphanCounter {
  /** How many orphans have been left in this container so far. */
  count(): number;
}

export interface SavedData {
  /** Description for the output: "17 builds". */
  readonly description: string;
  /** Describes the data that the next container found, for the output; undefined when the data is missing. */
  foundBy(next: Container): string | undefined;
}

/** A file of JENKINS_HOME as the container sees it: the mount is visible only there. */
export const pathInHome = ({ pid1, home }: Container, file: string): string =>
  `/proc/${pid1}/root${home}/${file}`;
