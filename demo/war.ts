import type { Container } from './container.ts';

/** The controller that the demo runs: a stand-in, or a real Jenkins. */
export interface War {
  /** For people: "a stand-in for Jenkins, run by java". */
  readonly description: string;
  /** What `bailey jenkins` needs in its environment to run it. */
  readonly env: Readonly<Record<string, string>>;
  /** How long it may take until it is ready, and until it has stopped after SIGTERM. */
  readonly readyWithinMs: number;
  readonly stopsWithinMs: number;
  /** Whether it is up: builds run, or it answers. */
  isReady(container: Container): Promise<boolean>;
  /** Sees to it that orphans are left in the container, and counts them. */
  leaveOrphans(container: Container): Promise<Orphans>;
  /** What is in JENKINS_HOME that a second container on the same volume must find. */
  remember(container: Container): Memory;
}

export interface Orphans {
  /** How many have been left in this container until now. */
  count(): number;
}

export interface Memory {
  /** For people: "17 builds". */
  readonly text: string;
  /** What the next container has found of it, for people, or undefined when it is not there. */
  foundBy(next: Container): string | undefined;
}

/** A file of JENKINS_HOME as the container sees it: the mount is visible only there. */
export const inHome = ({ pid1, home }: Container, file: string): string =>
  `/proc/${pid1}/root${home}/${file}`;
